"""Have trivial-rewrite bring addresses into standard form, without waiting for it in the event loop."""

from __future__ import annotations

from collections.abc import Collection

from pyfix.mail.address.rewrite import STANDARD
from pyfix.mail.ipc.aclient import AsyncChannel
from pyfix.mail.ipc.messages import Rewrite, Rewritten


class Completion:
    """One process's."""

    def __init__(self, service: AsyncChannel) -> None:
        self._service = service

    async def complete(self, addresses: Collection[str]) -> dict[str, str]:
        """Return the standard forms of those that have another one; raises IpcError."""
        unusual = list(dict.fromkeys(address for address in addresses if address and not STANDARD.match(address)))
        if not unusual:
            return {}
        reply = await self._service.call(Rewrite("local", unusual), Rewritten)
        return dict(zip(unusual, reply.addresses, strict=False))

"""The one stage that changes addresses: of the envelope, and in the headers.

An address is completed first (append_at_myorigin and its sisters, which trivial-rewrite knows), then mapped
(mapping.py), where the message allows that.

Nearly every address is user@fully.qualified.domain already and costs one regular expression; trivial-rewrite is asked,
once for all addresses of a header, about the others. The connection is not kept: it would hold one of its processes.
"""

from __future__ import annotations

from pyfix.daemons.cleanup.headers import AddressHeaderResult
from pyfix.mail.address.rewrite import STANDARD
from pyfix.mail.ipc.client import Channel
from pyfix.mail.ipc.messages import Rewrite, Rewritten
from pyfix.mail.message.address_header import AddressHeader, is_plain
from pyfix.mail.message.flaws import is_clean
from pyfix.mail.rewrite.mapping import Mapper, Use


class AddressStage:
    """Completes and maps addresses; raises IpcError when trivial-rewrite can't be asked, MapError."""

    def __init__(self, rewrite_service: Channel, token_limit: int) -> None:
        self._service = rewrite_service
        self._token_limit = token_limit

    def prepare(self, addresses: list[str], use: Use, mapper: Mapper | None) -> list[str]:
        """Return addresses of the envelope as they are to be; `mapper` is None when nothing is mapped."""
        addresses = self.complete(addresses)
        return mapper.map_all(use, addresses) if mapper is not None else addresses

    def complete(self, addresses: list[str], context: str = "local") -> list[str]:
        """Return the addresses in standard form; the null address stays, and what no address can be."""
        is_standard = STANDARD.match
        unusual = [address for address in addresses if address and not is_standard(address) and is_clean(address)]
        if not unusual:
            return addresses
        answers = self._ask(unusual, context)
        return [answers.get(address, address) for address in addresses]

    def _ask(self, unusual: list[str], context: str) -> dict[str, str]:
        try:
            reply = self._service.call(Rewrite(context, unusual), Rewritten)
        finally:
            self._service.close()
        return dict(zip(unusual, reply.addresses, strict=False))

    def rewrite_header(
        self, name: bytes, value: bytes, use: Use, *, context: str, mapper: Mapper | None, extract: bool
    ) -> AddressHeaderResult:
        """Complete and map the addresses in a header; with `extract` tell what they were."""
        if mapper is None and not extract and is_plain(value):
            return AddressHeaderResult(None, [])
        header = AddressHeader(value, self._token_limit)
        addresses = [address for address in header.addresses if address] if extract else []
        changed = self.complete(header.addresses, context)
        if mapper is not None:
            changed = mapper.map_all(use, changed)
        if changed == header.addresses and not header.is_routed:
            return AddressHeaderResult(None, addresses)
        return AddressHeaderResult(header.render(changed, len(name)), addresses)

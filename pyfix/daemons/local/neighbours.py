"""The processes that local asks: trivial-rewrite about addresses, other delivery agents to deliver in its place.

No connection is kept: it would hold one of the other side's processes, of which there may be no more than of local's,
and those who need one for a moment would wait.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import msgspec

from pyfix.mail.ipc.client import Channel, IpcError
from pyfix.mail.ipc.messages import (
    Deliver,
    Delivered,
    Outcome,
    Recipient,
    Resolve,
    Resolved,
    ResolvedList,
    Rewrite,
    Rewritten,
)


class NeighbourError(Exception):
    """Another process could not help: temporary; the text is for the log."""


class Resolver:
    """trivial-rewrite."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def rewrite(self, address: str) -> str:
        """Return the standard form of an address; raises NeighbourError."""
        with closing(self._channel):
            return self._rewrite(address)

    def resolve(self, sender: str, address: str) -> Resolved:
        """Return where an address of an alias or .forward leads, after bringing it into standard form."""
        with closing(self._channel):
            result = self._resolve(sender, self._rewrite(address))
        if result.problem:
            raise NeighbourError(result.problem)
        return result

    def _rewrite(self, address: str) -> str:
        try:
            return self._channel.call(Rewrite("local", [address]), Rewritten).addresses[0]
        except (IpcError, IndexError) as error:
            raise NeighbourError(f"rewrite {address}: {error}") from error

    def _resolve(self, sender: str, address: str) -> Resolved:
        try:
            (result,) = self._channel.call(Resolve(sender, [address]), ResolvedList).results
        except (IpcError, ValueError) as error:
            raise NeighbourError(f"resolve {address}: {error}") from error
        return result


class Transports:
    """Other delivery agents: mailbox_transport and fallback_transport."""

    def __init__(self, open_channel: Callable[[str], Channel]) -> None:
        self._open = open_channel

    def deliver(self, target: str, request: Deliver, rcpt: Recipient) -> list[Outcome]:
        """Let `transport:nexthop` deliver to one recipient; raises NeighbourError.

        The recipient goes without a position: the agent must not mark it done, since it may be one of several that a
        recipient of ours became.
        """
        transport, _, nexthop = target.partition(":")
        alone = Recipient(rcpt.address, rcpt.original, rcpt.orcpt, rcpt.notify, -1)
        passed = msgspec.structs.replace(request, recipients=[alone], nexthop=nexthop or request.nexthop, last=False)
        with closing(self._open(transport)) as channel:
            try:
                return channel.call(passed, Delivered).outcomes
            except IpcError as error:
                raise NeighbourError(f"mail transport {transport}: {error}") from error

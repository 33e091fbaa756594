"""Who a client is: address, port and verified name, as log lines and headers want them.

Names are looked up by mail/dns/peername.py; here they are kept by address with all texts made, because most clients
come back, and one that connects for every message should cost as little as one that stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pyfix.base import clock
from pyfix.base.log import Log
from pyfix.mail.dns.peername import UNKNOWN, PeerName

_KEEP_S: Final = 60.0
_KEEP_LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Peer:
    """A client."""

    name: str
    address: str
    reverse_name: str = UNKNOWN
    label: str = ""
    """name[address]."""
    rewrite_context: str = "remote"
    """"local" for clients of local_header_rewrite_clients."""
    may_send_bare_newline: bool = True
    """smtpd_forbid_bare_newline does not apply."""
    is_told_of_auth: bool = True
    """smtpd_sasl_exceptions_networks does not hold it."""
    is_unlimited: bool = False
    """smtpd_client_event_limit_exceptions holds it."""


Describe = Callable[[str, str, str], Awaitable[Peer]]
"""Makes a Peer of name, address and reverse name, with what the configuration says of it."""


class Names(Protocol):
    """What is needed of mail/dns/peername.py."""

    async def find(self, address: str) -> PeerName: ...


class Peers:
    """Known clients."""

    def __init__(self, names: Names | None, describe: Describe, log: Log) -> None:
        """Without `names` (smtpd_peername_lookup = no) every client is unknown."""
        self._names = names
        self._describe = describe
        self._log = log
        self._kept: dict[str, tuple[float, Peer]] = {}

    async def find(self, address: str) -> Peer:
        """Return what is known of the client at this address."""
        kept = self._kept.get(address)
        if kept is not None and kept[0] > clock.monotonic():
            return kept[1]
        found = PeerName()
        if self._names is not None and address != UNKNOWN:
            # In a task of its own, which the DNS library counts on having.
            found = await asyncio.get_running_loop().create_task(self._find(self._names, address))
        if found.warning:
            self._log.warning(found.warning)
        peer = await self._describe(found.name, address, found.reverse_name)
        if len(self._kept) >= _KEEP_LIMIT:
            self._kept.clear()
        self._kept[address] = (clock.monotonic() + _KEEP_S, peer)
        return peer

    @staticmethod
    async def _find(names: Names, address: str) -> PeerName:
        return await names.find(address)


def address_of(transport: asyncio.BaseTransport) -> tuple[str, str]:
    """Return address and port of the peer, IPv4 in IPv6 as IPv4; both "unknown" for what is no IP socket."""
    peer: Any = transport.get_extra_info("peername")
    if not isinstance(peer, tuple) or len(peer) < 2:
        return UNKNOWN, UNKNOWN
    return _plain(str(peer[0])), str(peer[1])


def own_address_of(transport: asyncio.BaseTransport) -> str:
    """Return the address that the peer has connected to, "" for what is no IP socket."""
    own: Any = transport.get_extra_info("sockname")
    return _plain(str(own[0])) if isinstance(own, tuple) and len(own) >= 2 else ""


def _plain(address: str) -> str:
    address = address.partition("%")[0]
    return address[7:] if address.startswith("::ffff:") and "." in address else address

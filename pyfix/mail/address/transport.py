"""The transport table: which transport and next hop a recipient gets instead of those of its class.

    transport:nexthop     transport: or transport   (next hop: the recipient's domain)     :nexthop     :   (no change)

`error` and `retry` take the text behind the colon as the reason. Searched: user+ext@domain, user@domain, domain, its
parents, `*`. Pure apart from the tables; TableError passes through.
See: transport(5).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pyfix.mail.maps.address_lookup import TRANSPORT, Strategy
from pyfix.mail.maps.maps import Maps

REASONED: Final = frozenset({"error", "retry"})
"""Transports whose next hop is a reason."""


class Route(NamedTuple):
    """A transport (master.cf service) and its next hop."""

    transport: str
    nexthop: str


def parse_transport(value: str, default: Route, domain: str) -> Route:
    """Return what an entry makes of the default route of a recipient at domain."""
    transport, _, nexthop = value.partition(":")
    if not transport:
        return Route(default.transport, nexthop or default.nexthop)
    if not nexthop:
        nexthop = "Address is undeliverable" if transport in REASONED else domain
    return Route(transport, nexthop)


class TransportTable:
    """The tables of transport_maps."""

    def __init__(self, maps: Maps, delimiter: str, parents: bool) -> None:
        self.maps = maps
        self._delimiter = delimiter
        self._strategy = TRANSPORT | (Strategy.PARENT if parents else Strategy.DOT_PARENT)

    def route(self, address: str, domain: str, default: Route) -> Route:
        """Return the route of a recipient; raises TableError."""
        if self.maps.is_empty:
            return default
        found = self.maps.lookup_address(address, self._delimiter, None, self._strategy)
        value = found.value if found else self.maps.lookup_fixed("*")
        return parse_transport(value, default, domain) if value is not None else default

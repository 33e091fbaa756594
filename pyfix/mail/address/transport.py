"""transport(5): tables that say how mail for an address or a domain is delivered.

    pattern   transport:nexthop

transport_maps gives a recipient another transport, that is another service of master.cf, and another next hop than its
domain's class has. trivial-rewrite(8) asks the tables. Virtual aliases come before: an address that is one never gets
here.

Format: a table of any type, made of lines as texthash_table(5) describes them.

Search: these keys, in this order, the first that is there decides; case does not count.

    user+ext@domain   the address, where recipient_delimiter is "+"
    user@domain       without the extension
    domain            the domain
    parent            a parent domain, as .parent unless parent_domain_matches_subdomains has transport_maps
    *                 everything else

Tables of patterns are asked for the whole address only.

Results: what the next hop means is the transport's business; smtp(8) has the forms for mail that leaves.

    transport:nexthop       both
    transport: , transport  the next hop is the domain of the recipient
    :nexthop                the transport stays
    :                       nothing changes

For error(8) and retry the next hop is the text for the sender.

Failures: a table that can't be asked defers the mail.

Example: mail for one domain to an internal server, for another to a command, for a third to nobody

    example.com         smtp:[10.1.2.3]
    lists.example.com   mailman:
    .example.org        error:5.1.2 No mail for example.org

See: trivial-rewrite(8), relocated(5), smtp(8), error(8), master(5), texthash_table(5), postmap(1)
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

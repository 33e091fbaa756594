"""Decide transport, next hop and class of a recipient.

First the address: local domains are peeled off and what routing operators then name is looked at anew, so that
user%other@here is judged as user@other. Then its class, by the domain: local (mydestination), alias
(virtual_alias_domains), virtual (virtual_mailbox_domains), relay (relay_domains), default (everything else). Last the
tables that override: transport_maps, relocated_maps.

A table that cannot be asked gives a Resolved with `problem`: temporary, nothing is decided. An address that is no
address has class "error" and status 5.1.3. Nothing is raised.
See: trivial-rewrite(8), ADDRESS_CLASS_README, transport(5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.address.peel import PeelRules, peel
from pyfix.mail.address.relocated import find_moved
from pyfix.mail.address.rewrite import STANDARD
from pyfix.mail.address.transport import Route, TransportTable
from pyfix.mail.address.valid import is_valid_hostname, is_valid_ipv4, is_valid_mailhost_literal
from pyfix.mail.ipc.messages import Resolved
from pyfix.mail.maps.address_lookup import ALIAS
from pyfix.mail.maps.maps import Maps
from pyfix.mail.maps.match_list import MatchList
from pyfix.mail.maps.table import TableError, Warn

BAD_SYNTAX: Final = "5.1.3 bad address syntax"


@dataclass(frozen=True, slots=True)
class RoutingRules:
    """The values that decide, already expanded."""

    peeling: PeelRules
    local_transport: str
    virtual_transport: str
    relay_transport: str
    default_transport: str
    relayhost: str = ""
    recipient_delimiter: str = ""
    null_sender_relayhost_key: str = "<>"
    null_sender_transport_key: str = "<>"
    resolve_numeric_domain: bool = False
    allow_min_user: bool = False
    helpful_warnings: bool = True
    show_table_name: bool = True


@dataclass(frozen=True, slots=True)
class RoutingTables:
    """The tables that are asked."""

    local: LocalDomains
    virtual_alias: MatchList
    virtual_mailbox: MatchList
    relay: MatchList
    transport: TransportTable
    relocated: Maps
    sender_relayhost: Maps
    sender_transport: Maps

    def find_changed(self) -> Iterator[str]:
        """Yield the parameter of each table or list with a file that has changed."""
        watched: dict[str, LocalDomains | MatchList | Maps] = {
            "mydestination": self.local,
            "virtual_alias_domains": self.virtual_alias,
            "virtual_mailbox_domains": self.virtual_mailbox,
            "relay_domains": self.relay,
            "transport_maps": self.transport.maps,
            "relocated_maps": self.relocated,
            "sender_dependent_relayhost_maps": self.sender_relayhost,
            "sender_dependent_default_transport_maps": self.sender_transport,
        }
        return (name for name, item in watched.items() if item.has_changed())


class Resolver:
    """Applies rules and tables; one a process."""

    def __init__(self, rules: RoutingRules, tables: RoutingTables, warn: Warn) -> None:
        self._rules = rules
        self._tables = tables
        self._warn = warn

    def resolve(self, sender: str, address: str) -> Resolved:
        """Return the route of one recipient; sender "" is the null sender."""
        try:
            recipient, is_local = self._canonical(address)
            if not self._is_valid(recipient):
                return Resolved("error", BAD_SYNTAX, recipient, "error", "5.1.3")
            return self._route(sender, recipient, is_local)
        except TableError as error:
            return Resolved("", "", address, "", "4.3.0", str(error))

    def find_changed(self) -> Iterator[str]:
        """Yield the parameter of each table on disk that has changed."""
        return self._tables.find_changed()

    def _canonical(self, address: str) -> tuple[str, bool]:
        """Return the recipient in external form, and whether its domain is local."""
        found = STANDARD.match(address)
        if found:
            return address, self._tables.local.matches(found[2])
        return peel(address, self._rules.peeling, self._tables.local.matches)

    def _is_valid(self, recipient: str) -> bool:
        domain = recipient.rpartition("@")[2]
        if domain.startswith("["):
            valid = is_valid_mailhost_literal(domain)
        else:
            valid = is_valid_hostname(domain) or (self._rules.resolve_numeric_domain and is_valid_ipv4(domain))
        return valid and (self._rules.allow_min_user or not recipient.startswith(("-", '"-')))

    def _route(self, sender: str, recipient: str, is_local: bool) -> Resolved:
        domain = recipient.rpartition("@")[2]
        address_class, route = self._class_route(sender, domain, is_local)
        if address_class != "alias":
            route = self._tables.transport.route(recipient, domain, route)
        tables = self._tables
        moved = find_moved(
            tables.relocated, recipient, self._rules.recipient_delimiter, tables.local.is_local_part_domain
        )
        if moved is not None:
            route = Route("error", moved)
        return Resolved(route.transport, route.nexthop, recipient, address_class)

    def _class_route(self, sender: str, domain: str, is_local: bool) -> tuple[str, Route]:
        """Return the address class and the route that goes with it."""
        rules, tables = self._rules, self._tables
        if is_local:
            self._nag(domain, "mydestination", (tables.virtual_alias, tables.virtual_mailbox))
            return "local", _explicit(rules.local_transport, domain)
        if tables.virtual_alias.matches(domain):
            self._nag(domain, "virtual_alias_domains", (tables.virtual_mailbox, tables.relay))
            where = " in virtual alias table" if rules.show_table_name else ""
            return "alias", Route("error", f"5.1.1 User unknown{where}")
        if tables.virtual_mailbox.matches(domain):
            self._nag(domain, "virtual_mailbox_domains", (tables.relay,))
            return "virtual", _explicit(rules.virtual_transport, domain)
        return self._remote_route(sender, domain)

    def _remote_route(self, sender: str, domain: str) -> tuple[str, Route]:
        rules, tables = self._rules, self._tables
        if tables.relay.matches(domain):
            address_class, transport = "relay", rules.relay_transport
        else:
            key = sender or rules.null_sender_transport_key
            address_class = "default"
            transport = self._sender_match(tables.sender_transport, key) or "DUNNO"
            transport = rules.default_transport if transport.upper() == "DUNNO" else transport
        return address_class, _explicit(transport, self._relayhost(sender) or domain)

    def _relayhost(self, sender: str) -> str:
        """Return the next hop of mail that leaves, "" for the domain of the recipient.

        DUNNO for a sender means the domain of the recipient, also where relayhost is set.
        """
        key = sender or self._rules.null_sender_relayhost_key
        found = self._sender_match(self._tables.sender_relayhost, key)
        if found is None:
            return self._rules.relayhost
        return "" if found.upper() == "DUNNO" else found

    def _sender_match(self, maps: Maps, sender: str) -> str | None:
        found = maps.lookup_address(
            sender, self._rules.recipient_delimiter, self._tables.local.is_local_part_domain, ALIAS
        )
        return found.value if found else None

    def _nag(self, domain: str, listed: str, others: tuple[MatchList, ...]) -> None:
        """Warn about a domain in two classes: which of them wins is an accident of the order above."""
        if not self._rules.helpful_warnings:
            return
        for other in others:
            if other.matches(domain):
                self._warn(f"do not list domain {domain} in BOTH {listed} and {other.parameter}")


def _explicit(transport: str, nexthop: str) -> Route:
    """Split transport:nexthop of main.cf; without a next hop there the given one counts."""
    name, _, explicit = transport.partition(":")
    return Route(name, explicit or nexthop)

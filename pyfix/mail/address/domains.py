"""Which domains are delivered on this machine: mydestination, and the address literals of its interfaces.

user@[1.2.3.4] is local when 1.2.3.4 is one of inet_interfaces or proxy_interfaces.
See: mydestination, inet_interfaces, proxy_interfaces; RFC 5321 section 4.1.3.
"""

from __future__ import annotations

from pyfix.mail.address.valid import literal_address, parse_hostaddr
from pyfix.mail.config import Config, CoreParameters
from pyfix.mail.config.networks import select_interfaces
from pyfix.mail.maps.match_list import STRING, MatchList
from pyfix.mail.maps.table import Ask


class LocalDomains:
    """Answers whether a domain is local; raises TableError when a table of mydestination is out of order."""

    def __init__(self, config: Config, params: CoreParameters) -> None:
        self._list = MatchList(params.mydestination, "mydestination", config, STRING)
        self._myorigin = params.myorigin.casefold()
        chosen = select_interfaces(
            config.host.interfaces(), params.inet_interfaces, params.inet_protocols, config.host.resolve
        )
        addresses = [interface.address for interface in chosen] + [word.strip("[]") for word in params.proxy_interfaces]
        self._own = frozenset(packed for packed in map(parse_hostaddr, addresses) if packed is not None)

    def matches(self, domain: str) -> bool:
        """True for a domain in mydestination (a trailing dot does not count) or a literal of our own."""
        if domain.startswith("["):
            return self.is_own_literal(domain) or self._list.matches(domain)
        return self._list.matches(domain[:-1] if domain.endswith(".") else domain)

    def is_own_literal(self, domain: str) -> bool:
        """True for [address] with an address of this machine or of its proxy."""
        address = literal_address(domain)
        return address is not None and parse_hostaddr(address) in self._own

    def is_local_part_domain(self, domain: str) -> bool:
        """True when tables may be searched for the local part alone: $myorigin or a local domain."""
        return domain.casefold() == self._myorigin or self.matches(domain)

    @property
    def blocking(self) -> bool:
        """True when a table of mydestination may have to wait."""
        return self._list.blocking

    def lend(self, ask: Ask) -> None:
        """Let other threads ask, too: see Table.lend."""
        self._list.lend(ask)

    def has_changed(self) -> bool:
        """True when a table or file of mydestination has changed."""
        return self._list.has_changed()

"""In which order an address and its parts are looked up. The one place that knows.

    1 user+ext@domain   2 user@domain   3 user+ext, user (only when the domain is ours)   4 @domain   5 domain, parents

Pattern tables see the whole address only. A caller chooses the steps with a Strategy. Keys are in external form, then,
where that has quotes, without them; like all keys they fold to lower case in the table. The extension of a match is
what the key left out, delimiter included, so that the caller can append it to the result
(propagate_unmatched_extensions).
See: virtual(5), canonical(5), access(5), transport(5); the search is the one that Postfix's manual pages give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from pyfix.mail.address.quote import quote_local, unquote_address, unquote_local
from pyfix.mail.address.split import split_extension

if TYPE_CHECKING:
    from pyfix.mail.maps.maps import Maps

IsLocal = Callable[[str], bool]
"""Whether a domain is $myorigin, in $mydestination or one of our address literals."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """The steps of a search; the whole address in all tables is always the first. `|` puts two together."""

    PARENT: ClassVar[Strategy]
    DOT_PARENT: ClassVar[Strategy]

    local_part: bool = False
    """user+ext and user, when the domain is ours."""
    at_domain: bool = False
    """@domain."""
    domain: bool = False
    """domain."""
    parent: bool = False
    """parent, for sub.parent: parent_domain_matches_subdomains."""
    dot_parent: bool = False
    """.parent, for sub.parent."""
    local_part_at: bool = False
    """user@, for any domain: access(5)."""
    unquoted: bool = False
    """Each step also without the quotes of the local part."""

    def __or__(self, other: Strategy) -> Strategy:
        """Return the steps of both."""
        return Strategy(*(getattr(self, step.name) or getattr(other, step.name) for step in fields(self)))


Strategy.PARENT = Strategy(parent=True)
Strategy.DOT_PARENT = Strategy(dot_parent=True)

MAPPING: Final = Strategy(local_part=True, at_domain=True)
"""canonical_maps and virtual_alias_maps, where they change addresses."""
ALIAS: Final = MAPPING | Strategy(unquoted=True)
"""The same where they tell who exists; tables of users and of what belongs to them: all but those below."""
TRANSPORT: Final = Strategy(domain=True, unquoted=True)
"""transport_maps, with PARENT or DOT_PARENT added."""
ACCESS: Final = Strategy(domain=True, local_part_at=True, unquoted=True)
"""check_sender_access and check_recipient_access, with PARENT or DOT_PARENT added."""


class AddressMatch(NamedTuple):
    """What a search found."""

    value: str
    key: str
    extension: str
    """What the key left out, with its delimiter and without quotes: "+ext"; "" when nothing was left out."""


def find_address(
    maps: Maps, address: str, delimiter: str, is_local: IsLocal | None, strategy: Strategy
) -> AddressMatch | None:
    """Return the first match; raises TableError."""
    quoted = strategy.unquoted and ('"' in address or "\\" in address)
    for key in _forms(address) if quoted else (address,):
        value = maps.lookup(key)
        if value is not None:
            return AddressMatch(value, key, "")
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = address, ""
    for step, extension in _partial_keys(local, at, domain, delimiter, is_local, strategy):
        for key in _forms(step) if quoted else (step,):
            value = maps.lookup_fixed(key)
            if value is not None:
                return AddressMatch(value, key, extension)
    return None


def _forms(external: str) -> tuple[str, ...]:
    """Return a key as it is, and without quotes where it has some."""
    internal = unquote_address(external)
    return (external,) if internal == external else (external, internal)


def _partial_keys(
    local: str, at: str, domain: str, delimiter: str, is_local: IsLocal | None, strategy: Strategy
) -> Iterator[tuple[str, str]]:
    """Yield (key, extension left out) of each step behind the first."""
    plain = unquote_local(local)
    user, rest = split_extension(plain, delimiter)
    extension = "" if rest is None else plain[len(user) :]
    if plain is not local:
        user = quote_local(user)
    if extension:
        yield f"{user}{at}{domain}", extension
    if not at:
        return
    if strategy.local_part and is_local is not None and is_local(domain):
        yield local, ""
        if extension:
            yield user, extension
    if strategy.at_domain:
        yield f"@{domain}", ""
    if strategy.domain:
        for key in domain_keys(domain, strategy):
            yield key, ""
    if strategy.local_part_at:
        yield f"{local}@", ""
        if extension:
            yield f"{user}@", extension


def domain_keys(domain: str, strategy: Strategy) -> Iterator[str]:
    """Yield the keys of a domain: itself, then its parents as the strategy writes them."""
    yield domain
    if not strategy.parent and not strategy.dot_parent:
        return
    skip = 1 if strategy.parent else 0
    position = domain.find(".")
    while position >= 0:
        if position + 1 < len(domain):
            yield domain[position + skip :]
        position = domain.find(".", position + 1)


def lookup_domain(maps: Maps, domain: str, *, parents: bool) -> tuple[str, str] | None:
    """Search a host or domain name as access(5) does: (value, key) or None.

    parents: whether parent_domain_matches_subdomains names the caller.
    """
    strategy = Strategy.PARENT if parents else Strategy.DOT_PARENT
    lookup = maps.lookup
    for key in domain_keys(domain, strategy):
        value = lookup(key)
        if value is not None:
            return value, key
        lookup = maps.lookup_fixed
    return None


def network_keys(address: str) -> Iterator[str]:
    """Yield an IP address and the networks around it as access(5) writes them: 1.2.3.4, 1.2.3, 1.2, 1."""
    delimiter = ":" if ":" in address else "."
    while address:
        yield address
        if address == "::":
            return
        address = address.rpartition(delimiter)[0].rstrip(delimiter)


def lookup_network(maps: Maps, address: str) -> tuple[str, str] | None:
    """Search a client address as access(5) does: (value, key) or None; raises TableError."""
    lookup = maps.lookup
    for key in network_keys(address):
        value = lookup(key)
        if value is not None:
            return value, key
        lookup = maps.lookup_fixed
    return None

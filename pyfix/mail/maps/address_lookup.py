"""In which order an address and its parts are looked up. The one place that knows.

    1 user+ext@domain   2 user@domain   3 user+ext, user (only when the domain is ours)   4 @domain   5 domain, parents

Pattern tables see the whole address only. A caller chooses the steps with a Strategy. Keys are in external form and,
like all keys, fold to lower case in the table. The extension of a match is what the key left out, delimiter included,
so that the caller can append it to the result (propagate_unmatched_extensions).
See: virtual(5), canonical(5), access(5), transport(5); the search is the one that Postfix's manual pages give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Flag, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from pyfix.mail.address.split import split_extension

if TYPE_CHECKING:
    from pyfix.mail.maps.maps import Maps

IsLocal = Callable[[str], bool]
"""Whether a domain is $myorigin, in $mydestination or one of our address literals."""


class Strategy(Flag):
    """The steps of a search."""

    FULL = auto()
    """user+ext@domain, in all tables."""
    NO_EXTENSION = auto()
    """user@domain."""
    LOCAL_PART = auto()
    """user+ext and user, when the domain is ours."""
    AT_DOMAIN = auto()
    """@domain."""
    DOMAIN = auto()
    """domain."""
    PARENT = auto()
    """parent, for sub.parent: parent_domain_matches_subdomains."""
    DOT_PARENT = auto()
    """.parent, for sub.parent."""
    LOCAL_PART_AT = auto()
    """user@, for any domain: access(5)."""


ALIAS: Final = Strategy.FULL | Strategy.NO_EXTENSION | Strategy.LOCAL_PART | Strategy.AT_DOMAIN
"""virtual_alias_maps, canonical_maps, relocated_maps, sender_dependent_*_maps."""
TRANSPORT: Final = Strategy.FULL | Strategy.NO_EXTENSION | Strategy.DOMAIN
"""transport_maps, with PARENT or DOT_PARENT added."""
ACCESS: Final = Strategy.FULL | Strategy.NO_EXTENSION | Strategy.DOMAIN | Strategy.LOCAL_PART_AT
"""check_sender_access and check_recipient_access, with PARENT or DOT_PARENT added."""
MAILBOX: Final = Strategy.FULL | Strategy.NO_EXTENSION | Strategy.AT_DOMAIN
"""virtual_mailbox_maps, relay_recipient_maps."""


class AddressMatch(NamedTuple):
    """What a search found."""

    value: str
    key: str
    extension: str
    """What the key left out, with its delimiter: "+ext"; "" when nothing was left out."""


def find_address(
    maps: Maps, address: str, delimiter: str, is_local: IsLocal | None, strategy: Strategy
) -> AddressMatch | None:
    """Return the first match; raises TableError."""
    if Strategy.FULL in strategy:
        value = maps.lookup(address)
        if value is not None:
            return AddressMatch(value, address, "")
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = address, ""
    for key, extension in _partial_keys(local, at, domain, delimiter, is_local, strategy):
        value = maps.lookup_fixed(key)
        if value is not None:
            return AddressMatch(value, key, extension)
    return None


def _partial_keys(
    local: str, at: str, domain: str, delimiter: str, is_local: IsLocal | None, strategy: Strategy
) -> Iterator[tuple[str, str]]:
    """Yield (key, extension left out) of each step behind the first."""
    user, rest = split_extension(local, delimiter)
    extension = "" if rest is None else local[len(user) :]
    if extension and Strategy.NO_EXTENSION in strategy:
        yield f"{user}{at}{domain}", extension
    if not at:
        return
    if Strategy.LOCAL_PART in strategy and is_local is not None and is_local(domain):
        yield local, ""
        if extension:
            yield user, extension
    if Strategy.AT_DOMAIN in strategy:
        yield f"@{domain}", ""
    if Strategy.DOMAIN in strategy:
        yield from ((key, "") for key in domain_keys(domain, strategy))
    if Strategy.LOCAL_PART_AT in strategy:
        yield f"{local}@", ""
        if extension:
            yield f"{user}@", extension


def domain_keys(domain: str, strategy: Strategy) -> Iterator[str]:
    """Yield the keys of a domain: itself, then its parents as the strategy writes them."""
    yield domain
    if Strategy.PARENT not in strategy and Strategy.DOT_PARENT not in strategy:
        return
    skip = 1 if Strategy.PARENT in strategy else 0
    position = domain.find(".")
    while position > 0 or (position == 0 and len(domain) > 1):
        parent = domain[position + skip :]
        if len(parent) > 1 - skip:
            yield parent
        position = domain.find(".", position + 1)
        if position < 0:
            return


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

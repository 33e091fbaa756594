"""What the entries of a directory hold for a table, and how keys are put into searches. Pure.

Of the attributes of a table some are plain: their values are results. Special ones refer to further entries, by name
or by URL. Where an entry has a terminal one, nothing else of it counts. Leaf ones count in entries that refer to no
others.
See: ldap_table(5); RFC 4514 for names, RFC 4515 for filters, RFC 4516 for URLs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

SCOPES: Final = ("base", "one", "sub")
ANY_OBJECT: Final = "(objectClass=*)"
Entry = Mapping[str, Sequence[bytes]]
"""Attributes and their values, in the order in which the server gave them."""
_UNSAFE_IN_FILTER: Final = re.compile(rb"[^A-Za-z0-9@._-]")
_UNSAFE_IN_NAME: Final = re.compile(r'[\x00-\x20"#+,;<=>\\\x7f]')
_URL: Final = re.compile(r"(ldap[si]?://[^/?]*)(?:/(.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reference:
    """Another entry, or others, whose values count as well."""

    attribute: str
    target: bytes
    """The name of an entry, or a URL."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Entries that other servers have; each of the URLs leads to all of them."""

    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One search."""

    base: str
    scope: str
    filter: str
    attributes: tuple[str, ...]

    def at(self, url: SearchUrl) -> Request:
        """Return what another server is asked for, to which a URL refers (RFC 4511, 4.5.3)."""
        return Request(
            url.base or self.base, url.scope or self.scope, in_brackets(url.filter or self.filter), self.attributes
        )


@dataclass(frozen=True, slots=True)
class Attributes:
    """Those of one table; one that is listed twice is the first of these."""

    terminal: tuple[str, ...]
    leaf: tuple[str, ...]
    plain: tuple[str, ...]
    special: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Return what a search asks for."""
        return (*self.terminal, *self.leaf, *self.plain, *self.special)

    def read(self, entry: Entry) -> Iterator[bytes | Reference]:
        """Yield the values in an entry that count, and references to others."""
        present = {name.casefold() for name, values in entry.items() if values}
        is_terminal = _has(self.terminal, present)
        is_leaf = not _has(self.special, present)
        for name, values in entry.items():
            folded = {name.casefold()}
            if _has(self.terminal, folded):
                yield from values
            elif is_terminal:
                continue
            elif _has(self.leaf, folded):
                yield from values if is_leaf else ()
            elif _has(self.plain, folded):
                yield from values
            elif _has(self.special, folded):
                yield from (Reference(name, value) for value in values)

    def wanted_by(self, url: SearchUrl) -> tuple[str, ...]:
        """Return what the search of a URL asks for: attributes that are in it, too, if it has any."""
        if not url.attributes:
            return self.all
        found = (_common(mine, theirs) for mine in self.all for theirs in url.attributes)
        return tuple(dict.fromkeys(name for name in found if name))


def _has(names: Sequence[str], present: set[str]) -> bool:
    return any(name.casefold() in present for name in names)


def _common(mine: str, theirs: str) -> str:
    """Return the name of an attribute that both name, with the options that one of them has; "" for different ones."""
    my_name, _, my_options = mine.casefold().partition(";")
    name, _, options = theirs.casefold().partition(";")
    if my_name != name or (my_options and options and my_options != options):
        return ""
    return theirs if options else mine


@dataclass(frozen=True, slots=True)
class SearchUrl:
    """What the URL of a search says; texts are empty where it says nothing."""

    server: str
    """Scheme and host."""
    base: str
    attributes: tuple[str, ...]
    scope: str
    filter: str


def is_url(target: str) -> bool:
    """Return whether a reference is a URL, or else the name of an entry."""
    return target[:8].casefold().startswith(("ldap://", "ldaps://", "ldapi://"))


def parse_url(text: str) -> SearchUrl:
    """Return what a URL says (RFC 4516); ValueError for one that is wrong."""
    parsed = _URL.fullmatch(text)
    base, attributes, scope, query, extensions = [*((parsed and parsed[2]) or "").split("?"), "", "", "", ""][:5]
    scope = scope.casefold()
    if parsed is None or scope not in ("", *SCOPES) or extensions.startswith("!"):
        raise ValueError("no URL of a search")
    names = tuple(unquote(name) for name in attributes.split(",") if name)
    return SearchUrl(parsed[1], unquote(base, errors="strict"), names, scope, unquote(query, errors="strict"))


def in_brackets(query: str) -> str:
    """Return a filter as the protocol has it, which knows none without them."""
    return query if query.startswith("(") else f"({query})"


def quote_in_filter(text: str) -> str:
    """Return a text as it stands for itself in a filter (RFC 4515)."""
    return _UNSAFE_IN_FILTER.sub(lambda found: b"\\%02x" % ord(found[0]), text.encode()).decode()


def quote_in_name(text: str) -> str:
    """Return a text as it stands for itself in the name of an entry (RFC 4514)."""
    return _UNSAFE_IN_NAME.sub(lambda found: f"\\{ord(found[0]):02x}", text)

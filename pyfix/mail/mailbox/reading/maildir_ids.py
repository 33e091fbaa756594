"""Unique ids of the messages of a Maildir: made of file names, or those of dovecot-uidlist.

No two are the same, whatever the names are: of several messages with the same unique part, each is known by its whole
base name. What a session keeps is small: exceptions, or one number a message.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from pyfix.mail.mailbox.reading.catalog import Catalog
from pyfix.mail.mailbox.reading.names import base_of, hashed, uidl_of, unique_of
from pyfix.mail.mailbox.reading.uidlist import UidList, format_uidl


class Ids(Protocol):
    """Unique ids of messages, by index from 0."""

    def uidls(self, catalog: Catalog, start: int, end: int) -> list[bytes]:
        """Return the ids of a range."""

    def select(self, kept: Sequence[int]) -> Ids:
        """Return the ids of these messages, in this order."""


class FileNameIds:
    """Ids of file names."""

    __slots__ = ("_shared",)

    def __init__(self) -> None:
        """Look at the names when an id is asked for."""
        self._shared: frozenset[str] | None = None
        """Unique parts that several messages have."""

    def uidls(self, catalog: Catalog, start: int, end: int) -> list[bytes]:
        """Return the ids of a range."""
        if self._shared is None:
            self._shared = _repeated(catalog.uniques())
        return [self._uidl(base_of(catalog.name(index))) for index in range(start, min(end, len(catalog)))]

    def _uidl(self, base: str) -> bytes:
        unique = unique_of(base)
        if self._shared and unique in self._shared:
            return hashed(base.encode("utf-8", "surrogateescape"))
        return uidl_of(unique)

    def select(self, kept: Sequence[int]) -> Ids:
        """Return the ids of fewer messages."""
        return FileNameIds()


def _repeated(uniques: list[str]) -> frozenset[str]:
    if len(set(uniques)) == len(uniques):
        return frozenset()
    return frozenset(unique for unique, count in Counter(uniques).items() if count > 1)


class ListedIds:
    """Ids of dovecot-uidlist."""

    __slots__ = ("_others", "_uids", "_validity")

    def __init__(self, bases: Sequence[str], listed: UidList) -> None:
        """Take the numbers of these messages; an id that is no number is an exception."""
        self._validity = listed.validity
        self._uids = array("I", (listed.uids.get(base, 0) for base in bases))
        self._others = {
            index: listed.uidl(base)
            for index, base in enumerate(bases)
            if base in listed.saved or base not in listed.uids
        }

    def uidls(self, catalog: Catalog, start: int, end: int) -> list[bytes]:
        """Return the ids of a range."""
        others, validity = self._others, self._validity
        return [
            others.get(index) or format_uidl(uid, validity) for index, uid in enumerate(self._uids[start:end], start)
        ]

    def select(self, kept: Sequence[int]) -> Ids:
        """Return the ids of fewer messages."""
        fewer = ListedIds.__new__(ListedIds)
        fewer._validity = self._validity
        fewer._uids = array("I", map(self._uids.__getitem__, kept))
        fewer._others = {place: self._others[index] for place, index in enumerate(kept) if index in self._others}
        return fewer

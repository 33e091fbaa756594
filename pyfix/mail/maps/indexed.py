"""lmdb_table(5), hash_table(5), btree_table(5), cdb_table(5): tables with an index that postmap makes of a text.

    hash:/file/name

For tables of any size: a lookup takes microseconds, and a reader needs no more memory for a large table. postmap(1)
builds the index, or postalias(1) for aliases; it must be run after each change of the text. What is looked up is the
index alone.

    hash:FILE, btree:FILE   FILE.db, an LMDB file
    lmdb:FILE               FILE.lmdb, the same
    cdb:FILE                FILE.cdb, a constant database, as Postfix makes and reads it

An index is built beside the old one and renamed over it, so that readers see the old or the new one, and never a part.
A process notices a new index and finishes soon, so that another takes its place.

Format: that of the text is in texthash_table(5); for aliases in aliases(5).

Failures: an index that is missing or no index is a temporary failure, with the command that builds it. One that is
older than its text is warned about. A FILE.db that Postfix made is a Berkeley DB file, which is not read: run postmap
once.

See: postmap(1), postalias(1), newaliases(1), texthash_table(5), lookup_tables(5)

Inside: the formats are in index_file.py and cdb_file.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pyfix.mail.maps.index_file import stored_text
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.source import shown
from pyfix.mail.maps.table import FileStamp, Table, TableError, encode_key


class Index(Protocol):
    """An open index."""

    stamp: FileStamp

    def get(self, key: str) -> str | None:
        """Return the value of key, None when it is not there; raises TableError."""

    def get_exact(self, raw: bytes) -> bytes | None:
        """Return what is stored under these bytes, None when there is nothing; raises TableError."""

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield all keys and values; raises TableError."""


class IndexedTable(Table):
    """Looks keys up in an index on disk."""

    def __init__(self, name: str, index: Index, opening: Opening) -> None:
        super().__init__(name)
        self._index = index
        self._get = index.get if opening.null is None else self._get_exact
        self._fold = opening.fold
        self._utf8 = opening.utf8
        self._end = b"\0" if opening.null else b""
        self.owner = index.stamp.owner

    def lookup(self, key: str) -> str | None:
        value = self._get(key.casefold() if self._fold else key)
        if value is not None and self._utf8 and not value.isascii() and encode_key(value) is None:
            raise TableError(f'{self.name}: key "{shown(key)}": non-UTF-8 value "{shown(value)}"')
        return value

    def _get_exact(self, key: str) -> str | None:
        raw = self._index.get_exact(key.encode("utf-8", "surrogateescape") + self._end)
        return None if raw is None else stored_text(raw)

    def entries(self) -> Iterator[tuple[str, str]]:
        return self._index.items()

    def has_changed(self) -> bool:
        return self._index.stamp.has_changed()

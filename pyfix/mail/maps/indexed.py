"""The `hash:`, `btree:`, `lmdb:` and `cdb:` tables: a source text and beside it the index that postmap made of it.

Only the index is read. The first three hold the same, an LMDB file; the name tells where it is: FILE.db for hash and
btree, as scripts and manuals expect it, FILE.lmdb for lmdb. FILE.cdb is a constant database.
See: postmap(1), lmdb_table(5), cdb_file.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pyfix.mail.maps.table import FileStamp, Table


class Index(Protocol):
    """An open index."""

    stamp: FileStamp

    def get(self, key: str) -> str | None:
        """Return the value of key, None when it is not there; raises TableError."""

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield all keys and values; raises TableError."""


class IndexedTable(Table):
    """Looks keys up in an index on disk."""

    def __init__(self, name: str, index: Index, *, fold: bool = True) -> None:
        super().__init__(name)
        self._index = index
        self._get = index.get
        self._fold = fold
        self.owner = index.stamp.owner

    def lookup(self, key: str) -> str | None:
        return self._get(key.casefold() if self._fold else key)

    def entries(self) -> Iterator[tuple[str, str]]:
        return self._index.items()

    def has_changed(self) -> bool:
        return self._index.stamp.has_changed()

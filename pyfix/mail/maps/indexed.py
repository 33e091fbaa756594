"""The `hash:`, `btree:` and `lmdb:` tables: a source text and beside it the index that postmap made of it.

Only the index is read. All three hold the same, an LMDB file; the name tells where it is: FILE.db for hash and btree,
as scripts and manuals expect it, FILE.lmdb for lmdb.
See: postmap(1), lmdb_table(5).
"""

from __future__ import annotations

from collections.abc import Iterator

from pyfix.mail.maps.index_file import IndexReader
from pyfix.mail.maps.table import Table


class IndexedTable(Table):
    """Looks keys up in an index on disk."""

    def __init__(self, name: str, index: IndexReader, *, fold: bool = True) -> None:
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

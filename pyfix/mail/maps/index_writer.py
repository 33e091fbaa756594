"""Build and change the index of a table.

The new index is made in a scratch file beside the old one and renamed over it, so that readers see one or the other
and never a part. Memory does not grow with the table: entries are committed in batches, without waiting for the disk
until the end. What a build that was killed has left is removed by the next one. A change of an index that is there (one
key removed, some added) copies it first and locks out other writers meanwhile.
"""

from __future__ import annotations

import os
import shutil
from typing import Final

import lmdb

from pyfix.mail.maps import index_place
from pyfix.mail.maps.index_file import KEY_LIMIT, NotAnIndex, describe
from pyfix.mail.maps.table import TableError

_BATCH: Final = 20_000
_FIRST_SIZE: Final = 16 * 1024 * 1024


class IndexWriter:
    """Builds or changes an index; use as a context manager, `commit` puts it in place."""

    def __init__(self, path: str, *, keep: bool, null: bool | None = None) -> None:
        """Start a new index beside path; keep: with what is in the present one.

        null: whether keys and values are stored with a NUL byte at their end. None is yes, as for Postfix's hash: and
        lmdb:, and keys without one can be removed, too.
        """
        self.path = path
        self._end = b"" if null is False else b"\0"
        self._ends = (b"\0", b"") if null is None else (self._end,)
        self._scratch = index_place.scratch(path)
        self._lock = index_place.lock(path) if keep else -1
        if keep:
            shutil.copyfile(path, self._scratch)
        self._size = max(_FIRST_SIZE, 2 * os.stat(path).st_size) if keep else _FIRST_SIZE
        self._environment = self._open()
        self._transaction = self._environment.begin(write=True)
        self._pending: list[tuple[bytes, bytes | None]] = []

    def _open(self) -> lmdb.Environment:
        try:
            return lmdb.open(
                self._scratch, subdir=False, lock=False, sync=False, metasync=False, map_size=self._size, mode=0o644
            )
        except lmdb.Error as error:
            with open(self._scratch, "rb") as copy:
                head = copy.read(32)
            index_place.remove(self._scratch)
            raise NotAnIndex(describe(self.path, str(error), head)) from error

    def add(self, key: str, value: str, *, replace: bool = False) -> bool:
        """Store one entry; return False, and change nothing, when the key is there and replace is not set."""
        raw = key.encode("utf-8", "surrogateescape") + self._end
        content = value.encode("utf-8", "surrogateescape") + self._end
        if not key or len(raw) > KEY_LIMIT:
            size, limit = len(raw) - len(self._end), KEY_LIMIT - len(self._end)
            raise TableError(f"key of {size} bytes: an index takes keys of 1 to {limit} bytes")
        if self._put(raw, content, replace):
            self._pending.append((raw, content))
            self._breathe()
            return True
        return False

    def remove(self, key: str) -> bool:
        """Take one entry out; return False when it is not there."""
        for end in self._ends:
            raw = key.encode("utf-8", "surrogateescape") + end
            if key and len(raw) <= KEY_LIMIT and self._transaction.delete(raw):
                self._pending.append((raw, None))
                return True
        return False

    def _put(self, raw: bytes, content: bytes, replace: bool) -> bool:
        try:
            return bool(self._transaction.put(raw, content, overwrite=replace))
        except lmdb.MapFullError:
            self._grow()
            return self._put(raw, content, replace)

    def _grow(self) -> None:
        """Double the map and do again what the failed transaction had done."""
        self._transaction.abort()
        self._size *= 2
        self._environment.set_mapsize(self._size)
        self._transaction = self._environment.begin(write=True)
        for raw, content in self._pending:
            if content is None:
                self._transaction.delete(raw)
            else:
                self._transaction.put(raw, content)

    def _breathe(self) -> None:
        """Commit now and then, so that memory does not grow with the table."""
        if len(self._pending) >= _BATCH:
            self._end_transaction()
            self._transaction = self._environment.begin(write=True)

    def _end_transaction(self) -> None:
        try:
            self._transaction.commit()
        except lmdb.MapFullError:
            self._grow()
            self._end_transaction()
        self._pending.clear()

    def commit(self, rights: index_place.Rights | None = None) -> None:
        """Make the index stable and put it in place of the old one: index_place.put_in_place."""
        self._end_transaction()
        self._environment.sync(True)
        self._environment.close()
        index_place.put_in_place(self._scratch, self.path, rights)

    def abandon(self) -> None:
        """Leave the old index as it is."""
        self._environment.close()
        index_place.remove(self._scratch)

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if os.path.exists(self._scratch):
            self.abandon()
        if self._lock >= 0:
            os.close(self._lock)

"""The index of `hash:`, `btree:` and `lmdb:` tables: one LMDB file that readers map and nobody changes.

An index is built beside the old one and renamed over it, so a reader sees the old table or the new one and never a
part; it keeps the old file mapped until it is done with it. Readers take no lock and write nothing, thus need no
rights but to read. A key is looked up with and without a trailing NUL, since Postfix writes alias tables with one.
LMDB allows one open environment a file and process, so that tables of one file share it: `_shared` holds those in use.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final
from weakref import WeakValueDictionary

import lmdb

from pyfix.mail.maps.table import FileStamp, TableError

KEY_LIMIT: Final = 511
"""LMDB's limit on the bytes of a key."""


def stored_text(raw: bytes) -> str:
    """Return the text of a key or value of an index; bytes that are no UTF-8 become surrogates."""
    return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")


class NotAnIndex(Exception):
    """The file is not an index of ours: Berkeley DB, or something else; the text says what to do."""


class IndexReader:
    """An open index; share it through `open_index`."""

    __slots__ = ("__weakref__", "_environment", "_null", "_plain", "_transaction", "path", "stamp")

    def __init__(self, path: str, stamp: FileStamp) -> None:
        """Map the file at path, which should be the one of the stamp; raises NotAnIndex."""
        self.path = path
        self.stamp = stamp
        try:
            self._environment = lmdb.open(path, subdir=False, readonly=True, lock=False, max_spare_txns=1)
            _check_length(self._environment, stamp.size)
            self._transaction = self._environment.begin(buffers=False)
        except lmdb.Error as error:
            raise NotAnIndex(describe(path, str(error))) from error
        self._plain = self._null = True

    def get(self, key: str) -> str | None:
        """Return the value of key, None when it is not there; raises TableError."""
        raw = key.encode("utf-8", "surrogateescape")
        if not raw or len(raw) > KEY_LIMIT:
            return None
        try:
            value = self._find(raw)
        except lmdb.Error as error:
            raise TableError(f"{self.path}: {error}") from error
        return None if value is None else stored_text(value)

    def get_exact(self, raw: bytes) -> bytes | None:
        """Return what is stored under these bytes; raises TableError."""
        try:
            return self._transaction.get(raw) if 0 < len(raw) <= KEY_LIMIT else None
        except lmdb.Error as error:
            raise TableError(f"{self.path}: {error}") from error

    def _find(self, raw: bytes) -> bytes | None:
        """Search without NUL and with it, until the first hit tells which form this index has."""
        if self._plain:
            value: bytes | None = self._transaction.get(raw)
            if value is not None:
                self._null = False
                return value
        if self._null and len(raw) < KEY_LIMIT:
            value = self._transaction.get(raw + b"\0")
            if value is not None:
                self._plain = False
                return value
        return None

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield all keys and values in the order of keys."""
        try:
            with self._transaction.cursor() as cursor:
                for key, value in cursor:
                    yield stored_text(key), stored_text(value)
        except lmdb.Error as error:
            raise TableError(f"{self.path}: {error}") from error


_shared: WeakValueDictionary[tuple[int, int], IndexReader] = WeakValueDictionary()


def open_index(path: str) -> IndexReader:
    """Open an index for reading; raises OSError, or NotAnIndex for a file of another kind."""
    while True:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            reader = _read(path, fd)
        finally:
            os.close(fd)
        if reader is not None:
            return reader


def _read(path: str, fd: int) -> IndexReader | None:
    """Return the reader of the file that fd is; None when another has taken its place meanwhile.

    LMDB opens by path and knows a file by its inode: a reader of the next file under the stamp of this one would make
    it refuse the next file to a second table. While fd is open its inode is given to no other file.
    """
    stamp = FileStamp.of(path, fd)
    head = os.pread(fd, 32, 0)
    if head[16:20] != b"\xde\xc0\xef\xbe":
        raise NotAnIndex(describe(path, "not an LMDB file", head))
    key = (stamp.device, stamp.inode)
    reader = _shared.get(key)
    if reader is None:
        try:
            reader = IndexReader(path, stamp)
        except NotAnIndex:
            if stamp.has_changed():
                return None
            raise
        if stamp.has_changed():
            return None
        _shared[key] = reader
    return reader


def _check_length(environment: lmdb.Environment, size: int) -> None:
    """Refuse a file that is cut short: reading past its end would kill the process."""
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if size < needed:
        raise lmdb.CorruptedError("file is truncated")


_BERKELEY_MAGIC: Final = frozenset({0x00061561, 0x00053162, 0x00042253})


def describe(path: str, problem: str, head: bytes = b"") -> str:
    """Return the reason, with Berkeley DB told from other strangers."""
    magic = {int.from_bytes(head[12:16], "little"), int.from_bytes(head[12:16], "big")}
    if magic & _BERKELEY_MAGIC:
        return f"open database {path}: Berkeley DB file, which pyfix does not read"
    return f"open database {path}: {problem}"

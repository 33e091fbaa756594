"""The index of a `cdb:` table: a constant database (D. J. Bernstein), the same file that Postfix's postmap makes.

    256 x (position, slots) of a hash table      records: key length, data length, key, data      256 hash tables

All numbers are 32 bits, little endian. A table's slots are (hash, position of the record), position 0 in a free one;
the search begins at slot (hash / 256) modulo slots and ends at a free one. A file is never changed, only replaced, so
a reader maps it, and needs no more memory for a large one. Everything that the file says is checked when it is used.
See: cr.yp.to/cdb/cdb.txt, postmap(1).
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from typing import Final

from pyfix.mail.maps.index_file import NotAnIndex, describe, stored_text
from pyfix.mail.maps.table import FileStamp, TableError

TABLES: Final = 256
PAIR: Final = struct.Struct("<II")
HEADER_SIZE: Final = TABLES * PAIR.size
FIRST_HASH: Final = 5381
_MASK: Final = 0xFFFFFFFF


def hash_of(key: bytes, start: int = FIRST_HASH) -> int:
    """Return the hash of a key; `start` is the hash of what comes before it."""
    value = start
    for byte in key:
        value = (value * 33 & _MASK) ^ byte
    return value


class CdbReader:
    """An open file; `open_cdb` makes it."""

    def __init__(self, path: str, stamp: FileStamp, data: mmap.mmap) -> None:
        """Check the header; raises NotAnIndex."""
        self.path = path
        self.stamp = stamp
        self._data = data
        self._tables = list(PAIR.iter_unpack(data[:HEADER_SIZE])) if stamp.size >= HEADER_SIZE else []
        if not self._tables or any(position + slots * PAIR.size > stamp.size for position, slots in self._tables):
            raise NotAnIndex(describe(path, "not a cdb file, or a truncated one", data[:32]))

    def get(self, key: str) -> str | None:
        """Return the value of key, stored with or without a trailing NUL; raises TableError for a damaged file."""
        raw = key.encode("utf-8", "surrogateescape")
        if not raw:
            return None
        value = hash_of(raw)
        found = self._find(raw, value)
        if found is None:
            found = self._find(raw + b"\0", hash_of(b"\0", value))
        return None if found is None else stored_text(found)

    def get_exact(self, raw: bytes) -> bytes | None:
        """Return what is stored under these bytes; raises TableError."""
        return self._find(raw, hash_of(raw)) if raw else None

    def _find(self, raw: bytes, value: int) -> bytes | None:
        position, slots = self._tables[value % TABLES]
        first = value // TABLES
        for number in range(slots):
            slot = position + (first + number) % slots * PAIR.size
            stored, record = PAIR.unpack_from(self._data, slot)
            if not record:
                return None
            if stored == value:
                key, content = self._record(record)
                if key == raw:
                    return content
        return None

    def _record(self, position: int) -> tuple[bytes, bytes]:
        """Return key and data of the record at a position."""
        if position + PAIR.size > self.stamp.size:
            raise self._damaged()
        key_size, data_size = PAIR.unpack_from(self._data, position)
        start = position + PAIR.size
        end = start + key_size + data_size
        if end > self.stamp.size:
            raise self._damaged()
        return self._data[start : start + key_size], self._data[start + key_size : end]

    def _damaged(self) -> TableError:
        return TableError(f"{self.path}: a record lies outside the file: it is damaged")

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield all keys and values in the order in which they were stored."""
        for position in sorted(self._positions()):
            key, value = self._record(position)
            yield stored_text(key), stored_text(value)

    def _positions(self) -> Iterator[int]:
        for position, slots in self._tables:
            for _, record in PAIR.iter_unpack(self._data[position : position + slots * PAIR.size]):
                if record:
                    yield record


def open_cdb(path: str) -> CdbReader:
    """Open a file for reading; raises OSError, or NotAnIndex for a file of another kind."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.pread(fd, 1, 0)  # a directory, too, can be opened
        stamp = FileStamp.of(path, fd)
        if stamp.size < HEADER_SIZE:
            raise NotAnIndex(describe(path, "not a cdb file, or a truncated one"))
        return CdbReader(path, stamp, mmap.mmap(fd, stamp.size, access=mmap.ACCESS_READ))
    finally:
        os.close(fd)

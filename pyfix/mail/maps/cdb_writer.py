"""Build the index of a `cdb:` table; see cdb_file.py for its form.

Records go to a scratch file as they come. What must be kept in memory until the end is a hash and a position of each
key, which also tells whether a key comes again. A cdb file cannot be changed: neither keys removed nor entries added.
"""

from __future__ import annotations

import errno
import os
from array import array
from typing import Final

from pyfix.mail.maps import index_place
from pyfix.mail.maps.cdb_file import HEADER_SIZE, PAIR, TABLES, hash_of
from pyfix.mail.maps.table import TableError

_SIZE_LIMIT: Final = 2**32
_BUFFER: Final = 1024 * 1024


class CdbWriter:
    """Builds a file; use as a context manager, `commit` puts it in place."""

    def __init__(self, path: str, *, null: bool | None = None) -> None:
        """null: whether keys and values are stored with a NUL byte at their end; None is no, as for Postfix's cdb:."""
        self.path = path
        self._null = b"\0" if null else b""
        self._scratch = index_place.scratch(path)
        fd = os.open(self._scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._file = os.fdopen(fd, "w+b", _BUFFER)
        self._file.write(bytes(HEADER_SIZE))
        self._end = HEADER_SIZE
        self._first: dict[int, int] = {}
        """hash -> position of the first record with it."""
        self._more: dict[int, list[int]] = {}
        """hash -> positions of others: keys that are different and have the same hash."""

    def add(self, key: str, value: str, *, replace: bool = False) -> bool:
        """Store one entry; return False, and change nothing, when the key is there and replace is not set."""
        if not key:
            raise TableError("key of 0 bytes: an index takes keys of 1 byte and more")
        raw = key.encode("utf-8", "surrogateescape") + self._null
        number = hash_of(raw)
        present = self._present(number, raw)
        if present is not None:
            if not replace:
                return False
            self._forget(number, present)
        self._remember(number, self._append(raw, value.encode("utf-8", "surrogateescape") + self._null))
        return True

    def _append(self, raw: bytes, content: bytes) -> int:
        position = self._end
        self._end += PAIR.size + len(raw) + len(content)
        self._check_size()
        self._file.write(PAIR.pack(len(raw), len(content)) + raw + content)
        return position

    def _check_size(self) -> None:
        if self._end >= _SIZE_LIMIT:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), self.path)

    def _remember(self, number: int, position: int) -> None:
        if number in self._first:
            self._more.setdefault(number, []).append(position)
        else:
            self._first[number] = position

    def _present(self, number: int, raw: bytes) -> int | None:
        """Return the position of the record of a key, None when it has none."""
        if number not in self._first:
            return None
        positions = [self._first[number], *self._more.get(number, ())]
        found = next((position for position in positions if self._key_at(position) == raw), None)
        self._file.seek(self._end)
        return found

    def _key_at(self, position: int) -> bytes:
        self._file.seek(position)
        size, _ = PAIR.unpack(self._file.read(PAIR.size))
        return self._file.read(size)

    def _forget(self, number: int, position: int) -> None:
        """Take a record out of the hash tables; its bytes stay."""
        rest = [other for other in (self._first.pop(number), *self._more.pop(number, ())) if other != position]
        for other in rest:
            self._remember(number, other)

    def commit(self, rights: index_place.Rights | None = None) -> None:
        """Write the hash tables and put the file in place of the old one: index_place.put_in_place."""
        header = self._write_tables()
        self._file.seek(0)
        self._file.write(header)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        index_place.put_in_place(self._scratch, self.path, rights)

    def _write_tables(self) -> bytes:
        """Write all hash tables behind the records; return the header."""
        chains = [array("Q") for _ in range(TABLES)]
        for number, position in self._first.items():
            for record in (position, *self._more.get(number, ())):
                chains[number % TABLES].append(number << 32 | record)
        header = bytearray()
        for chain in chains:
            slots = 2 * len(chain)
            header += PAIR.pack(self._end, slots)
            self._end += slots * PAIR.size
            self._check_size()
            self._file.write(_hash_table(sorted(chain, key=_position), slots))
        return bytes(header)

    def __enter__(self) -> CdbWriter:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if not self._file.closed:
            self._file.close()
        index_place.remove(self._scratch)


def _position(entry: int) -> int:
    return entry & 0xFFFFFFFF


def _hash_table(entries: list[int], slots: int) -> bytes:
    """Return the slots of one table; each entry is hash and position in one number."""
    table = [0] * slots
    for entry in entries:
        slot = (entry >> 32) // TABLES % slots
        while table[slot]:
            slot = slot + 1 if slot + 1 < slots else 0
        table[slot] = entry
    return b"".join([PAIR.pack(entry >> 32, _position(entry)) for entry in table])

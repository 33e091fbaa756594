"""The index of `hash:`, `btree:` and `lmdb:` tables: one LMDB file that readers map and nobody changes.

An index is built beside the old one and renamed over it, so a reader sees the old table or the new one and never a
part; it keeps the old file mapped until it is done with it. Readers take no lock and write nothing, thus need no
rights but to read. A key is looked up with and without a trailing NUL, since Postfix writes alias tables with one.
LMDB allows one open environment a file and process, so that tables of one file share it: `_shared` holds those in use.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from typing import Final
from weakref import WeakValueDictionary

import lmdb

from pyfix.mail.maps.table import FileStamp, TableError

KEY_LIMIT: Final = 511
"""LMDB's limit on the bytes of a key."""
_BATCH: Final = 20_000
_FIRST_SIZE: Final = 16 * 1024 * 1024
_PAGE_AND_META: Final = 8192


class NotAnIndex(Exception):
    """The file is not an index of ours: Berkeley DB, or something else; the text says what to do."""


class IndexReader:
    """An open index; share it through `open_index`."""

    __slots__ = ("__weakref__", "_environment", "_null", "_plain", "_transaction", "path", "stamp")

    def __init__(self, path: str, stamp: FileStamp) -> None:
        self.path = path
        self.stamp = stamp
        try:
            self._environment = lmdb.open(path, subdir=False, readonly=True, lock=False, max_spare_txns=1)
            _check_length(self._environment, path)
            self._transaction = self._environment.begin(buffers=False)
        except lmdb.Error as error:
            raise NotAnIndex(_describe(path, str(error))) from error
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
        return None if value is None else value.rstrip(b"\0").decode("utf-8", "replace")

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
                    yield key.rstrip(b"\0").decode("utf-8", "replace"), value.rstrip(b"\0").decode("utf-8", "replace")
        except lmdb.Error as error:
            raise TableError(f"{self.path}: {error}") from error


_shared: WeakValueDictionary[tuple[int, int], IndexReader] = WeakValueDictionary()


def open_index(path: str) -> IndexReader:
    """Open an index for reading; raises OSError, or NotAnIndex for a file of another kind."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        stamp = FileStamp.of(path, fd)
        head = os.pread(fd, 32, 0)
    finally:
        os.close(fd)
    if head[16:20] != b"\xde\xc0\xef\xbe":
        raise NotAnIndex(_describe(path, "not an LMDB file", head))
    key = (stamp.device, stamp.inode)
    reader = _shared.get(key)
    if reader is None:
        reader = _shared[key] = IndexReader(path, stamp)
    return reader


def _check_length(environment: lmdb.Environment, path: str) -> None:
    """Refuse a file that is cut short: reading past its end would kill the process."""
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if os.stat(path).st_size < needed:
        raise lmdb.CorruptedError("file is truncated")


_BERKELEY_MAGIC: Final = frozenset({0x00061561, 0x00053162, 0x00042253})


def _describe(path: str, problem: str, head: bytes = b"") -> str:
    """Return the reason, with Berkeley DB told from other strangers."""
    magic = {int.from_bytes(head[12:16], "little"), int.from_bytes(head[12:16], "big")}
    if magic & _BERKELEY_MAGIC:
        return f"open database {path}: Berkeley DB file, which pyfix does not read"
    return f"open database {path}: {problem}"


class IndexWriter:
    """Builds or changes an index; use as a context manager, `commit` puts it in place."""

    def __init__(self, path: str, *, keep: bool) -> None:
        """Start a new index beside path; keep: with what is in the present one."""
        self.path = path
        self._scratch = f"{path}.new.{os.getpid()}"
        _unlink(self._scratch)
        self._lock = _lock(path) if keep else -1
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
            _unlink(self._scratch)
            raise NotAnIndex(_describe(self.path, str(error))) from error

    def add(self, key: str, value: str, *, replace: bool = False) -> bool:
        """Store one entry; return False, and change nothing, when the key is there and replace is not set."""
        raw, content = key.encode(), value.encode()
        if not raw or len(raw) > KEY_LIMIT:
            raise TableError(f"key of {len(raw)} bytes: an index takes keys of 1 to {KEY_LIMIT} bytes")
        if self._put(raw, content, replace):
            self._pending.append((raw, content))
            self._breathe()
            return True
        return False

    def remove(self, key: str) -> bool:
        """Take one entry out; return False when it is not there."""
        raw = key.encode()
        found = bool(raw) and len(raw) <= KEY_LIMIT and bool(self._transaction.delete(raw))
        if found:
            self._pending.append((raw, None))
        return found

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

    def commit(self, owner: os.stat_result | None = None) -> None:
        """Make the index stable and put it in place of the old one, with the owner and mode of the given file."""
        self._end_transaction()
        self._environment.sync(True)
        self._environment.close()
        if owner is not None:
            _take_rights(self._scratch, owner)
        os.rename(self._scratch, self.path)
        _sync_directory(self.path)

    def abandon(self) -> None:
        """Leave the old index as it is."""
        self._environment.close()
        _unlink(self._scratch)

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if os.path.exists(self._scratch):
            self.abandon()
        if self._lock >= 0:
            os.close(self._lock)


def _lock(path: str) -> int:
    """Return a descriptor of the index that is there, locked against other writers; raises OSError, NotAnIndex."""
    while True:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if _is_at(path, fd):
            return fd
        os.close(fd)  # another writer has put a new one in place while we waited


def _is_at(path: str, fd: int) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    mine = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _take_rights(path: str, owner: os.stat_result) -> None:
    """Give the index the mode of its source, and its owner where we may."""
    os.chmod(path, owner.st_mode & 0o666)
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def _sync_directory(path: str) -> None:
    fd = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise


def build_index(path: str, entries: Iterable[tuple[str, str]]) -> None:
    """Make an index of these entries; a key that comes again keeps its first value."""
    with IndexWriter(path, keep=False) as writer:
        for key, value in entries:
            writer.add(key, value)
        writer.commit()

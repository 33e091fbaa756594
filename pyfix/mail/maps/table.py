"""What every lookup table is, and the two ways in which one can be of no use.

A table maps a `str` key to a `str` value. A key that is not there is None. A table that cannot be asked (its file is
missing, its server is down) raises TableError, which is always temporary: the client is told to come again, and no
mail is refused because of a table that is out of order. A missing file therefore gives an UnavailableTable and not an
error at start; only wrong configuration (a type that does not exist, bad syntax) is a ConfigError.
See: DATABASE_README, `postconf -m`.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Warn = Callable[[str], None]
Ask = Callable[[Callable[[str], str | None], str], str | None]
"""Calls a lookup with a key in another thread, and returns or raises what it returned or raised."""


class TableError(Exception):
    """A table could not be asked: temporary. The text is one line for the log, never for a peer."""


class Table(ABC):
    """One lookup table."""

    is_pattern = False
    """True where keys are patterns: only whole addresses are looked up, never their parts."""
    blocking = False
    """True when a lookup may have to wait, for a peer over the network or for a lock: a thread's work."""
    remember_s = 0
    """For how many seconds a process may take an answer for the present one."""
    owner: int | None = None
    """User id that owns the source, for delivery to commands and files; None when there is no file."""

    def __init__(self, name: str) -> None:
        self.name = name
        """type:name as configured."""
        self._ask: Ask | None = None
        self._thread = threading.get_ident()

    @abstractmethod
    def lookup(self, key: str) -> str | None:
        """Return the value of key or None; raises TableError."""

    def has_changed(self) -> bool:
        """True when the table on disk is no longer the one that was opened."""
        return False

    def lend(self, ask: Ask) -> None:
        """Let other threads than this one look up, too: `ask` calls into this one for them, which some tables need."""
        self._ask = ask

    def say(self, tell: Warn, text: str) -> None:
        """Tell something while being asked, in the thread that has opened this table: the log is that one's alone."""
        if self._ask is None or threading.get_ident() == self._thread:
            tell(text)
        else:
            self._ask(lambda line: tell(line), text)

    def entries(self) -> Iterator[tuple[str, str]]:
        """Yield all keys and values; raises TableError for tables that cannot list themselves."""
        raise TableError(f"table {self.name}: sequence operation is not supported")


class UnavailableTable(Table):
    """Stands where a table could not be opened, and says so at each lookup."""

    def __init__(self, name: str, reason: str, missing: str = "") -> None:
        super().__init__(name)
        self.reason = reason
        self._missing = missing

    def lookup(self, key: str) -> str | None:
        raise TableError(f"{self.name} is unavailable. {self.reason}")

    def entries(self) -> Iterator[tuple[str, str]]:
        raise TableError(f"{self.name} is unavailable. {self.reason}")

    def has_changed(self) -> bool:
        """True once the missing file is there."""
        return bool(self._missing) and os.path.exists(self._missing)


class FixedTable(Table):
    """A table in memory with keys that match as they are, in lower case unless told otherwise."""

    def __init__(
        self, name: str, content: dict[str, str], *, fold: bool = True, stamp: FileStamp | None = None
    ) -> None:
        super().__init__(name)
        self._content = content
        self._fold = fold
        self._stamp = stamp
        self.owner = stamp.owner if stamp else None

    def lookup(self, key: str) -> str | None:
        return self._content.get(key.casefold() if self._fold else key)

    def entries(self) -> Iterator[tuple[str, str]]:
        return iter(self._content.items())

    def has_changed(self) -> bool:
        return self._stamp is not None and self._stamp.has_changed()


def encode_key(key: str) -> bytes | None:
    """Return the bytes of a key for another program; None for what is no text, and so can be in no table."""
    try:
        return key.encode()
    except UnicodeEncodeError:
        return None


def decode_value(raw: bytes, table: str, key: str) -> str:
    """Return the text that another program gave for a key; raises TableError when it is none."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise TableError(f"table {table}: key {key[:100]}: the value is not UTF-8 text") from None


class _Held:
    """A descriptor of a file that may have another name meanwhile, or none."""

    def __init__(self, fd: int) -> None:
        self.fd = os.dup(fd)

    def __del__(self) -> None:
        os.close(self.fd)


@dataclass(frozen=True, slots=True)
class FileStamp:
    """How a file looked when it was opened.

    By path, since editors replace files. Where there is none the file itself tells: a chroot hides the path of a file
    that may have been changed or replaced, and a file that was removed has changed.
    """

    path: str
    device: int
    inode: int
    mtime_ns: int
    size: int
    owner: int
    _held: _Held = field(repr=False, compare=False)

    @classmethod
    def of(cls, path: str, fd: int) -> FileStamp:
        """Return the stamp of an open file."""
        status = os.fstat(fd)
        return cls(
            path, status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, status.st_uid, _Held(fd)
        )  # fmt: skip

    def has_changed(self) -> bool:
        """True when another file, or another content, is at the path now."""
        try:
            now = os.stat(self.path)
        except OSError:
            now = os.fstat(self._held.fd)
            if not now.st_nlink:
                return True
        return (now.st_mtime_ns, now.st_ino, now.st_size) != (self.mtime_ns, self.inode, self.size)

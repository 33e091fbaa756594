"""The log of one message's recipients on disk: append-only, durable, one JSON record a line.

A record counts when its line is whole. What a crash tore off is followed by a line end of its own before the next
record, so that it spoils nothing but itself; readers pass over it and report it. The same recipient may come twice
(qmgr was restarted before it had marked the recipient done): the last record counts, at the place of the first.

Appending, reading and removing hold a lock on the file, so that several processes can serve one message. Readers keep
offsets, not records, in memory: a log of 100,000 recipients costs no more than their addresses.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from pyfix.base.atomic import sync_directory, write_all
from pyfix.mail.ipc.messages import Outcome, Recipient

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY
_MODE: Final = 0o600


class Entry(msgspec.Struct, frozen=True):
    """One recipient and what became of it."""

    recipient: Recipient
    outcome: Outcome


Key = tuple[int, str, str]

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def _key(entry: Entry) -> Key:
    return entry.recipient.position, entry.recipient.address, entry.outcome.address


class OpenLog:
    """A log that is open and locked: iterate for its entries, as often as needed."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.damaged: list[int] = []
        """Offsets of records that can't be read."""
        self._places: dict[Key, tuple[int, int]] = {}
        for offset, line in _lines(fd):
            self._note(offset, line)

    def _note(self, offset: int, line: bytes) -> None:
        if line == b"\n":
            return
        entry = _decode(line)
        if entry is None:
            self.damaged.append(offset)
        else:
            self._places[_key(entry)] = (offset, len(line))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Entry]:
        for offset, length in self._places.values():
            yield _decoder.decode(os.pread(self._fd, length, offset))

    def told_to(self) -> list[str | None]:
        """Return who has to be told: owners of lists by name, None for the sender of the message."""
        return list(dict.fromkeys(entry.outcome.sender for entry in self)) or [None]

    def of(self, owner: str | None) -> Selection:
        """Return what this one is told."""
        return Selection(self, owner)


@dataclass(frozen=True, slots=True)
class Selection:
    """The entries about which one owner, or with None the sender, is told: iterate as often as needed."""

    log: OpenLog
    owner: str | None

    def __iter__(self) -> Iterator[Entry]:
        """Yield them; the NOTIFY of the message's sender is not the owner's (RFC 3461 section 5.2.7.3)."""
        for entry in self.log:
            if entry.outcome.sender == self.owner:
                if self.owner is not None:
                    entry.recipient.notify = 0
                yield entry


class RecipientLog:
    """The log at one path, whether it exists yet or not."""

    def __init__(self, path: str) -> None:
        self.path = path

    def append(self, recipient: Recipient, outcome: Outcome) -> None:
        """Add a record, durably; raise OSError, and leave the log as it was, when that fails."""
        record = _encoder.encode(Entry(recipient, outcome)) + b"\n"
        fd = self._open_locked(create=True)
        try:
            self._append(fd, record)
        finally:
            os.close(fd)

    def _append(self, fd: int, record: bytes) -> None:
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            record = b"\n" + record
        try:
            write_all(fd, record)
            os.fsync(fd)
        except OSError:
            os.ftruncate(fd, size)
            raise
        if not size:
            sync_directory(os.path.dirname(self.path) or ".")

    @contextlib.contextmanager
    def open(self) -> Iterator[OpenLog]:
        """Read and lock the log; raise FileNotFoundError when there is none."""
        fd = self._open_locked(create=False)
        try:
            yield OpenLog(fd)
        finally:
            os.close(fd)

    def remove(self) -> None:
        """Remove the log; one that does not exist is as good as removed."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def _open_locked(self, *, create: bool) -> int:
        """Return a locked descriptor of the file that bears the name now: not of one removed while waiting."""
        while True:
            fd = self._open_or_create() if create else os.open(self.path, _FLAGS)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:
                return fd
            os.close(fd)

    def _open_or_create(self) -> int:
        try:
            return os.open(self.path, _FLAGS | os.O_CREAT, _MODE)
        except FileNotFoundError:
            directory = os.path.dirname(self.path)
            os.makedirs(directory, 0o700, exist_ok=True)
            sync_directory(os.path.dirname(directory) or ".")
            return os.open(self.path, _FLAGS | os.O_CREAT, _MODE)


def _lines(fd: int) -> Iterator[tuple[int, bytes]]:
    """Yield each line with its offset; the last may lack its line end."""
    offset = 0
    with open(os.dup(fd), "rb") as file:
        file.seek(0)
        for line in file:
            yield offset, line
            offset += len(line)


def _decode(line: bytes) -> Entry | None:
    if not line.endswith(b"\n"):
        return None
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None

"""The bytes of one message, as they lie on disk: ranges of an open file, read in chunks, never whole.

Line ends are those of the file (mostly LF); who speaks a protocol turns them into CRLF. A stream needs no rights once
it is open, and may be read anywhere; it ends early when somebody has cut the file meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Self

CHUNK = 256 * 1024


class MessageStream:
    """One message. `fd` belongs to the stream if `is_owner`; `ranges` are (offset, length) in the file, in order."""

    __slots__ = ("_at", "_is_owner", "_passed", "fd", "length", "ranges")

    def __init__(self, fd: int, ranges: tuple[tuple[int, int], ...], *, is_owner: bool = True) -> None:
        """Take over `fd`, or borrow it."""
        self.fd = fd
        self.ranges = ranges
        self.length = sum(length for _, length in ranges)
        """Bytes on disk."""
        self._is_owner = is_owner
        self._at = 0
        self._passed = 0

    def read(self, size: int = CHUNK) -> bytes:
        """Return the next 1 to `size` bytes, or nothing at the end. Raises OSError when the disk fails."""
        while self._at < len(self.ranges):
            offset, length = self.ranges[self._at]
            data = os.pread(self.fd, min(size, length - self._passed), offset + self._passed)
            self._passed += len(data)
            if not data or self._passed == length:
                self._at += 1
                self._passed = 0
            if data:
                return data
        return b""

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """Yield what is left."""
        while data := self.read(size):
            yield data

    def close(self) -> None:
        """Close the file, if it is the stream's own."""
        if self._is_owner and self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def __enter__(self) -> Self:
        """Return the stream, which is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


def count_octets(fd: int, ranges: tuple[tuple[int, int], ...], chunk: int = CHUNK) -> int:
    """Return the size of a message as POP3 and IMAP count it: every line end as CRLF. Raises OSError."""
    octets = 0
    last = b""
    for data in MessageStream(fd, ranges, is_owner=False).chunks(chunk):
        octets += octets_of(data) - (last == b"\r" and data[:1] == b"\n")
        last = data[-1:]
    return octets


def octets_of(data: bytes) -> int:
    """Return the size of a message that is at hand."""
    octets = len(data) + data.count(b"\n")
    return octets - data.count(b"\r\n") if b"\r" in data else octets

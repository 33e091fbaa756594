"""The content of a queued message as a delivery agent reads it.

Content is one byte range of the queue file, LF line ends. Reading never moves a file position, so one open file serves
several readers. A small message is read once and kept for all recipients of the request; a large one is given in
chunks, so that its size never shows in the process's memory.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Final

CHUNK_SIZE: Final = 256 * 1024
COPY_SIZE: Final = 1024 * 1024
_KEEP_LIMIT: Final = 256 * 1024


class ContentError(Exception):
    """The queue file is shorter than its preamble says."""


class Content:
    """Bytes [offset, offset+length) of an open queue file that somebody else closes."""

    __slots__ = ("_kept", "fd", "length", "offset")

    def __init__(self, fd: int, offset: int, length: int) -> None:
        self.fd = fd
        self.offset = offset
        self.length = length
        self._kept: bytes | None = None

    @property
    def is_small(self) -> bool:
        """True when `read` is meant for it."""
        return self.length <= _KEEP_LIMIT

    def read(self) -> bytes:
        """Return all of a small content; the first call reads it, later ones cost nothing."""
        if self._kept is None:
            self._kept = self.read_range(0, self.length)
        return self._kept

    def read_range(self, start: int, size: int) -> bytes:
        """Return `size` bytes from `start`, fewer at the end of the content; raise ContentError on a truncated file."""
        size = min(size, self.length - start)
        data = os.pread(self.fd, size, self.offset + start)
        while len(data) < size:
            more = os.pread(self.fd, size - len(data), self.offset + start + len(data))
            if not more:
                raise ContentError(f"queue file ends {size - len(data)} bytes before its content does")
            data += more
        return data

    def chunks(self, size: int = CHUNK_SIZE) -> Iterator[bytes]:
        """Yield the content from the start, `size` bytes at a time."""
        if self.is_small:
            if self.length:
                yield self.read()
            return
        for start in range(0, self.length, size):
            yield self.read_range(start, size)

    def copy_to(self, fd: int) -> None:
        """Append all of it to another file, without passing through this process where the kernel can.

        Raises OSError of the writing side, ContentError of the reading side.
        """
        done = 0
        while done < self.length:
            try:
                count = os.sendfile(fd, self.fd, self.offset + done, min(COPY_SIZE, self.length - done))
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOSYS):
                    raise
                data = self.read_range(done, CHUNK_SIZE)
                count = os.write(fd, data)
            if not count:
                raise ContentError(f"queue file ends {self.length - done} bytes before its content does")
            done += count

    @property
    def ends_with_newline(self) -> bool:
        """True when the last line is complete; also for an empty content."""
        return not self.length or self.read_range(self.length - 1, 1) == b"\n"


class HeadedContent:
    """A content with another header block, for who sends it in chunks."""

    __slots__ = ("_content", "_head", "_replaced", "length")

    def __init__(self, content: Content, head: bytes, replaced: int) -> None:
        """`head` stands in place of the first `replaced` bytes."""
        self._content = content
        self._head = head
        self._replaced = replaced
        self.length = len(head) + content.length - replaced

    @property
    def is_small(self) -> bool:
        """True when `read` is meant for it."""
        return self._content.is_small

    def read(self) -> bytes:
        """Return all of a small content."""
        return self._head + self._content.read()[self._replaced :]

    def read_range(self, start: int, size: int) -> bytes:
        """Return up to `size` bytes from `start`, at least one unless there are none; raise ContentError."""
        if start < len(self._head):
            return self._head[start : start + size]
        return self._content.read_range(start - len(self._head) + self._replaced, size)

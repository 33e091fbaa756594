"""A complete queue file, open for reading, and for marking recipients done.

Preamble and envelope are read and checked at once; recipients block by block, content by range, as the caller asks.
A mark is one byte written in place: durable after `sync`. Whoever finds CorruptFile raised here should give the file
to `Queue.quarantine`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from typing import Final, Self

from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.queue import format
from pyfix.mail.queue.disk import Disk
from pyfix.mail.queue.format import CorruptFile

CONTENT_CHUNK: Final = 256 * 1024
_NOT_A_FILE: Final = (errno.ELOOP, errno.ENXIO, errno.EISDIR)
_ENVELOPE_LIMIT: Final = 16 * 1024 * 1024


def open_regular(disk: Disk, path: str, access: int) -> int:
    """Open a queue file; raise CorruptFile for a symbolic link and other things that are none."""
    try:
        return disk.open(path, access | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in _NOT_A_FILE:
            raise CorruptFile("not a regular file") from error
        raise


def hold(fd: int, path: str) -> os.stat_result:
    """Keep the file from being reused (spare.py) or taken for abandoned (qmgr) until it is closed; return its status.

    Raises FileNotFoundError when it has left its path since it was opened: it may be another message by now.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
    there, here = os.stat(path, follow_symlinks=False), os.fstat(fd)
    if there.st_ino != here.st_ino or there.st_dev != here.st_dev:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return here


class QueueFile:
    """An open queue file; a context manager. Takes `fd` over."""

    __slots__ = ("_blocks", "_disk", "_layout", "content_length", "content_offset", "envelope", "fd")

    def __init__(self, disk: Disk, fd: int) -> None:
        """Read and check preamble and envelope; raise CorruptFile (and leave `fd` to the caller)."""
        self._disk = disk
        self.fd = fd
        preamble, layout = self._read_preamble()
        body_length = layout.envelope_length + layout.table_length
        if body_length > _ENVELOPE_LIMIT:
            raise CorruptFile(f"envelope of {body_length} bytes")
        body = disk.pread(fd, body_length, layout.envelope_offset)
        self.envelope: Envelope
        self.envelope, self._blocks = format.decode_envelope(preamble, body, layout)
        self._layout = layout
        self.content_offset = layout.content_offset
        self.content_length = layout.content_length

    @classmethod
    def open_path(cls, path: str, disk: Disk | None = None, access: int = os.O_RDONLY) -> Self:
        """Open the complete file at a path; raise FileNotFoundError, or CorruptFile with the reason."""
        disk = disk or Disk()
        fd = open_regular(disk, path, access)
        try:
            hold(fd, path)
            return cls(disk, fd)
        except BaseException:
            disk.close(fd)
            raise

    def _read_preamble(self) -> tuple[bytes, format.Layout]:
        status = self._disk.fstat(self.fd)
        if not stat.S_ISREG(status.st_mode):
            raise CorruptFile("not a regular file")
        if not status.st_mode & stat.S_IXUSR:
            raise CorruptFile("incomplete file")
        preamble = self._disk.pread(self.fd, format.PREAMBLE_SIZE, 0)
        return preamble, format.decode_preamble(preamble, status.st_size)

    @property
    def recipient_count(self) -> int:
        """All recipients, done or not."""
        return self._layout.recipient_count

    def read_recipients(self, start: int = 0, limit: int | None = None) -> tuple[list[Recipient], int | None]:
        """Return recipients not yet done from position `start` on, and where to go on (None: that was the last).

        Stops after `limit` of them; reads no more blocks than needed.
        """
        found: list[Recipient] = []
        count = self._layout.recipient_count
        while start < count:
            block = start // format.BLOCK_RECIPIENTS
            end = min(count, (block + 1) * format.BLOCK_RECIPIENTS)
            for recipient in self._read_block(block, start, end):
                if limit is not None and len(found) == limit:
                    return found, recipient.position
                found.append(recipient)
            start = end
            if limit is not None and len(found) == limit:
                break
        return found, start if start < count else None

    def _read_block(self, number: int, start: int, end: int) -> Iterator[Recipient]:
        """Yield the recipients of one block that are to do, from position `start` on."""
        first = number * format.BLOCK_RECIPIENTS
        statuses = self._disk.pread(self.fd, end - start, self._layout.statuses_offset + start)
        if statuses.count(format.TO_DO) + statuses.count(format.DONE) != end - start:
            raise CorruptFile("bad recipient status")
        if format.TO_DO not in statuses:
            return
        recipients = self._decode_block(self._blocks[number], end - first)
        for position, status in enumerate(statuses, start):
            if status == format.TO_DO:
                recipient = recipients[position - first]
                recipient.position = position
                yield recipient

    def _decode_block(self, block: format.Block, count: int) -> list[Recipient]:
        recipients = format.decode_block(self._disk.pread(self.fd, block.length, block.offset), block)
        if len(recipients) != count:
            raise CorruptFile("wrong number of recipients")
        return recipients

    def read_all_recipients(self) -> Iterator[tuple[Recipient, bool]]:
        """Yield every recipient and whether it is done, for a person to look at."""
        for number, block in enumerate(self._blocks):
            first = number * format.BLOCK_RECIPIENTS
            recipients = self._decode_block(block, min(format.BLOCK_RECIPIENTS, self.recipient_count - first))
            statuses = self._disk.pread(self.fd, len(recipients), self._layout.statuses_offset + first)
            for recipient, status in zip(recipients, statuses, strict=True):
                yield recipient, status == format.DONE

    def mark_done(self, position: int) -> None:
        """Mark one recipient done: it is not tried again. Durable after `sync`."""
        if not 0 <= position < self._layout.recipient_count:
            raise ValueError(f"no recipient at position {position}")
        self._disk.pwrite(self.fd, b"D", self._layout.statuses_offset + position)

    def update_envelope(self, *, delay_warned: bool) -> None:
        """Remember in place whether a delay warning has been sent: the one thing in an envelope that changes."""
        self._disk.pwrite(self.fd, format.WARNED if delay_warned else format.PLAIN, format.FLAGS_OFFSET)
        self.envelope.delay_warned = delay_warned

    def sync(self) -> None:
        """Bring the marks to stable storage."""
        self._disk.fsync(self.fd)

    def read_content(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes of content from `offset`; empty at its end."""
        size = max(0, min(size, self.content_length - offset))
        return self._disk.pread(self.fd, size, self.content_offset + offset)

    def iter_content(self, chunk: int = CONTENT_CHUNK) -> Iterator[bytes]:
        """Yield the content in large pieces."""
        offset = 0
        while data := self.read_content(offset, chunk):
            yield data
            offset += len(data)

    def close(self) -> None:
        if self.fd >= 0:
            self._disk.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

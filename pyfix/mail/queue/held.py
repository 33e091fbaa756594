"""A queue file in the hands of a delivery agent.

The request says where the content lies and how many recipients there are, so that nothing of the file's description is
read again: one file is opened for every delivery, and reading and checking the description took a third of that. The
agent reads content, and marks recipients done; a mark is one byte written in place, durable after `sync`.
"""

from __future__ import annotations

import os
import stat
from typing import Self

from pyfix.mail.queue.disk import Disk
from pyfix.mail.queue.file import hold, open_regular
from pyfix.mail.queue.format import CorruptFile


class HeldFile:
    """An open queue file that is neither reused nor taken for abandoned until it is closed."""

    __slots__ = ("_count", "_disk", "_statuses_offset", "fd")

    def __init__(self, disk: Disk, fd: int, content_end: int, recipient_count: int) -> None:
        """Takes `fd` over. The statuses of the recipients lie right behind the content: see format.py."""
        self._disk = disk
        self.fd = fd
        self._statuses_offset = content_end
        self._count = recipient_count

    @classmethod
    def open_path(cls, path: str, disk: Disk, content_end: int, recipient_count: int) -> Self:
        """Open the complete file at a path; raise FileNotFoundError, or CorruptFile for what is not as described."""
        fd = open_regular(disk, path, os.O_RDWR)
        try:
            status = hold(fd, path)
            if not stat.S_ISREG(status.st_mode) or not status.st_mode & stat.S_IXUSR:
                raise CorruptFile("not a complete file")
            if status.st_size < content_end + recipient_count:
                raise CorruptFile(f"file of {status.st_size} bytes ends before its recipients")
        except BaseException:
            disk.close(fd)
            raise
        return cls(disk, fd, content_end, recipient_count)

    def mark_done(self, position: int) -> None:
        """Mark one recipient done: it is not tried again. Durable after `sync`."""
        if not 0 <= position < self._count:
            raise ValueError(f"no recipient at position {position}")
        self._disk.pwrite(self.fd, b"D", self._statuses_offset + position)

    def sync(self) -> None:
        """Bring the marks to stable storage."""
        self._disk.fsync(self.fd)

    def close(self) -> None:
        """Release the file; a second call does nothing."""
        if self.fd >= 0:
            self._disk.close(self.fd)
            self.fd = -1

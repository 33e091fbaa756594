"""The pipe through which all processes of one mail system hand their log lines to the log service.

The master makes it and every process inherits it, so it is there in a chroot, outlives a log service that is restarted,
and nobody else can write to it. Against a datagram a line it saves the reader a wakeup for each: the reader takes all
that gathered in a few milliseconds with one call. A write of up to PIPE_BUF bytes is never mixed with another one
(pipe(7)).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from select import PIPE_BUF
from typing import Final

CAPACITY: Final = 1024 * 1024
"""What an ordinary user may ask for (/proc/sys/fs/pipe-max-size)."""


class LogPipe:
    """Both ends; neither ever blocks."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # a user who has many pipes already gets the usual 64 KiB
            fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, CAPACITY)

    def fileno(self) -> int:
        """The end to wait at for lines."""
        return self.reader

    def close_reader(self) -> None:
        """For a process that only writes."""
        os.close(self.reader)

    def read(self) -> bytes:
        """Return what has gathered, b"" for nothing."""
        try:
            return os.read(self.reader, CAPACITY)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> bool:
        """Write finished lines, at most PIPE_BUF bytes, all of them or none; tell which."""
        try:
            return os.write(self.writer, data) == len(data)
        except BlockingIOError:
            return False


__all__ = ["CAPACITY", "PIPE_BUF", "LogPipe"]

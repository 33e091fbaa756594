"""pid/master.pid: which process is the master, and the lock that lets there be only one.

The lock is a POSIX record lock: it belongs to the master alone, is not inherited by its children and goes when the
master dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Final

PID_FILE: Final = "pid/master.pid"


class AlreadyRunning(Exception):
    """Another master holds the lock."""


class PidFile:
    """The lock, held as long as the object is open."""

    def __init__(self, path: str = PID_FILE) -> None:
        """Take the lock and write our pid; raise AlreadyRunning, or OSError as it comes."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise AlreadyRunning(path) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid():>10}\n".encode(), 0)

    def close(self) -> None:
        """Release the lock."""
        os.close(self._fd)


def running_pid(path: str = PID_FILE) -> int | None:
    """Return the pid of the running master, None when there is none. The lock decides, not the file's text."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        query = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack("hhqqi4x", fcntl.fcntl(fd, fcntl.F_GETLK, query))
        return None if kind == fcntl.F_UNLCK else int(pid)
    finally:
        os.close(fd)

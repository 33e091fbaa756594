"""Spare files: a queue file whose message is done serves again, so that a busy queue makes and deletes no inodes.

ext4 gives out no inode that was deleted within the last minute, or five, and looks at each such one again for every
file that is made. At 1,000 messages a second that search took 0.4 ms a file, more than the rest of the mail path's
system calls together. So a finished file is emptied, marked incomplete and renamed to spare/; the next message takes it
from there, under a new id, for the id holds the time.

Emptied first, its blocks are given back: what is written later lies in new blocks, as in a new file, and no crash can
uncover an old message under a new id. A file that somebody still has open (a slow agent, postcat) is never reused:
every reader holds a shared lock (`QueueFile.open_path`), and both `keep` and `take` want an exclusive one. It is given
up at once: whoever opened the old message in the same moment finds that its path is gone.
Without the folder spare/, or without the right to use it, everything works as before, with files that are made and
deleted.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from typing import Final

from pyfix.base import clock
from pyfix.mail.queue.disk import Disk

FOLDER: Final = "spare"
LIMIT: Final = 1000
"""Spare files that are kept at most: about as many as a busy second needs."""
_LOOK_INTERVAL_S: Final = 0.02
"""How often an empty supply, or a full folder, is looked at again."""
_MODE: Final = 0o600


class Spares:
    """The spare files of one queue, as one process sees them; others take and keep at the same time."""

    def __init__(self, prefix: str, disk: Disk) -> None:
        self._folder = f"{prefix}{FOLDER}/"
        self._disk = disk
        self._known: list[str] = []
        self._next_look = 0.0
        self._room = 0
        self._next_count = 0.0

    def keep(self, path: str, queue_id: str) -> None:
        """Make a spare of a message's file, or remove it where that can't be; raise FileNotFoundError if there is none.

        Killed in between, it leaves a file that is marked incomplete: debris, and no message.
        """
        if not self._has_room():
            self._disk.unlink(path)
            return
        fd = self._disk.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._disk.fchmod(fd, _MODE)
            self._disk.ftruncate(fd, 0)
            self._disk.rename(path, self._folder + queue_id)
            self._room -= 1
        except (BlockingIOError, FileNotFoundError, PermissionError):
            self._disk.unlink(path)
        finally:
            self._disk.close(fd)

    def take(self) -> tuple[int, str] | None:
        """Return descriptor and path of an empty, incomplete file that only this process has, or None."""
        while self._known or self._look():
            path = self._folder + self._known.pop()
            fd = self._open(path)
            if fd is not None:
                return fd, path
        return None

    def _open(self, path: str) -> int | None:
        try:
            fd = self._disk.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.EACCES, errno.ENXIO, errno.EISDIR):
                return None
            raise
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._disk.close(fd)
            return None
        if not _is_fresh(self._disk.fstat(fd)):
            self._disk.close(fd)
            return None
        fcntl.flock(fd, fcntl.LOCK_UN)
        return fd

    def _look(self) -> bool:
        now = clock.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + _LOOK_INTERVAL_S
        self._known = self._list()
        return bool(self._known)

    def _has_room(self) -> bool:
        if self._room <= 0:
            now = clock.monotonic()
            if now >= self._next_count:
                self._next_count = now + _LOOK_INTERVAL_S
                self._room = LIMIT - len(self._list()) if os.path.isdir(self._folder) else 0
        return self._room > 0

    def _list(self) -> list[str]:
        try:
            return self._disk.listdir(self._folder)
        except (FileNotFoundError, PermissionError):
            return []


def _is_fresh(status: os.stat_result) -> bool:
    """Tell whether this can be a spare file, and not something that somebody put there."""
    return (
        stat.S_ISREG(status.st_mode)
        and stat.S_IMODE(status.st_mode) == _MODE
        and status.st_size == 0
        and status.st_nlink == 1
        and os.geteuid() in (0, status.st_uid)
    )

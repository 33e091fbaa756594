"""One session a Maildir: the kernel's lock on its cur/, which ends with the process at the latest.

The file that Dovecot respects (session_lock.py) is made besides where Dovecot has left its files, and where cur/
can't be locked: NFS locks no directories. To make and remove a file took as long as the rest of a short session. The
lock on the Maildir itself belongs to quotas (mailbox/quota/ledger.py).
"""

from __future__ import annotations

import fcntl
import os
from typing import Final, Self

from pyfix.mail.mailbox.reading.errors import MailboxInUse
from pyfix.mail.mailbox.reading.session_lock import SessionLock
from pyfix.mail.mailbox.reading.uidlist import FILE as UIDLIST_FILE

LOCK_FILE: Final = "dovecot-pop3-session.lock"
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class MaildirLock:
    """The lock, held from `take` to `release`."""

    __slots__ = ("_fd", "_file")

    def __init__(self, fd: int, file: SessionLock | None) -> None:
        """Hold cur/, which is open as `fd` (-1: it is not), and the file."""
        self._fd = fd
        self._file = file

    @classmethod
    def take(cls, root: int, path: str) -> Self:
        """Lock the Maildir that is open as `root`, at once; raise MailboxInUse, MailboxUnavailable."""
        fd = _lock_directory(root, path)
        try:
            needs_file = fd < 0 or any(_exists(root, name) for name in (UIDLIST_FILE, LOCK_FILE))
            return cls(fd, SessionLock.take(root, LOCK_FILE, path + LOCK_FILE) if needs_file else None)
        except BaseException:
            _close(fd)
            raise

    def refresh(self) -> None:
        """Show Dovecot that the session lives; raises MailboxUnavailable."""
        if self._file is not None:
            self._file.refresh()

    def release(self) -> None:
        """Let others have the Maildir."""
        if self._file is not None:
            self._file.release()
        _close(self._fd)


def _lock_directory(root: int, path: str) -> int:
    """Return cur/, open and locked; -1 where that can't be done. Raises MailboxInUse."""
    fd = -1
    try:
        fd = os.open("cur", _DIRECTORY, dir_fd=root)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        _close(fd)
        raise MailboxInUse(f"{path!r}: another session has the mailbox") from error
    except OSError:
        _close(fd)
        return -1
    return fd


def _close(fd: int) -> None:
    if fd >= 0:
        os.close(fd)


def _exists(root: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=root, follow_symlinks=False)
    except OSError:
        return False
    return True

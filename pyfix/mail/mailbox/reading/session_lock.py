"""One session a mailbox: a lock file that Dovecot's POP3 server respects, and that no dead process leaves behind.

The file holds "pid:host", as Dovecot's (pop3_lock_session) does. A session of ours also keeps the kernel's lock on it,
which ends with its process, so that a lock of ours is never stale. One of a program that keeps no such lock
counts while its process lives on this machine, or while the file is younger than Dovecot's five minutes: `refresh`
keeps ours young for Dovecot.

See: RFC 1939 section 4.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from typing import Final

from pyfix.base import clock
from pyfix.mail.mailbox.reading.errors import MailboxInUse, MailboxUnavailable, unavailable

_STALE_AFTER_S: Final = 300.0
_SIGNED_AFTER_S: Final = 2.0
"""An empty file may be one that its maker is about to sign."""
_RELEASED: Final = b"-"
_NO_UNNAMED: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)
_OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ATTEMPTS: Final = 5


class SessionLock:
    """The lock, held from `take` to `release`."""

    __slots__ = ("_directory", "_fd", "_name", "_owns_directory", "_path")

    def __init__(self, directory: int, name: str, path: str, fd: int, *, owns_directory: bool) -> None:
        """Hold the lock file `name` in the open `directory`; `path` is for messages."""
        self._owns_directory = owns_directory
        self._directory = directory
        self._name = name
        self._path = path
        self._fd = fd

    @classmethod
    def take(cls, directory: int, name: str, path: str, *, owns_directory: bool = False) -> SessionLock:
        """Lock, at once; raise MailboxInUse, MailboxUnavailable. `directory` is closed with the lock if it owns it."""
        try:
            fd = _take(directory, name, path)
        except BaseException:
            if owns_directory:
                os.close(directory)
            raise
        return cls(directory, name, path, fd, owns_directory=owns_directory)

    def refresh(self) -> None:
        """Make the file young: Dovecot takes one of five minutes for forgotten."""
        try:
            os.pwrite(self._fd, _signature(), 0)
        except OSError as error:
            raise unavailable("cannot refresh session lock", self._path, error) from error

    def release(self) -> None:
        """Remove the file."""
        try:
            if _is_still(self._fd, self._directory, self._name):
                os.pwrite(self._fd, _RELEASED, 0)
                os.unlink(self._name, dir_fd=self._directory)
        except OSError:
            pass  # without the kernel's lock, which ends now, it hinders nobody for long
        os.close(self._fd)
        if self._owns_directory:
            os.close(self._directory)


def _take(directory: int, name: str, path: str) -> int:
    """Return the open lock file, made or taken over; raise MailboxInUse, MailboxUnavailable."""
    for _ in range(_ATTEMPTS):
        try:
            try:
                return _make(directory, name)
            except FileExistsError:
                fd = os.open(name, _OPEN, dir_fd=directory)
        except FileNotFoundError:
            continue  # just released
        except OSError as error:
            raise unavailable("cannot create session lock", path, error) from error
        try:
            if _claim(fd, directory, name, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
    raise MailboxInUse(f"{path!r}: sessions come and go too fast to lock the mailbox")


def _make(directory: int, name: str) -> int:
    """Make a new lock file, which is locked and signed before it has a name where the file system can do that."""
    try:
        fd = os.open(".", os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600, dir_fd=directory)
    except OSError as error:
        if error.errno not in _NO_UNNAMED:
            raise
        fd = os.open(name, _OPEN | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
        name = ""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.pwrite(fd, _signature(), 0)
        if name:
            os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=directory, follow_symlinks=True)
    except OSError:
        os.close(fd)
        raise
    return fd


def _claim(fd: int, directory: int, name: str, path: str) -> bool:
    """Make a lock file that is there our own; False when it has been removed meanwhile.

    Raises MailboxInUse, MailboxUnavailable.
    """
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise MailboxUnavailable(f"session lock {path!r} is not a regular file (remove it)")
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_still(fd, directory, name):
            return False
        if _is_held(os.pread(fd, 512, 0), clock.now() - status.st_mtime):
            raise MailboxInUse(f"{path!r}: another session has the mailbox")
        os.ftruncate(fd, os.pwrite(fd, _signature(), 0))
    except BlockingIOError as error:
        raise MailboxInUse(f"{path!r}: another session has the mailbox") from error
    except OSError as error:
        raise unavailable("cannot take session lock", path, error) from error
    return True


def _is_still(fd: int, directory: int, name: str) -> bool:
    """Tell whether the open file is still the one of that name."""
    try:
        there = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(fd))


def _is_held(content: bytes, age_s: float) -> bool:
    """Tell whether a program that keeps no kernel lock still wants the mailbox: by its pid, or the age of the file."""
    if not content or content.startswith(_RELEASED):
        return not content and age_s < _SIGNED_AFTER_S
    if age_s > _STALE_AFTER_S:
        return False
    pid, _, host = content.partition(b":")
    if host.strip() != _host() or not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _host() -> bytes:
    return os.fsencode(socket.gethostname())


def _signature() -> bytes:
    return b"%d:%s" % (os.getpid(), _host())

"""Locks on an mbox: dot-lock file, fcntl and flock, as many of them as the configuration names.

A dot-lock holds a `Journal`: who took it, and what the mailbox looked like before the append. When its owner was
killed, the next delivery on this machine sees that, takes the lock over at once and undoes the half append (see
mbox.py). A lock whose owner can't be told that way is broken when it is older than stale_lock_time.

Failures: MailboxError 4.2.0 when somebody else keeps the mailbox, other states as the system says.
See: mailbox_delivery_lock, virtual_mailbox_lock, deliver_lock_attempts, deliver_lock_delay, stale_lock_time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyfix.base import clock
from pyfix.mail.config import ConfigError, Integer, ListOf, ParameterSet, Seconds
from pyfix.mail.mailbox.errors import MailboxError, system_error

METHODS: Final = ("flock", "fcntl", "dotlock")
_READER_ATTEMPTS: Final = 3
_READER_DELAY_S: Final = 0.1
_JOURNAL_LIMIT: Final = 4096
_NO_HOST: Final = "?"
_NO_UNNAMED: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT, errno.EXDEV)
"""What is answered where files cannot be without a name, or /proc, through which they get one, is out of sight."""


class LockParameters(ParameterSet):
    """What local, virtual and every other writer of mailboxes share."""

    deliver_lock_attempts = Integer("20", "How often a lock on a mailbox is tried.", low=1)
    deliver_lock_delay = Seconds("1s", "The time between two attempts.", low=1)
    stale_lock_time = Seconds("500s", "A lock file older than this is taken for forgotten.", low=1)


class LocalLockParameters(LockParameters):
    """How local locks."""

    mailbox_delivery_lock = ListOf("fcntl, dotlock", "How a mailbox file is locked: flock, fcntl, dotlock.")


class VirtualLockParameters(LockParameters):
    """How virtual locks."""

    virtual_mailbox_lock = ListOf("fcntl, dotlock", "How an mbox is locked: flock, fcntl, dotlock.")


class ReaderLockParameters(LocalLockParameters, VirtualLockParameters):
    """How both lock: for who reads what either delivers."""


@dataclass(frozen=True, slots=True)
class LockPolicy:
    """How a mailbox is locked."""

    methods: tuple[str, ...] = ("fcntl", "dotlock")
    attempts: int = 20
    delay: float = 1.0
    stale_after: float = 500.0
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)
    """Waits for deliver_lock_delay: nobody tells when another program lets go of a mailbox. Tests do not wait."""

    @classmethod
    def from_params(cls, params: LockParameters, methods: Sequence[str], parameter: str) -> LockPolicy:
        """Return the policy that `parameter` and the common ones describe; raise ConfigError."""
        for name in methods:
            if name not in METHODS:
                raise ConfigError(f'unknown {parameter} value "{name}" in "{" ".join(methods)}"')
        if not methods:
            raise ConfigError(f"parameter {parameter} specifies no applicable mailbox locking method")
        return cls(tuple(methods), params.deliver_lock_attempts, params.deliver_lock_delay, params.stale_lock_time)

    @classmethod
    def of_readers(cls, params: ReaderLockParameters) -> LockPolicy:
        """Return a policy that locks out all deliveries, and waits for a moment only; raise ConfigError."""
        policies = (
            cls.from_params(params, params.mailbox_delivery_lock, "mailbox_delivery_lock"),
            cls.from_params(params, params.virtual_mailbox_lock, "virtual_mailbox_lock"),
        )
        methods = tuple(name for name in METHODS if any(name in policy.methods for policy in policies))
        return cls(methods, _READER_ATTEMPTS, _READER_DELAY_S, params.stale_lock_time)

    def lock_file(self, fd: int) -> None:
        """Take the kernel's locks on an open mailbox; they go when it is closed. Raises MailboxError."""
        if "flock" in self.methods:
            self._retry(fcntl.flock, fd)
        if "fcntl" in self.methods:
            self._retry(fcntl.lockf, fd)

    def _retry(self, take: Callable[[int, int], None], fd: int) -> None:
        for attempt in range(self.attempts):
            try:
                take(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES) or attempt == self.attempts - 1:
                    raise system_error("unable to lock for exclusive access", error, "4.2.0") from error
                self.sleep(self.delay)
            else:
                return


@dataclass(frozen=True, slots=True)
class Journal:
    """What a dot-lock says about the delivery that holds it."""

    pid: int
    host: str
    inode: int = 0
    size: int = -1
    """Length of the mailbox before the append; -1 while nothing has been written."""
    planned: int = -1
    """Its length when the append is complete."""

    def encode(self) -> bytes:
        """Return the content of the lock file: the pid first, as mail readers expect it."""
        return f"{self.pid}\n{self.host} {self.inode} {self.size} {self.planned}\n".encode()

    @classmethod
    def decode(cls, data: bytes) -> Journal | None:
        """Return the journal, or None for a lock that another program made."""
        words = data.split()
        if len(words) != 5:
            return None
        try:
            pid, inode, size, planned = (int(words[index]) for index in (0, 2, 3, 4))
            return cls(pid, words[1].decode("ascii"), inode, size, planned)
        except ValueError:
            return None

    def is_abandoned(self, host: str) -> bool:
        """True when its owner was a process of this machine that is no more."""
        if self.host != host or self.pid <= 0:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False


class DotLock:
    """The lock file beside a mailbox. `take`, then `note` what is about to happen, then `release`."""

    def __init__(self, mailbox: str, policy: LockPolicy, otherwise: str = "5.2.0") -> None:
        """`otherwise` is the status of errors without their own."""
        self._otherwise = otherwise
        self._path = f"{mailbox}.lock"
        self._policy = policy
        self._host = socket.gethostname().replace(" ", "") or _NO_HOST
        self._fd = -1
        self.abandoned: Journal | None = None
        """The journal of the killed delivery whose lock was taken over."""

    def take(self) -> None:
        """Create the file, or take over that of a dead process; raise MailboxError."""
        policy = self._policy
        for attempt in range(policy.attempts):
            try:
                self._create()
            except FileExistsError:
                if self._take_over():
                    return
                if not self._remove_old() and attempt < policy.attempts - 1:
                    policy.sleep(policy.delay)
            except OSError as error:
                raise self._failed(error, self._otherwise) from error
            else:
                return
        raise self._failed(FileExistsError(errno.EEXIST, "exists"), "4.2.0")

    def _create(self) -> None:
        """Make the lock file; raise OSError, FileExistsError when it is there.

        It is signed before it has a name: a lock that nobody signed could only be broken by its age.
        """
        try:
            self._create_unnamed()
        except OSError as error:
            if error.errno not in _NO_UNNAMED:
                raise
            self._create_named()

    def _create_named(self) -> None:
        """Make the file and sign it then; one that cannot be signed (a full disk) goes again. Raises OSError."""
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self._write(Journal(os.getpid(), self._host))
        except MailboxError:
            self.release()
            raise

    def _create_unnamed(self) -> None:
        """Make and sign a file without a name, then give it one; raise OSError."""
        self._fd = os.open(os.path.dirname(self._path) or ".", os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
        try:
            self._write(Journal(os.getpid(), self._host))
            os.link(f"/proc/self/fd/{self._fd}", self._path, src_dir_fd=self._fd, follow_symlinks=True)
        except (OSError, MailboxError):
            os.close(self._fd)
            self._fd = -1
            raise

    def note(self, inode: int, size: int, planned: int) -> None:
        """Say what the mailbox looks like and will look like."""
        self._write(Journal(os.getpid(), self._host, inode, size, planned))

    def release(self) -> None:
        """Remove the file, if this lock holds one."""
        if self._fd >= 0:
            try:
                os.unlink(self._path)
            except OSError:
                pass  # somebody thought it stale; the kernel's lock on the mailbox has kept him out
            os.close(self._fd)
            self._fd = -1

    def _write(self, journal: Journal) -> None:
        data = journal.encode()
        try:
            os.pwrite(self._fd, data, 0)
            os.ftruncate(self._fd, len(data))
        except OSError as error:
            raise self._failed(error, "4.2.0") from error

    def _take_over(self) -> bool:
        """Make the lock of a dead process of this machine our own; False when it is not one.

        What it says about the mailbox is believed only of root and of the user whose rights are in force: in a
        directory that everybody may write to, anybody can lay a lock file there that would have mail cut away.
        The file stays; a lock on itself decides between two that want it. Removing it and making a new one would let
        the second remove what the first has just made.
        """
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            journal = Journal.decode(os.pread(fd, _JOURNAL_LIMIT, 0))
            is_ours = _is_ours(self._path, fd)
        except OSError:
            journal, is_ours = None, False
        if journal is None or not is_ours or not journal.is_abandoned(self._host):
            os.close(fd)
            return False
        self._fd = fd
        try:
            self._write(Journal(os.getpid(), self._host, journal.inode, journal.size, journal.planned))
        except MailboxError:
            os.close(fd)
            self._fd = -1
            raise
        self.abandoned = journal
        return True

    def _remove_old(self) -> bool:
        """Remove a lock that has been forgotten; True when it is worth trying again at once."""
        try:
            status = os.stat(self._path, follow_symlinks=False)
            if clock.now() <= status.st_ctime + self._policy.stale_after:
                return False
            os.unlink(self._path)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _failed(self, error: OSError, otherwise: str) -> MailboxError:
        return system_error(f"unable to create lock file {self._path}", error, otherwise)


def _is_ours(path: str, fd: int) -> bool:
    """Tell whether the open file is still at its path, and of somebody who may say what becomes of the mailbox."""
    status = os.fstat(fd)
    is_same = os.stat(path, follow_symlinks=False).st_ino == status.st_ino
    return is_same and status.st_uid in (0, os.geteuid())

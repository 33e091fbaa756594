"""Delivery into an mbox file: locked, appended, synced; put back to its old length when anything fails.

A message is a From_ line, header lines, the content with ">" before its lines that begin with "From ", and an empty
line. The mailbox is opened without following a symbolic link, and must have one name. Appending is the only way it
changes; a failed append is truncated away. What a killed delivery left behind, the next one removes (its dot-lock tells
how long the mailbox was), and where nothing tells, it separates: a From_ line of ours always follows an empty line, so
that no debris swallows the message.

See: local(8), virtual(8), mbox(5).
"""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from pyfix.base import clock
from pyfix.mail.delivery.content import Content, ContentError
from pyfix.mail.delivery.copy import CopyStyle
from pyfix.mail.mailbox.errors import MailboxError, system_error, too_large
from pyfix.mail.mailbox.lock import DotLock, Journal, LockPolicy
from pyfix.mail.mailbox.maildir import write_all

_OPEN = os.O_RDWR | os.O_APPEND | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
_QUOTED = CopyStyle(quote_from=True)
_WRITE_SIZE = 1024 * 1024
_REPAIR_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a mailbox that is made by somebody else is given to."""

    uid: int
    gid: int


class Mbox:
    """An mbox file, open and locked. Use: `with Mbox.open(...) as box: box.append(...)`."""

    def __init__(
        self, path: str, fd: int, dot_lock: DotLock | None, complaint: str = "", patience: float = 0.0
    ) -> None:
        """Take over `fd` and the lock; `patience` is how long a pipe may take."""
        self._patience = patience
        self.complaint = complaint
        """Why there is no lock file, where that is no error; for the log."""
        self._path = path
        self._fd = fd
        self._dot_lock = dot_lock
        self.status = os.fstat(fd)

    @classmethod
    def open(
        cls,
        path: str,
        policy: LockPolicy,
        *,
        owner: Owner | None = None,
        dot_lock_may_fail: bool = False,
        may_create: bool = True,
        otherwise: str = "5.2.0",
    ) -> Mbox:
        """Open or create the mailbox and lock it, with the rights in force. Raises MailboxError.

        A new file is given to `owner` if there is one; readers make none (`may_create`). `dot_lock_may_fail`: go on
        without a lock file where the directory does not allow one (files that users name). `otherwise` is the status
        of errors without their own.
        """
        dot_lock, complaint = _take_dot_lock(path, policy, dot_lock_may_fail, otherwise)
        fd = -1
        try:
            fd = _open_file(path, owner, otherwise, may_create=may_create)
            box = cls(path, fd, dot_lock, complaint, policy.attempts * policy.delay)
            if box.is_regular:
                policy.lock_file(fd)
                box.check_links()
        except MailboxError:
            if fd >= 0:
                os.close(fd)
            if dot_lock:
                dot_lock.release()
            raise
        return box

    def __enter__(self) -> Mbox:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    @property
    def is_regular(self) -> bool:
        """False for a device or a pipe, such as /dev/null."""
        return stat.S_ISREG(self.status.st_mode)

    @property
    def fd(self) -> int:
        """The open file."""
        return self._fd

    def repair(self) -> None:
        """Remove what a killed delivery left at the end. Raises OSError."""
        if self.is_regular:
            self._repair(os.fstat(self._fd).st_size)

    @property
    def owner_uid(self) -> int:
        """Whose file it is."""
        return self.status.st_uid

    @property
    def is_executable(self) -> bool:
        """True when anybody may run it: a program is no mailbox."""
        return bool(self.status.st_mode & 0o111)

    def check_links(self) -> None:
        """Refuse a file that was replaced or linked while the lock was awaited."""
        self.status = os.fstat(self._fd)
        if self.status.st_nlink != 1:
            raise MailboxError("4.2.0", "target file status changed unexpectedly")

    def append(self, from_line: bytes, head: bytes, content: Content, limit: int = 0) -> None:
        """Append one message, durably. Raises MailboxError, with the mailbox as it was."""
        if not self.is_regular:
            self._pass_on(from_line + head, content)
            return
        size = self._repair(os.fstat(self._fd).st_size)
        head = self._separator(size) + from_line + head
        # ">" marks are not counted: they only matter to a repair, which then finds too much and leaves it alone.
        planned = size + len(head) + content.length + 2
        if limit and planned > limit:
            raise too_large()
        if self._dot_lock:
            self._dot_lock.note(self.status.st_ino, size, planned)
        try:
            self._write_rest(head, content)
            self._sync()
        except MailboxError:
            os.ftruncate(self._fd, size)
            raise

    def close(self) -> None:
        """Release file and locks; the kernel's locks end with the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._dot_lock:
            self._dot_lock.release()

    def _pass_on(self, head: bytes, content: Content) -> None:
        """Write to a device or a pipe; one that takes nothing is waited for as long as a lock would be."""
        chunks = chain([head], _QUOTED.apply(content.chunks()), [b"\n"])
        try:
            write_in_time(self._fd, chunks, clock.monotonic() + self._patience)
        except OSError as error:
            raise system_error("error writing message", error, "5.3.0") from error
        except ContentError as error:
            raise MailboxError("4.3.0", f"error reading message: {error}") from error

    def _write_rest(self, head: bytes, content: Content) -> None:
        try:
            if content.is_small:
                write_all(self._fd, [head, *_QUOTED.apply(content.chunks()), b"\n"])
            else:
                write_all(self._fd, [head])
                for chunk in _gather(_QUOTED.apply(content.chunks())):
                    write_all(self._fd, [chunk])
                write_all(self._fd, [b"\n"])
        except OSError as error:
            raise system_error("error writing message", error, "5.3.0") from error
        except ContentError as error:
            raise MailboxError("4.3.0", f"error reading message: {error}") from error

    def _sync(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise system_error("error writing message", error, "4.3.0") from error

    def _separator(self, size: int) -> bytes:
        """Return what has to come before a From_ line: nothing in a sound mailbox."""
        end = os.pread(self._fd, 2, max(0, size - 2))
        if not end or end == b"\n\n":
            return b""
        return b"\n" if end.endswith(b"\n") else b"\n\n"

    def _repair(self, size: int) -> int:
        """Remove what a killed delivery left at the end; return the length of the mailbox now."""
        journal = self._dot_lock.abandoned if self._dot_lock else None
        if journal is None or not self._is_debris(journal, size):
            return size
        os.ftruncate(self._fd, journal.size)
        os.fsync(self._fd)
        return journal.size

    def _is_debris(self, journal: Journal, size: int) -> bool:
        """True when all that follows the noted length is one unfinished or unreported append of the dead process."""
        if journal.inode != self.status.st_ino or not 0 <= journal.size < size <= journal.planned:
            return False
        tail = b""
        for start in range(journal.size, size, _REPAIR_CHUNK):
            tail = tail[-8:] + os.pread(self._fd, min(_REPAIR_CHUNK, size - start), start)
            if b"\n\nFrom " in (tail.lstrip(b"\n") if start == journal.size else tail):
                return False
        return True


def _take_dot_lock(path: str, policy: LockPolicy, may_fail: bool, otherwise: str) -> tuple[DotLock | None, str]:
    """Lock with a file, unless the mailbox is something that is no file (/dev/null.lock helps nobody).

    Returns the lock, or why there is none where that is no error.
    """
    if "dotlock" not in policy.methods:
        return None, ""
    try:
        if not stat.S_ISREG(os.stat(path, follow_symlinks=False).st_mode):
            return None, ""
    except OSError:
        pass  # not there yet, or out of reach: the open that follows tells
    lock = DotLock(path, policy, otherwise)
    try:
        lock.take()
    except MailboxError as error:
        if may_fail and error.number != errno.EEXIST:
            return None, error.reason
        raise
    return lock, ""


def _open_file(path: str, owner: Owner | None, otherwise: str, *, may_create: bool) -> int:
    """Open an existing mailbox, or create it; raise MailboxError.

    A regular file is opened for reading too: how it ends decides what is written. A device or a pipe is not: a pipe
    that nobody reads must refuse the message.
    """
    try:
        mode = os.stat(path, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            raise MailboxError(otherwise, "file is a symbolic link", errno.EPERM)
        fd = os.open(path, _OPEN if stat.S_ISREG(mode) else _OPEN & ~os.O_RDWR | os.O_WRONLY)
    except FileNotFoundError as error:
        if not may_create:
            raise system_error("cannot open file", error, otherwise) from error
        return _create_file(path, owner, otherwise)
    except OSError as error:
        raise system_error("cannot open file", error, otherwise) from error
    status = os.fstat(fd)
    if stat.S_IFMT(status.st_mode) != stat.S_IFMT(mode) or (stat.S_ISREG(mode) and status.st_nlink != 1):
        os.close(fd)
        raise MailboxError(otherwise, f"file has {status.st_nlink} hard links", errno.EPERM)
    return fd


def _create_file(path: str, owner: Owner | None, otherwise: str) -> int:
    try:
        fd = os.open(path, _OPEN | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise MailboxError("4.2.0", "cannot create file exclusively: File exists", errno.EAGAIN) from error
    except OSError as error:
        raise system_error("cannot create file exclusively", error, otherwise) from error
    if owner is not None:
        try:
            os.fchown(fd, owner.uid, owner.gid)
        except OSError as error:
            os.close(fd)
            raise system_error("cannot change file ownership", error, otherwise) from error
    return fd


def write_in_time(fd: int, chunks: Iterable[bytes], deadline: float) -> None:
    """Write to a descriptor that does not block; raise OSError (ETIMEDOUT) when the deadline passes."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            left = deadline - clock.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            try:
                rest = rest[os.write(fd, rest) :]
            except BlockingIOError:
                continue


def _gather(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """Join small pieces, so that each write is worth its call."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= _WRITE_SIZE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)

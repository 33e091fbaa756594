"""An mbox file as a reader sees it.

Opening locks the file as deliveries do for as long as it is looked through, not for the session: new mail is appended
meanwhile and belongs to the next session. A file that another program rewrites under a session costs that session the
messages that are no longer where they were, and nobody else anything. Removal is in mbox_rewrite.py.

A file that does not exist is an empty mailbox. One that does not begin with a From_ line is refused as it is.
See: mbox_format.py for the rules.
"""

from __future__ import annotations

import errno
import fcntl
import math
import os
import stat
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from pyfix.mail.mailbox.lock import LockPolicy
from pyfix.mail.mailbox.reading.errors import MailboxInUse, MailboxUnavailable, MessageGone, unavailable
from pyfix.mail.mailbox.reading.mbox_format import digest
from pyfix.mail.mailbox.reading.mbox_index import MboxIndex, NotAnMbox, read_index, read_message
from pyfix.mail.mailbox.reading.mbox_rewrite import Change, rewrite
from pyfix.mail.mailbox.reading.protocol import Removed
from pyfix.mail.mailbox.reading.session_lock import SessionLock
from pyfix.mail.mailbox.reading.stream import MessageStream

_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_BUSY: Final = (errno.EAGAIN, errno.EACCES)


class ReadableMbox:
    """An open mbox; see ReadableMailbox."""

    def __init__(self, path: str, fd: int, index: MboxIndex, policy: LockPolicy, lock: SessionLock | None) -> None:
        """Take over `fd` (-1: the file does not exist) and the lock."""
        self.location = f"mbox:{path}"
        self._path = path
        self._fd = fd
        self._index = index
        self._policy = policy
        self._lock = lock
        self._uidls: list[bytes] | None = None

    def measure(self, seconds: float = math.inf) -> bool:
        """Return True: the sizes are known."""
        return True

    def __len__(self) -> int:
        """Return how many messages there are."""
        return len(self._index)

    @property
    def total_octets(self) -> int:
        """Return the size of all messages."""
        return sum(self._index.octets)

    def octets(self, first: int, last: int) -> Sequence[int]:
        """Return the sizes of messages first..last."""
        return self._index.octets[first - 1 : last]

    def uidls(self, first: int, last: int) -> Sequence[bytes]:
        """Return the unique ids of messages first..last."""
        if self._uidls is None:
            self._uidls = self._index.uidls()
        return self._uidls[first - 1 : last]

    def flags(self, number: int) -> str:
        """Return the flags of a message."""
        return self._index.flags[number - 1]

    def open(self, number: int) -> MessageStream:
        """Return the bytes of a message, without the fields of mail readers; raise MessageGone, MailboxUnavailable."""
        index = number - 1
        try:
            message = read_message(self._fd, self._index.starts[index], self._index.end(index))
        except OSError as error:
            raise unavailable("cannot read", self._path, error) from error
        if digest(message.block, message.fields) != self._index.digest(index):
            raise MessageGone(f"{self._path!r}: another program has changed the file; message {number} is elsewhere")
        return MessageStream(self._fd, message.ranges, is_owner=False)

    def expunge(self, numbers: Collection[int], seen: Iterable[int] = ()) -> Removed:
        """Remove messages, and mark others as seen. Raises MailboxUnavailable, MailboxInUse: nothing has changed."""
        read = {number - 1 for number in seen if "S" not in self._index.flags[number - 1]}
        if self._fd < 0 or not (numbers or read):
            return Removed()
        return rewrite(self._path, Change(self._index, {number - 1 for number in numbers}, read), self._policy)

    def refresh(self) -> None:
        """Show that the session lives."""
        if self._lock:
            self._lock.refresh()

    def close(self) -> None:
        """Release the file and the lock."""
        if self._lock:
            self._lock.release()
            self._lock = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def open_mbox(path: str, *, lock: bool, policy: LockPolicy) -> ReadableMbox:
    """Look through an mbox file; raise MailboxUnavailable, MailboxInUse."""
    held = _take_lock(path) if lock else None
    try:
        fd = _open_file(path)
    except BaseException:
        if held:
            held.release()
        raise
    if fd < 0:
        return ReadableMbox(path, -1, MboxIndex(0), policy, held)
    try:
        return ReadableMbox(path, fd, _look_through(path, fd, policy), policy, held)
    except BaseException:
        os.close(fd)
        if held:
            held.release()
        raise


def _take_lock(path: str) -> SessionLock | None:
    """Lock the mailbox for the session; None where there is no directory, hence no mailbox."""
    folder, name = os.path.split(path)
    lock_file = f".{name}.pop3-session.lock"
    try:
        directory = os.open(folder, _DIRECTORY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unavailable("cannot open directory", folder, error) from error
    return SessionLock.take(directory, lock_file, f"{folder}/{lock_file}", owns_directory=True)


def _open_file(path: str) -> int:
    """Return the open file, -1 when there is none."""
    try:
        fd = os.open(path, _OPEN)
    except FileNotFoundError:
        return -1
    except OSError as error:
        raise unavailable("cannot open mailbox", path, error) from error
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise MailboxUnavailable(f"{path!r} is not a regular file (correct the location of the mailbox)")
    return fd


def _look_through(path: str, fd: int, policy: LockPolicy) -> MboxIndex:
    """Index the file while no delivery writes to it."""
    try:
        _lock_for_reading(path, fd, policy)
        try:
            return read_index(fd, os.fstat(fd).st_size)
        finally:
            fcntl.lockf(fd, fcntl.LOCK_UN)
            fcntl.flock(fd, fcntl.LOCK_UN)
    except NotAnMbox as error:
        raise MailboxUnavailable(
            f"{path!r} does not begin with a From_ line: no mbox file (correct the location, or the file)"
        ) from error
    except OSError as error:
        raise unavailable("cannot read", path, error) from error


def _lock_for_reading(path: str, fd: int, policy: LockPolicy) -> None:
    """Take the kernel's locks that deliveries take; raise MailboxInUse, OSError."""
    for method, take in (("flock", fcntl.flock), ("fcntl", fcntl.lockf)):
        if method not in policy.methods:
            continue
        try:
            take(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _BUSY:
                raise
            raise MailboxInUse(f"{path!r}: a delivery or another program has locked the file (try again)") from error

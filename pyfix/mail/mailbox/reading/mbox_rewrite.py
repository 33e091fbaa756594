"""Remove messages from an mbox file, with no moment at which the machine may not stop.

Under the locks of deliveries the file is looked through again, so that what came or went since the session began is
known, what stays is copied to a new file beside it, which is made durable and renamed over the old one. A delivery that
waited for the old file sees that it has no name any more, and tries again (deliver_lock_attempts, or deferred).

When messages go from the end only, the file is cut, which is one step of its own. A message goes only if its unique id
and its header are those of the message that the session meant.

Fields of mail readers: Status says what was seen, and X-IMAPbase moves to the message that is now the first. A large
file is not rewritten for Status alone.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.base.atomic import sync_directory
from pyfix.mail.mailbox.errors import MailboxError
from pyfix.mail.mailbox.lock import LockPolicy
from pyfix.mail.mailbox.maildir import write_all
from pyfix.mail.mailbox.mbox import Mbox
from pyfix.mail.mailbox.reading.errors import MailboxInUse, MailboxUnavailable, unavailable
from pyfix.mail.mailbox.reading.mbox_header import renewed
from pyfix.mail.mailbox.reading.mbox_index import MboxIndex, NotAnMbox, read_index, read_message
from pyfix.mail.mailbox.reading.protocol import Removed

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE: Final = 1024 * 1024
_LARGE: Final = 16 * 1024 * 1024
_NO_COPY: Final = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF)


@dataclass(frozen=True, slots=True)
class Change:
    """What a session wants of the messages that it has seen, by index from 0."""

    index: MboxIndex
    removed: set[int]
    seen: set[int]

    def applied_to(self, now: MboxIndex) -> tuple[set[int], set[int]]:
        """Return the same for the mailbox as it is now. Pure."""
        before = self.index.uidls()
        wanted = {(before[i], self.index.digest(i)) for i in self.removed}
        read = {(before[i], self.index.digest(i)) for i in self.seen}
        keys = [(uidl, now.digest(i)) for i, uidl in enumerate(now.uidls())]
        removed = {i for i, key in enumerate(keys) if key in wanted}
        return removed, {i for i, key in enumerate(keys) if key in read} - removed


def rewrite(path: str, change: Change, policy: LockPolicy) -> Removed:
    """Make the change; raise MailboxUnavailable, MailboxInUse: nothing has changed then."""
    try:
        with Mbox.open(path, policy, may_create=False) as box:
            box.repair()
            return _rewrite(path, box.fd, change)
    except MailboxError as error:
        if error.number in (errno.EEXIST, errno.EAGAIN):
            raise MailboxInUse(f"{path!r}: {error.reason} (try again)") from error
        if error.number == errno.ENOENT:
            return Removed()
        raise MailboxUnavailable(f"{path!r}: {error.reason}{_remedy(path, error.number)}") from error
    except NotAnMbox as error:
        raise MailboxUnavailable(f"{path!r} does not begin with a From_ line any more (look at it)") from error
    except OSError as error:
        raise unavailable("cannot rewrite mailbox", path, error) from error


def _remedy(path: str, number: int) -> str:
    if number not in (errno.EACCES, errno.EPERM):
        return ""
    return f" (give the owner of the mailbox the right to make files in {os.path.dirname(path)!r})"


def _rewrite(path: str, fd: int, change: Change) -> Removed:
    index = read_index(fd, os.fstat(fd).st_size)
    removed, seen = change.applied_to(index)
    if not removed and (not seen or index.size > _LARGE):
        return Removed()
    size = sum(index.end(i) - index.starts[i] for i in removed)
    kept = len(index) - len(removed)
    if not seen and all(i < kept for i in range(len(index)) if i not in removed):
        _cut(fd, index.starts[kept] if kept else index.lead)
    else:
        _replace(path, fd, index, removed, seen)
    return Removed(len(removed), size)


def _cut(fd: int, size: int) -> None:
    os.ftruncate(fd, size)
    os.fsync(fd)


def _replace(path: str, fd: int, index: MboxIndex, removed: set[int], seen: set[int]) -> None:
    """Write what stays to a new file, and give it the name. Raises OSError, with the old file as it was."""
    folder, name = os.path.split(path)
    temporary = f"{folder}/.{name}.pyfix"
    try:
        os.unlink(temporary)
    except FileNotFoundError:
        pass  # nobody was killed here before
    status = os.fstat(fd)
    new = os.open(temporary, _CREATE, 0o600)
    try:
        try:
            if os.fstat(new)[4:6] != status[4:6]:
                os.fchown(new, status.st_uid, status.st_gid)
            os.fchmod(new, status.st_mode & 0o7777)
            for piece in _pieces(fd, index, removed, seen):
                _write(fd, new, piece)
            os.fsync(new)
        finally:
            os.close(new)
        os.rename(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    sync_directory(folder)


def _pieces(fd: int, index: MboxIndex, removed: set[int], seen: set[int]) -> Iterator[bytes | tuple[int, int]]:
    """Yield the new file: bytes, and (offset, end) of the old one; neighbours are one piece."""
    kept = [i for i in range(len(index)) if i not in removed]
    start, end = 0, index.lead
    for i in kept:
        moves_base = index.validity and not index.lead and i == kept[0] != 0
        if index.starts[i] != end:
            yield start, end
            start = index.starts[i]
        if i in seen or moves_base:
            base = (index.validity, max(index.last_uid, index.highest_uid)) if moves_base else None
            message = read_message(fd, index.starts[i], index.end(i))
            yield start, message.start + message.head
            yield renewed(message.block, message.fields, base=base, is_seen=i in seen)
            start = message.start + message.head + len(message.block)
        end = index.end(i)
    yield start, end


def _write(source: int, target: int, piece: bytes | tuple[int, int]) -> None:
    if isinstance(piece, bytes):
        write_all(target, [piece])
        return
    offset, end = piece
    while offset < end:
        offset += _copy(source, target, offset, min(_PIECE, end - offset))


def _copy(source: int, target: int, offset: int, size: int) -> int:
    """Copy up to `size` bytes, inside the kernel where it can. Raises OSError."""
    try:
        copied = os.copy_file_range(source, target, size, offset_src=offset)
    except OSError as error:
        if error.errno not in _NO_COPY:
            raise
        data = os.pread(source, size, offset)
        write_all(target, [data])
        copied = len(data)
    if not copied:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return copied

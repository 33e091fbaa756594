"""Delivery into a Maildir: one message, one file, no locks.

The file is written below tmp/, synced, and renamed to new/: a reader sees all of it or nothing, and a killed delivery
leaves debris in tmp/ only. Names are Postfix's: seconds.V<device>I<inode>M<microseconds>.host, unique while the file
exists. With virtual_maildir_extended the size of the file follows, and the one on the wire: ,S=1234,W=1260.

Where there is a quota, `finish` asks for admission (quota/account.py) when the message is durable and before it is
visible.

Is the rename itself durable? The queue file is removed, or its recipient marked, after the rename. On one file system
both changes go through one journal in that order, so that no crash keeps the removal and forgets the rename. A sync of
new/ would cost 100 us of 290 us a delivery (measured on ext4) and buy nothing there; it is made when the mailbox lies
on another device than the queue.

Many recipients of one message: `begin` writes a file and lets the kernel start on it, `finish` makes it durable and
visible. A batch that is begun first and finished then costs the journal one commit where it would cost many: 15 to 45 %
less time a delivery at 50 recipients, more on a busy disk.

See: virtual(8), local(8), maildir(5).
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from pyfix.base import clock
from pyfix.base.atomic import sync_directory
from pyfix.mail.delivery.content import Content, ContentError
from pyfix.mail.mailbox.errors import MailboxError, system_error, too_large
from pyfix.mail.mailbox.quota.account import Account, Bookkeeper
from pyfix.mail.mailbox.quota.names import named

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_ENDS = (b"\n", b"")


@dataclass(slots=True)
class Draft:
    """A message that is written but not yet durable, nor visible."""

    maildir: str
    temporary: str
    final: str
    fd: int
    device: int
    size: int
    """Of the file, in bytes."""


class MaildirWriter:
    """Delivers the content of one message into any number of Maildirs."""

    def __init__(
        self, content: Content, limit: int = 0, otherwise: str = "4.2.0", warn: Callable[[str], object] | None = None,
        *, names_sizes: bool = False,
    ) -> None:  # fmt: skip
        """`limit` bounds the size of a file (0: no limit); `otherwise` is the status of errors without their own;
        `warn` is told what went wrong with a message that is delivered nevertheless. `names_sizes`: the name of a file
        ends with its size, and with its size on the wire where the content is small: ",S=1234,W=1260"."""
        self._otherwise = otherwise
        self._warn = warn
        self._content = content
        self._limit = limit
        self._host = _host_name()
        queue_file = os.fstat(content.fd)
        self._device = queue_file.st_dev
        self._unique = f"P{os.getpid()}I{queue_file.st_ino:x}F{content.fd}"
        """A process may have several messages in hand, and several requests for one, each with its own descriptor."""
        self._count = 0
        self._names_sizes = names_sizes
        self._lines: int | None = None

    def size(self, head: bytes) -> int:
        """Return the size of the file with these header lines; raises MailboxError."""
        return len(head) + self._content.length + (not self._ends_with_newline())

    def deliver(self, maildir: str, head: bytes, account: Account | Bookkeeper | None = None) -> str:
        """Write one message; return its path below new/. `maildir` ends in "/". Raises MailboxError."""
        return self.finish(self.begin(maildir, head), account)

    def begin(self, maildir: str, head: bytes, *, in_batch: bool = False) -> Draft:
        """Write one message below tmp/; in a batch, let the kernel begin to store it. Raises MailboxError."""
        if self._limit and len(head) + self._content.length > self._limit:
            raise too_large()
        size = self.size(head) if self._names_sizes else 0
        now = clock.now()
        seconds = int(now)
        self._count += 1
        temporary = f"{maildir}tmp/{seconds}.{self._unique}Q{self._count}.{self._host}"
        fd = self._create(maildir, temporary)
        status = os.fstat(fd)
        micros = int((now - seconds) * 1e6)
        unique = f"{seconds}.V{status.st_dev:x}I{status.st_ino:x}M{micros}.{self._host}"
        if self._names_sizes:
            unique = named(unique, size, self._wire_size(head, size))
        draft = Draft(maildir, temporary, f"{maildir}new/{unique}", fd, status.st_dev, size)
        try:
            self._write(fd, head)
        except MailboxError:
            self.drop(draft)
            raise
        if in_batch:
            _start_storing(fd)
        return draft

    def finish(self, draft: Draft, account: Account | Bookkeeper | None = None, *, is_forced: bool = False) -> str:
        """Make a message durable and visible, if its mailbox has room; return its path. Raises MailboxError.

        `is_forced`: it counts, and has room in any case.
        """
        try:
            self._sync(draft.fd)
            if account is None:
                self._publish(draft)
            else:
                with account.admit(draft.size or os.fstat(draft.fd).st_size, is_forced=is_forced):
                    self._publish(draft)
        except MailboxError:
            self.drop(draft)
            raise
        self._settle(draft)
        return draft.final

    def _settle(self, draft: Draft) -> None:
        """Tidy up behind a message that a reader may have taken already: an error is no reason to deliver it again."""
        try:
            os.close(draft.fd)
            if draft.device != self._device:
                sync_directory(f"{draft.maildir}new")
        except OSError as error:
            if self._warn:
                self._warn(f"message delivered, not certain to survive a crash: {draft.final}: {error.strerror}")

    def drop(self, draft: Draft) -> None:
        """Remove a message that is not to be delivered."""
        os.close(draft.fd)
        try:
            os.unlink(draft.temporary)
        except OSError:
            pass  # the delivery has failed already; debris in tmp/ is the readers' to clean, see maildir(5)

    def _create(self, maildir: str, temporary: str) -> int:
        """Open a new file below tmp/, making the directory when it is missing."""
        try:
            try:
                return os.open(temporary, _CREATE, 0o600)
            except FileNotFoundError:
                os.makedirs(f"{maildir}tmp", 0o700, exist_ok=True)
                return os.open(temporary, _CREATE, 0o600)
        except OSError as error:
            raise system_error(f"create maildir file {temporary}", error, self._otherwise) from error

    def _write(self, fd: int, head: bytes) -> None:
        content = self._content
        try:
            if content.is_small:
                data = content.read()
                write_all(fd, [head, data] if data[-1:] in _ENDS else [head, data, b"\n"])
            else:
                write_all(fd, [head])
                content.copy_to(fd)
                write_all(fd, [] if content.ends_with_newline else [b"\n"])
        except OSError as error:
            raise system_error("error writing message", error, "4.3.0") from error
        except ContentError as error:
            raise MailboxError("4.3.0", f"error reading message: {error}") from error

    def _ends_with_newline(self) -> bool:
        content = self._content
        try:
            return content.read()[-1:] in _ENDS if content.is_small else content.ends_with_newline
        except (OSError, ContentError) as error:
            raise MailboxError("4.3.0", f"error reading message: {error}") from error

    def _wire_size(self, head: bytes, size: int) -> int | None:
        """Return the size with CR LF; None for a large content, of which that would have to be counted."""
        if not self._content.is_small:
            return None
        if self._lines is None:
            self._lines = self._content.read().count(b"\n") + (not self._ends_with_newline())
        return size + head.count(b"\n") + self._lines

    def _sync(self, fd: int) -> None:
        try:
            os.fsync(fd)
        except OSError as error:
            raise system_error("error writing message", error, "4.3.0") from error

    def _publish(self, draft: Draft) -> None:
        """Rename into new/, making cur/ and new/ when they are missing."""
        try:
            try:
                os.rename(draft.temporary, draft.final)
            except FileNotFoundError:
                os.makedirs(f"{draft.maildir}cur", 0o700, exist_ok=True)
                os.makedirs(f"{draft.maildir}new", 0o700, exist_ok=True)
                os.rename(draft.temporary, draft.final)
        except OSError as error:
            raise system_error(f"create maildir file {draft.final}", error, self._otherwise) from error


def _host_name() -> str:
    """As maildir(5) wants it in names of files."""
    return socket.gethostname().replace("/", "\\057").replace(":", "\\072")


def write_all(fd: int, parts: list[bytes]) -> None:
    """Write all parts in one system call, and what that left over in further ones. Raises OSError."""
    total = sum(map(len, parts))
    written = os.writev(fd, parts) if total else 0
    if written == total:
        return
    rest = memoryview(b"".join(parts))[written:]
    while rest:
        count = os.write(fd, rest)
        if not count:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[count:]


def _start_storing(fd: int) -> None:
    """Have the kernel begin to write the file out, without waiting for it."""
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError:
        pass  # only haste is lost: the sync that follows does it all

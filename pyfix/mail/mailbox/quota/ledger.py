"""The quota of one Maildir, open and locked: what is in it, and the lines of maildirsize that say so.

Whoever holds a Ledger is alone: nobody else of pyfix changes or counts this Maildir meanwhile. So it is held for a
rename and a line, or for the removal of some messages, not for the writing of a message.

maildirsize is opened without following a link, must be a plain file with one name, and at most 5120 bytes of it are
read. It is replaced by rename(2), so that a link or a file that somebody else holds open is left alone. It need not be
durable: a recount makes it anew.

Failures: MaildirBusy when somebody keeps the lock; OSError where the Maildir can't be opened or counted. A maildirsize
that can't be written costs a recount next time, and `warn` is told.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable
from typing import Final

from pyfix.base import clock
from pyfix.mail.accounts.quota import UNLIMITED, Quota
from pyfix.mail.mailbox.quota.count import OPEN_DIRECTORY, Count, count, read_stamps
from pyfix.mail.mailbox.quota.decide import is_believable
from pyfix.mail.mailbox.quota.names import WHOLE_TREE, Scope
from pyfix.mail.mailbox.quota.sizefile import MOST_BYTES, SizeFile, format_change, format_new, parse, parse_limit
from pyfix.mail.mailbox.quota.usage import Usage

FILE: Final = "maildirsize"
_FOLDER_MARK: Final = "maildirfolder"
_OPEN: Final = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LOOK: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE: Final = _OPEN | os.O_CREAT | os.O_EXCL
PATIENCE_S: Final = 10.0
_FIRST_WAIT_S: Final = 0.0002
_LONGEST_WAIT_S: Final = 0.02
_ATTEMPTS: Final = 3
"""How often a Maildir that changes under a recount is counted."""
_NOTHING: Final = Usage()

Warn = Callable[[str], object]


class MaildirBusy(OSError):
    """Somebody else kept the lock on a Maildir."""


class Ledger:
    """See the module. Use as a context manager."""

    def __init__(self, path: str, root: int, scope: Scope, warn: Warn | None, *, keeps_file: bool) -> None:
        """Take over `root`, the open and locked directory `path`."""
        self._path = path
        self._root = root
        self._scope = scope
        self._warn = warn
        self._keeps_file = keeps_file and not scope.inbox_only
        self._fd = -1
        """maildirsize, where it is open and can be trusted."""

    @classmethod
    def open(
        cls, maildir: str, scope: Scope = WHOLE_TREE, warn: Warn | None = None, *, keeps_file: bool = True,
        patience_s: float = PATIENCE_S,
    ) -> Ledger:  # fmt: skip
        """Open and lock a Maildir, or the one whose folder it is; raises OSError, MaildirBusy.

        Without `keeps_file` maildirsize is neither read nor written: each question is a recount.
        """
        path = root_of(maildir)
        root = os.open(path, OPEN_DIRECTORY & ~os.O_NOFOLLOW)
        try:
            _lock(root, path, patience_s)
        except OSError:
            os.close(root)
            raise
        return cls(path, root, scope, warn, keeps_file=keeps_file)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def used(self, limit: Quota, now: float, added: Usage = _NOTHING) -> Usage:
        """Return what is in the Maildir, as exactly as it takes to decide about `added`. Raises OSError."""
        if not self._keeps_file or limit == UNLIMITED:
            self._discard()
            return count(self._root, self._scope).used
        found, changed = self._read()
        if found is not None and is_believable(found, limit, added, now - changed):
            return found.used
        return self.recount(limit)

    def recount(self, limit: Quota) -> Usage:
        """Count, write maildirsize anew, and return what is there. Raises OSError."""
        for _ in range(_ATTEMPTS):
            counted = count(self._root, self._scope)
            if not self._keeps_file or limit == UNLIMITED:
                self._discard()
                return counted.used
            self._replace(format_new(limit, counted.used))
            if not self._has_changed(counted):
                return counted.used
        self._discard()
        return counted.used

    def charge(self, change: Usage) -> None:
        """Note that the Maildir has changed. Where there is no maildirsize, the next recount will see it."""
        if not self._keeps_file or change == _NOTHING or (self._fd < 0 and not self._open_file()):
            return
        line = format_change(change)
        try:
            is_whole = os.write(self._fd, line) == len(line)
            is_current = is_whole and self._is_current()
        except OSError as error:
            self._complain("not written", error)
            is_current = False
        if not is_current:
            self._discard()

    def note_removed(self, size: int, messages: int) -> None:
        """Note that mail which counted has been removed, by who need not know of any limit. Raises OSError.

        A maildirsize that has grown too long is counted anew, under the limit that it tells.
        """
        self.charge(Usage(-size, -messages))
        if self._fd < 0 or os.fstat(self._fd).st_size < MOST_BYTES:
            return
        limit = parse_limit(os.pread(self._fd, MOST_BYTES, 0).partition(b"\n")[0])
        if limit is None or limit == UNLIMITED:
            self._discard()
        else:
            self.recount(limit)

    # --- the file

    def _read(self) -> tuple[SizeFile | None, float]:
        """Return what is in the file, and when it changed last."""
        if self._fd < 0 and not self._open_file():
            return None, 0.0
        found = parse(os.pread(self._fd, MOST_BYTES, 0))
        return found, os.fstat(self._fd).st_mtime

    def _open_file(self) -> bool:
        """Open maildirsize if it is there and a plain file with one name."""
        try:
            fd = os.open(FILE, _OPEN, dir_fd=self._root)
        except OSError:
            return False  # not there, a link, a directory, a pipe, or somebody else's: a recount does without
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def _is_current(self) -> bool:
        """Return whether the open file still is the one that others find."""
        try:
            return os.stat(FILE, dir_fd=self._root, follow_symlinks=False).st_ino == os.fstat(self._fd).st_ino
        except FileNotFoundError:
            return True  # somebody wants a recount

    def _replace(self, data: bytes) -> None:
        """Write the file below tmp/, rename it and keep it open; without one if that fails."""
        self._forget()
        name = f"tmp/{clock.now():.6f}.P{os.getpid()}_{FILE}"
        try:
            self._fd = self._create(name)
            os.write(self._fd, data)
            os.rename(name, FILE, src_dir_fd=self._root, dst_dir_fd=self._root)
        except OSError as error:
            self._complain("not written", error)
            self._remove(name)
            self._discard()

    def _create(self, name: str) -> int:
        try:
            return os.open(name, _CREATE, 0o640, dir_fd=self._root)
        except FileNotFoundError:
            os.mkdir("tmp", 0o700, dir_fd=self._root)
            return os.open(name, _CREATE, 0o640, dir_fd=self._root)

    def _has_changed(self, counted: Count) -> bool:
        """Return whether somebody who does not know the lock has added or removed mail since."""
        return read_stamps(self._root, self._scope) != counted.stamps

    def _discard(self) -> None:
        """Leave no maildirsize that says something wrong."""
        self._forget()
        if self._keeps_file:
            self._remove(FILE)

    def _forget(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._root)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._complain("not removed", error)

    def _complain(self, what: str, error: OSError) -> None:
        if self._warn is not None:
            self._warn(f"{self._path.rstrip('/')}/{FILE}: {what}: {error.strerror}; mail is counted instead")


def glance(maildir: str) -> SizeFile | None:
    """Return what maildirsize says, without a lock and be it right or wrong; None where there is none of use."""
    try:
        fd = os.open(f"{root_of(maildir)}/{FILE}", _LOOK)
    except OSError:
        return None
    try:
        return parse(os.read(fd, MOST_BYTES)) if stat.S_ISREG(os.fstat(fd).st_mode) else None
    finally:
        os.close(fd)


def root_of(maildir: str) -> str:
    """Return the Maildir that a folder is part of: the one above where there is a maildirfolder."""
    path = maildir.rstrip("/")
    above, _, name = path.rpartition("/")
    return above if name.startswith(".") and above and os.path.lexists(f"{path}/{_FOLDER_MARK}") else path


def _lock(fd: int, path: str, patience_s: float) -> None:
    """Take the lock; without one where the file system has none (NFS knows none on directories)."""
    deadline, wait_s = clock.monotonic() + patience_s, _FIRST_WAIT_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock.monotonic() >= deadline:
                raise MaildirBusy(errno.EAGAIN, "locked by another process", path) from None
        except OSError:
            return
        else:
            return
        time.sleep(wait_s)
        wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

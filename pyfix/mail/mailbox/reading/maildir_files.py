"""The files of a Maildir under a session: found again, opened, removed, renamed.

Another program may change a message's flags or move it to cur/ at any time: it keeps its base name. The directories are
listed again for a message that is not where it was, but once only for each change of theirs.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Final

from pyfix.base import clock
from pyfix.mail.mailbox.quota import Ledger, Scope, counts, size_in_name
from pyfix.mail.mailbox.reading.catalog import Catalog, read_catalog
from pyfix.mail.mailbox.reading.errors import MessageGone, ReadingError, unavailable
from pyfix.mail.mailbox.reading.names import base_of, with_flag
from pyfix.mail.mailbox.reading.protocol import Removed
from pyfix.mail.mailbox.reading.stream import MessageStream, count_octets, octets_of

_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_A_MESSAGE: Final = (errno.ENOENT, errno.ELOOP, errno.ENXIO)
_SETTLED_NS: Final = 1_000_000_000
SMALL: Final = 65536
"""No larger message is read at once."""
_LISTINGS: Final = 3
_BATCH: Final = 1000
"""How many files are removed under one lock of the quota's: deliveries wait for it."""


State = tuple[int, ...]
"""Times of change and inode of both directories."""


class MaildirFiles:
    """The open directory `root`, and which files were in it."""

    def __init__(self, path: str, root: int) -> None:
        """Take no listing yet; -1 for a Maildir that does not exist. `path` ends in "/"."""
        self.path = path
        self.root = root
        self.catalog = Catalog((), b"")
        self.listed_at: State | None = None
        """What the directories looked like when they were listed; None where they had just changed."""

    def list_all(self) -> None:
        """List the messages; raise MailboxUnavailable.

        A file that is renamed meanwhile may be left out of a listing, so that one of a directory that changed is made
        again.
        """
        for _ in range(_LISTINGS):
            before = self._changed()
            self.listed_at = self.state()
            self.catalog = read_catalog(self.root, self.path)
            if self._changed() == before:
                break

    def take_listing(self, names: str, in_new: bytes, state: State) -> None:
        """Take the listing that another session has made, of directories that have not changed since."""
        self.catalog = Catalog(names.split("/") if names else (), in_new)
        self.listed_at = state

    def open(self, index: int) -> MessageStream:
        """Open a message; raise MessageGone, MailboxUnavailable."""
        try:
            return self._open(self.catalog.path(index))
        except MessageGone:
            if not self._find_again(index):
                raise
            return self._open(self.catalog.path(index))

    def _open(self, path: str) -> MessageStream:
        try:
            fd = os.open(path, _OPEN, dir_fd=self.root)
        except OSError as error:
            if error.errno in _NOT_A_MESSAGE:
                raise MessageGone(f"{self.path + path!r}: the message has been removed") from error
            raise unavailable("cannot open", self.path + path, error) from error
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(fd)
            raise MessageGone(f"{self.path + path!r} is not a regular file")
        return MessageStream(fd, ((0, status.st_size),))

    def measure(self, index: int) -> tuple[int, int]:
        """Return octets and length on disk of a message; raise MessageGone, OSError, MailboxUnavailable.

        Most messages take three system calls: a read that comes back short was the whole file.
        """
        try:
            fd = os.open(self.catalog.path(index), _OPEN, dir_fd=self.root)
        except OSError:
            pass  # whatever it is, it is told below
        else:
            try:
                data = os.read(fd, SMALL)
            finally:
                os.close(fd)
            if len(data) < SMALL:
                return octets_of(data), len(data)
        with self.open(index) as stream:
            return count_octets(stream.fd, stream.ranges, SMALL), stream.length

    def state(self) -> State | None:
        """Return what changes when a file of the Maildir comes, goes, or gets another name.

        None while the last change is so young that the next might have the same time.
        """
        state = self._changed()
        return None if max(state) + _SETTLED_NS > clock.now() * 1e9 else state

    def _changed(self) -> State:
        return (*_changed_at(self.root, "new"), *_changed_at(self.root, "cur"))

    def _find_again(self, index: int) -> bool:
        """Look for a message that is not where it was; True when it has another place or name now."""
        before = self.catalog.path(index)
        base = base_of(self.catalog.name(index))
        for name in (f"{base}:2,", f"{base}:2,S"):
            if f"cur/{name}" != before and self._exists(f"cur/{name}"):
                self.catalog.move(index, name, in_new=False)
                return True
        state = self.state()
        if state is not None and state == self.listed_at:
            return False
        self.listed_at = None
        self._look_again()
        return self.catalog.path(index) != before

    def _look_again(self) -> None:
        current = read_catalog(self.root, self.path)
        places = {base_of(name): place for place, name in enumerate(current.names())}
        for index, name in enumerate(self.catalog.names()):
            place = places.get(base_of(name))
            if place is not None:
                self.catalog.move(index, current.name(place), in_new=bool(current.in_new[place]))

    def _exists(self, path: str) -> bool:
        try:
            os.stat(path, dir_fd=self.root, follow_symlinks=False)
        except OSError:
            return False
        return True

    def remove(self, indices: Iterable[int], scope: Scope) -> Removed:
        """Remove messages, and tell the quota of those that count; what is gone already is as it should be."""
        messages = size = 0
        failures: list[str] = []
        left = iter(indices)
        while batch := list(islice(left, _BATCH)):
            with self._ledger(scope) as ledger:
                gone = [found for index in batch if (found := self._remove(index, failures)) is not None]
                counted = [length for name, length in gone if counts(name, scope)]
                if ledger and counted:
                    with suppress(OSError):  # a folder that its owner has closed; the next delivery tells of it
                        ledger.note_removed(sum(counted), len(counted))
            messages += len(gone)
            size += sum(length for _, length in gone)
        return Removed(messages, size, tuple(failures))

    @contextmanager
    def _ledger(self, scope: Scope) -> Iterator[Ledger | None]:
        """Lock what the quota counts; without the lock mail goes all the same, and the next recount will see it."""
        try:
            ledger = Ledger.open(self.path, scope)
        except OSError:
            yield None
            return
        with ledger:
            yield ledger

    def _remove(self, index: int, failures: list[str]) -> tuple[str, int] | None:
        """Remove a file; return its name, and the size that counts."""
        try:
            try:
                return self._unlink(index)
            except MessageGone:
                return self._unlink(index) if self._find_again(index) else None
        except MessageGone:
            return None
        except ReadingError as error:
            failures.append(str(error))
            return None

    def _unlink(self, index: int) -> tuple[str, int]:
        path, name = self.catalog.path(index), self.catalog.name(index)
        try:
            length = size_in_name(name)
            if length is None:
                length = os.stat(path, dir_fd=self.root, follow_symlinks=False).st_size
            os.unlink(path, dir_fd=self.root)
        except FileNotFoundError as error:
            raise MessageGone(f"{self.path + path!r}: the message has been removed") from error
        except OSError as error:
            raise unavailable("cannot remove", self.path + path, error) from error
        return name, length

    def mark_seen(self, index: int) -> None:
        """Set the flag S, and move the message to cur/; one that has been removed or may not be moved stays as it is.

        A name is never taken from another file.
        """
        name = self.catalog.name(index)
        marked = with_flag(name, "S")
        if self._exists(f"cur/{marked}"):
            return
        try:
            os.rename(self.catalog.path(index), f"cur/{marked}", src_dir_fd=self.root, dst_dir_fd=self.root)
        except OSError:
            return  # gone, or changed by another program, whose word counts; or a Maildir that may only be read
        self.catalog.move(index, marked, in_new=False)


def _changed_at(root: int, subdirectory: str) -> tuple[int, int, int]:
    try:
        status = os.stat(subdirectory, dir_fd=root, follow_symlinks=False)
    except OSError:
        return 0, 0, 0
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino

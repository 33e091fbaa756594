"""A Maildir as a reader sees it.

Opening lists new/ and cur/ once; messages are numbered in the order of their names, or as dovecot-uidlist has them. A
message is found again after another program has changed its flags or moved it to cur/. Nothing moves while a session
reads: a message that was retrieved goes to cur/ and gets its flag S with the expunge, as Dovecot's POP3 server does at
QUIT. A Maildir that does not exist yet is an empty one, since deliveries make it.

Symbolic links are followed to the Maildir, never inside it.
See: maildir(5); sizes.py, uidlist.py, catalog.py.
"""

from __future__ import annotations

import errno
import math
import os
import stat
from array import array
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from pyfix.base import clock
from pyfix.mail.mailbox.reading import sizes
from pyfix.mail.mailbox.reading.catalog import SUBDIRECTORIES, Catalog, read_catalog
from pyfix.mail.mailbox.reading.errors import MessageGone, ReadingError, unavailable
from pyfix.mail.mailbox.reading.maildir_ids import FileNameIds, Ids, ListedIds
from pyfix.mail.mailbox.reading.names import base_of, flags_of, octets_of, with_flag
from pyfix.mail.mailbox.reading.protocol import Removed
from pyfix.mail.mailbox.reading.session_lock import SessionLock
from pyfix.mail.mailbox.reading.stream import MessageStream, count_octets
from pyfix.mail.mailbox.reading.uidlist import complete, read_uidlist

LOCK_FILE: Final = "dovecot-pop3-session.lock"
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NOT_A_MESSAGE: Final = (errno.ENOENT, errno.ELOOP, errno.ENXIO)
_SETTLED_NS: Final = 1_000_000_000
_WORTH_STORING: Final = 32
"""So many reads more than a 64th of the mailbox, and what they taught is stored: less is quicker read again."""


class ReadableMaildir:
    """An open Maildir; see ReadableMailbox."""

    def __init__(self, path: str, root: int, lock: SessionLock | None) -> None:
        """Take over the open directory `root` (-1: it does not exist) and the lock. `path` ends in "/"."""
        self.location = f"maildir:{path}"
        self._path = path
        self._root = root
        self._lock = lock
        self._catalog = Catalog((), b"")
        self._ids: Ids = FileNameIds()
        self._octets: array[int] = array("Q")
        self._lengths: array[int] = array("Q")
        self._unknown: list[int] = []
        self._dropped: set[int] = set()
        self._cost = 0
        self._wrong: set[int] = set()
        self._total: int | None = None
        self._seen_at: tuple[int, int] | None = None

    def list_messages(self) -> None:
        """Number the messages; raise MailboxUnavailable. Called once, first."""
        self._seen_at = self._state()
        catalog = read_catalog(self._root, self._path)
        bases = list(map(base_of, catalog.names()))
        uids = read_uidlist(self._root, self._path)
        if uids is not None:
            uids = complete(self._root, self._path, bases, uids)
            order = sorted(range(len(bases)), key=lambda index: uids.place(bases[index]))
            catalog, bases = catalog.select(order), [bases[index] for index in order]
            self._ids = ListedIds(bases, uids)
        self._catalog = catalog
        self._octets, self._lengths, unknown = sizes.match(bases, sizes.load(self._root))
        for index in unknown:
            octets = octets_of(bases[index]) or (uids.octets.get(bases[index]) if uids else None)
            if octets is None:
                self._unknown.append(index)
            else:
                self._octets[index] = octets
        self._unknown.reverse()

    def _state(self) -> tuple[int, int] | None:
        """Return what changes when a file of the Maildir comes, goes, or gets another name.

        None while the last change is so young that the next might have the same time.
        """
        new, cur = (_changed_at(self._root, name) for name in SUBDIRECTORIES)
        return None if max(new, cur) + _SETTLED_NS > clock.now() * 1e9 else (new, cur)

    def measure(self, seconds: float = math.inf) -> bool:
        """Read the files whose sizes are unknown, for at most so long; True when all are known."""
        end = clock.monotonic() + seconds
        while self._unknown:
            self._measure_one(self._unknown.pop())
            if self._unknown and clock.monotonic() >= end:
                return False
        if self._total is None:
            self._finish_measuring()
        return True

    def _measure_one(self, index: int) -> None:
        """Read one message; what cannot be opened is none."""
        try:
            with self._open(index) as stream:
                self._octets[index] = count_octets(stream.fd, stream.ranges)
                self._lengths[index] = stream.length
                self._cost += 1 + stream.length // 65536
        except MessageGone:
            self._dropped.add(index)
        except OSError as error:
            raise unavailable("cannot read", self._path + self._catalog.path(index), error) from error

    def _finish_measuring(self) -> None:
        if self._dropped:
            self._drop()
        self._total = sum(self._octets)
        if self._cost > _WORTH_STORING + len(self._octets) // 64:
            self._store_sizes()

    def _drop(self) -> None:
        kept = [index for index in range(len(self._catalog)) if index not in self._dropped]
        self._catalog = self._catalog.select(kept)
        self._ids = self._ids.select(kept)
        self._octets = array("Q", map(self._octets.__getitem__, kept))
        self._lengths = array("Q", map(self._lengths.__getitem__, kept))

    def _store_sizes(self) -> None:
        """Keep what was learnt; where that fails, it is learnt again."""
        bases = list(map(base_of, self._catalog.names()))
        try:
            known = [index for index in range(len(bases)) if self._lengths[index] and index not in self._wrong]
            octets, lengths = (array("Q", map(values.__getitem__, known)) for values in (self._octets, self._lengths))
            sizes.store(self._root, sizes.Sizes("/".join(map(bases.__getitem__, known)), octets, lengths))
        except OSError:
            pass  # a full disk, or a Maildir that may only be read: no session is refused for that

    def __len__(self) -> int:
        """Return how many messages there are."""
        return len(self._octets)

    @property
    def total_octets(self) -> int:
        """Return the size of all messages."""
        return self._total or 0

    def octets(self, first: int, last: int) -> Sequence[int]:
        """Return the sizes of messages first..last."""
        return self._octets[first - 1 : last]

    def uidls(self, first: int, last: int) -> Sequence[bytes]:
        """Return the unique ids of messages first..last."""
        return self._ids.uidls(self._catalog, first - 1, last)

    def flags(self, number: int) -> str:
        """Return the flags of a message."""
        return flags_of(self._catalog.name(number - 1))

    def open(self, number: int) -> MessageStream:
        """Return the bytes of a message; raise MessageGone, MailboxUnavailable."""
        index = number - 1
        stream = self._open(index)
        if self._lengths[index] and self._lengths[index] != stream.length:
            self._wrong.add(index)
        return stream

    def _open(self, index: int) -> MessageStream:
        try:
            return self._open_file(self._catalog.path(index))
        except MessageGone:
            if not self._find_again(index):
                raise
            return self._open_file(self._catalog.path(index))

    def _find_again(self, index: int) -> bool:
        """Look for a message that is not where it was; True when it has another place or name now."""
        base = base_of(self._catalog.name(index))
        for name in (f"{base}:2,", f"{base}:2,S"):
            if name != self._catalog.name(index) and _exists(self._root, f"cur/{name}"):
                self._catalog.move(index, name, in_new=False)
                return True
        state = self._state()
        if state is not None and state == self._seen_at:
            return False
        self._seen_at = state
        before = self._catalog.path(index)
        self._look_again()
        return self._catalog.path(index) != before

    def _look_again(self) -> None:
        current = read_catalog(self._root, self._path)
        places = {base_of(name): place for place, name in enumerate(current.names())}
        for index, name in enumerate(self._catalog.names()):
            place = places.get(base_of(name))
            if place is not None:
                self._catalog.move(index, current.name(place), in_new=bool(current.in_new[place]))

    def expunge(self, numbers: Collection[int], seen: Iterable[int] = ()) -> Removed:
        """Remove messages, and give the others of `seen` the flag S."""
        messages, size, failures = 0, 0, []
        for number in numbers:
            try:
                size += self._remove(number - 1)
                messages += 1
            except MessageGone:
                continue  # what was wanted
            except ReadingError as error:
                failures.append(str(error))
        for number in set(seen).difference(numbers):
            self._mark_seen(number - 1)
        return Removed(messages, size, tuple(failures))

    def _remove(self, index: int) -> int:
        """Remove a file; return its length."""
        try:
            return self._unlink(self._catalog.path(index))
        except MessageGone:
            if not self._find_again(index):
                raise
            return self._unlink(self._catalog.path(index))

    def _unlink(self, path: str) -> int:
        try:
            length = os.stat(path, dir_fd=self._root, follow_symlinks=False).st_size
            os.unlink(path, dir_fd=self._root)
        except FileNotFoundError as error:
            raise MessageGone(f"{self._path + path!r}: the message has been removed") from error
        except OSError as error:
            raise unavailable("cannot remove", self._path + path, error) from error
        return length

    def _mark_seen(self, index: int) -> None:
        """Set the flag S, and move the message to cur/; one that has been removed or may not be moved stays as it is.

        A name is never taken from another file.
        """
        name = self._catalog.name(index)
        marked = with_flag(name, "S")
        if not self._catalog.in_new[index] and marked == name:
            return
        if _exists(self._root, f"cur/{marked}"):
            return
        try:
            os.rename(self._catalog.path(index), f"cur/{marked}", src_dir_fd=self._root, dst_dir_fd=self._root)
        except OSError:
            return  # gone, or changed by another program, whose word counts; or a Maildir that may only be read
        self._catalog.move(index, marked, in_new=False)

    def refresh(self) -> None:
        """Show that the session lives."""
        if self._lock:
            self._lock.refresh()

    def close(self) -> None:
        """Release the directory and the lock."""
        if self._root < 0:
            return
        if self._wrong:
            self._store_sizes()
        if self._lock:
            self._lock.release()
        os.close(self._root)
        self._root = -1

    def _open_file(self, path: str) -> MessageStream:
        try:
            fd = os.open(path, _OPEN, dir_fd=self._root)
        except OSError as error:
            if error.errno in _NOT_A_MESSAGE:
                raise MessageGone(f"{self._path + path!r}: the message has been removed") from error
            raise unavailable("cannot open", self._path + path, error) from error
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(fd)
            raise MessageGone(f"{self._path + path!r} is not a regular file")
        return MessageStream(fd, ((0, status.st_size),))


def _exists(root: int, path: str) -> bool:
    try:
        os.stat(path, dir_fd=root, follow_symlinks=False)
    except OSError:
        return False
    return True


def _changed_at(root: int, subdirectory: str) -> int:
    try:
        return os.stat(subdirectory, dir_fd=root, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0


def open_maildir(path: str, *, lock: bool) -> ReadableMaildir:
    """List the messages of a Maildir; raise MailboxUnavailable, MailboxInUse. `path` ends in "/"."""
    try:
        root = os.open(path, _DIRECTORY)
    except FileNotFoundError:
        return ReadableMaildir(path, -1, None)
    except OSError as error:
        raise unavailable("cannot open Maildir", path, error) from error
    held = None
    try:
        held = SessionLock.take(root, LOCK_FILE, path + LOCK_FILE) if lock else None
        mailbox = ReadableMaildir(path, root, held)
        mailbox.list_messages()
    except BaseException:
        if held:
            held.release()
        os.close(root)
        raise
    return mailbox

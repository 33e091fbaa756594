"""A Maildir as a reader sees it.

Opening lists new/ and cur/ once; messages are numbered in the order of their names, or as dovecot-uidlist has them.
Nothing moves while a session reads: a message that was retrieved goes to cur/ and gets its flag S with the expunge, as
Dovecot's POP3 server does at QUIT. A Maildir that does not exist yet is an empty one, since deliveries make it.

Symbolic links are followed to the Maildir, never inside it.
See: maildir(5); sizes.py, uidlist.py, maildir_files.py.
"""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from pyfix.base import clock
from pyfix.base.heap import give_back
from pyfix.mail.mailbox.quota import WHOLE_TREE, Scope
from pyfix.mail.mailbox.reading import sizes
from pyfix.mail.mailbox.reading.catalog import Catalog
from pyfix.mail.mailbox.reading.errors import MessageGone, unavailable
from pyfix.mail.mailbox.reading.maildir_files import SMALL, MaildirFiles, State
from pyfix.mail.mailbox.reading.maildir_ids import FileNameIds, Ids, ListedIds
from pyfix.mail.mailbox.reading.maildir_lock import MaildirLock
from pyfix.mail.mailbox.reading.names import base_of, flags_of, octets_of
from pyfix.mail.mailbox.reading.protocol import Removed
from pyfix.mail.mailbox.reading.stream import MessageStream
from pyfix.mail.mailbox.reading.uidlist import UidList, complete, read_uidlist

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_AT_ONCE: Final = 32
_LARGE: Final = 2000
"""Where to list the directories again takes longer than to read what another session has found."""
_WORTH_STORING: Final = 8
"""So many reads more than a 64th of the mailbox, and what they taught is stored: less is quicker read again."""


class ReadableMaildir:
    """An open Maildir; see ReadableMailbox."""

    def __init__(self, files: MaildirFiles, lock: MaildirLock | None, scope: Scope) -> None:
        """Take over the directory and the lock."""
        self.location = f"maildir:{files.path}"
        self._files = files
        self._lock = lock
        self._scope = scope
        self._ids: Ids = FileNameIds()
        self._octets: array[int] = array("Q")
        self._lengths: array[int] = array("Q")
        self._unknown: list[int] = []
        self._dropped: set[int] = set()
        self._cost = 0
        self._wrong: set[int] = set()
        self._total: int | None = None
        self._kept_state: State | None = None

    def list_messages(self) -> None:
        """Number the messages; raise MailboxUnavailable. Called once, first."""
        files = self._files
        known = sizes.load(files.root)
        uids = read_uidlist(files.root, files.path)
        if uids is None and known.state is not None and known.state == files.state():
            files.take_listing(known.names, known.in_new, known.state)
            self._octets, self._lengths, self._kept_state = known.octets, known.lengths, known.state
            return
        files.list_all()
        if uids is not None:
            uids = self._take_order(uids)
        text = files.catalog.bases()
        self._octets, self._lengths, unknown = sizes.match(text, known)
        if unknown:
            bases = text.split("/")
            self._unknown = [index for index in reversed(unknown) if not self._is_told(index, bases[index], uids)]

    def _take_order(self, uids: UidList) -> UidList:
        """Number the messages as Dovecot does, and give those that are new their numbers."""
        files = self._files
        bases = list(map(base_of, files.catalog.names()))
        uids = complete(files.root, files.path, bases, uids)
        order = sorted(range(len(bases)), key=lambda index: uids.place(bases[index]))
        files.catalog = files.catalog.select(order)
        self._ids = ListedIds([bases[index] for index in order], uids)
        return uids

    def _is_told(self, index: int, base: str, uids: UidList | None) -> bool:
        """Take the size that the name tells, or dovecot-uidlist; False when neither does."""
        octets = octets_of(base)
        if octets is None and uids is not None:
            octets = uids.octets.get(base)
        if octets is not None:
            self._octets[index] = octets
        return octets is not None

    def measure(self, seconds: float = math.inf) -> bool:
        """Read the files whose sizes are unknown, for at most so long; True when all are known."""
        end = clock.monotonic() + seconds
        while self._unknown:
            for index in self._unknown[: -_AT_ONCE - 1 : -1]:
                self._measure_one(index)
                self._unknown.pop()
            if self._unknown and clock.monotonic() >= end:
                return False
        if self._total is None:
            self._finish_measuring()
        return True

    def _measure_one(self, index: int) -> None:
        """Read one message; what cannot be opened is none."""
        try:
            octets, length = self._files.measure(index)
            self._octets[index] = octets
            self._lengths[index] = length
            self._cost += 1 + length // SMALL
        except MessageGone:
            self._dropped.add(index)
        except OSError as error:
            raise unavailable("cannot read", self._files.path + self._files.catalog.path(index), error) from error

    def _finish_measuring(self) -> None:
        if self._dropped:
            self._drop()
        self._total = sum(self._octets)
        count, listed_at = len(self._octets), self._files.listed_at
        is_news = count > _LARGE and listed_at is not None and listed_at != self._kept_state
        if is_news or self._cost > _WORTH_STORING + count // 64:
            self._store_sizes()
        self._files.catalog.forget_bases()

    def _drop(self) -> None:
        kept = [index for index in range(len(self._octets)) if index not in self._dropped]
        self._files.catalog = self._files.catalog.select(kept)
        self._octets = array("Q", map(self._octets.__getitem__, kept))
        self._lengths = array("Q", map(self._lengths.__getitem__, kept))
        self._ids = self._ids.select(kept)

    def _store_sizes(self) -> None:
        """Keep what was learnt; where that fails, it is learnt again."""
        try:
            sizes.store(self._files.root, self._known_sizes())
        except OSError:
            pass  # a full disk, or a Maildir that may only be read: no session is refused for that

    def _known_sizes(self) -> sizes.Sizes:
        """Return the listing, without the messages whose files are not as long as they were."""
        files = self._files
        text, in_new = files.catalog.text(), bytes(files.catalog.in_new)
        if not self._wrong:
            return sizes.Sizes(text, self._octets, self._lengths, in_new, files.listed_at)
        names = text.split("/")
        right = [index for index in range(len(names)) if index not in self._wrong]
        octets, lengths = (array("Q", map(values.__getitem__, right)) for values in (self._octets, self._lengths))
        return sizes.Sizes(
            "/".join(map(names.__getitem__, right)), octets, lengths, bytes(map(in_new.__getitem__, right))
        )

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
        return self._ids.uidls(self._files.catalog, first - 1, last)

    def flags(self, number: int) -> str:
        """Return the flags of a message."""
        return flags_of(self._files.catalog.name(number - 1))

    def open(self, number: int) -> MessageStream:
        """Return the bytes of a message; raise MessageGone, MailboxUnavailable."""
        index = number - 1
        stream = self._files.open(index)
        if self._lengths[index] and self._lengths[index] != stream.length:
            self._wrong.add(index)
        return stream

    def expunge(self, numbers: Collection[int], seen: Iterable[int] = ()) -> Removed:
        """Remove messages, and give the others of `seen` the flag S."""
        removed = self._files.remove((number - 1 for number in sorted(numbers)), self._scope)
        for number in set(seen).difference(numbers):
            self._files.mark_seen(number - 1)
        return removed

    def refresh(self) -> None:
        """Show that the session lives."""
        if self._lock:
            self._lock.refresh()

    def close(self) -> None:
        """Release the directory and the lock."""
        if self._files.root < 0:
            return
        if self._wrong:
            self._store_sizes()
        if self._lock:
            self._lock.release()
        os.close(self._files.root)
        self._files.root = -1
        if len(self._octets) > _LARGE:
            self._octets = self._lengths = array("Q")
            self._files.catalog, self._ids = Catalog((), b""), FileNameIds()
            give_back()


def open_maildir(path: str, *, lock: bool, scope: Scope = WHOLE_TREE) -> ReadableMaildir:
    """List the messages of a Maildir; raise MailboxUnavailable, MailboxInUse. `path` ends in "/"."""
    try:
        root = os.open(path, _DIRECTORY)
    except FileNotFoundError:
        return ReadableMaildir(MaildirFiles(path, -1), None, scope)
    except OSError as error:
        raise unavailable("cannot open Maildir", path, error) from error
    held = None
    try:
        held = MaildirLock.take(root, path) if lock else None
        mailbox = ReadableMaildir(MaildirFiles(path, root), held, scope)
        mailbox.list_messages()
    except BaseException:
        if held:
            held.release()
        os.close(root)
        raise
    return mailbox

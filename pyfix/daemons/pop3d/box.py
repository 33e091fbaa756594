"""A user's mailbox, used with the owner's rights.

What may take long is done in threads, in slices of a quarter of a second, so that a giant mailbox does not keep others
from being opened. The rest, a few system calls, is done on the spot, and so is opening a Maildir whose directories are
short, as most are: to have a thread do it costs twice as much as doing it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from typing import Final, Self, TypeVar

from pyfix.base import clock
from pyfix.mail.mailbox.lock import LockPolicy
from pyfix.mail.mailbox.quota import Scope
from pyfix.mail.mailbox.reading import (
    MailboxInUse,
    MessageStream,
    ReadableMailbox,
    ReadingError,
    Removed,
    open_mailbox,
)
from pyfix.service.rights import RightsError
from pyfix.service.thread_rights import ThreadRights

_SLICE_S: Final = 0.25
_GLANCE_S: Final = 0.005
"""What a small Maildir may cost the others."""
_SMALL: Final = 16 * 1024
"""Bytes of a directory: some hundred names on most file systems."""
_LOCK_WAIT_S: Final = 10.0
"""Dovecot's patience: a client that has just hung up may come back at once."""
_LOCK_PAUSE_S: Final = 0.2

R = TypeVar("R")


class NoPlace(Exception):
    """auth knows the user, but not where the mail is; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose mailbox it is, and where."""

    user: str
    location: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    @property
    def path(self) -> str:
        """Return the path of the mailbox."""
        return self.location.partition(":")[2] if not self.location.startswith("/") else self.location

    def of_spool(self) -> Owner:
        """Return the owner with the group that may make files in the directory of an mbox, such as /var/mail.

        That is root's directory, and open to its group, not to all: Dovecot's mail_privileged_group. The way there is
        root's, too: a link of the owner's would have the group wherever it leads.
        """
        if self.location.startswith("maildir:") or self.path.endswith("/"):
            return self
        folder = os.path.dirname(self.path)
        try:
            status = os.stat(folder)
            is_spool = status.st_uid == 0 and status.st_gid != 0 and status.st_mode & 0o022 == 0o020
            if not is_spool or not _is_way_of_root(folder):
                return self
        except OSError:
            return self  # opening says why
        return replace(self, groups=(*(self.groups or (self.gid,)), status.st_gid))

    @classmethod
    def from_fields(cls, user: str, fields: Mapping[str, str]) -> Self:
        """Read what auth says of a user; raises NoPlace."""
        location = fields.get("mail", "")
        if not location:
            raise NoPlace(f"user {user} has no mailbox that auth knows of")
        try:
            groups = tuple(int(word) for word in fields.get("groups", "").split(",") if word)
            return cls(user, location, int(fields.get("uid", "-1")), int(fields.get("gid", "-1")), groups)
        except ValueError:
            raise NoPlace(f"user {user}: auth gives ids that are no numbers") from None


class Workshop:
    """What all mailboxes of a process share."""

    def __init__(
        self, rights: ThreadRights, threads: Executor, base: str, scope: Scope, policy: LockPolicy, *, locks: bool
    ) -> None:  # fmt: skip
        """base: the directory of virtual mailboxes, out of which no symbolic link may lead; empty: there is none.
        policy: how deliveries lock an mbox."""
        self.rights = rights
        self.threads = threads
        self._base = base.rstrip("/")
        self._scope = scope
        self._policy = policy
        self._locks = locks

    def open(self, owner: Owner) -> ReadableMailbox:
        """Open a mailbox; the caller has its owner's rights."""
        base = self._base if self._base and owner.path.startswith(f"{self._base}/") else ""
        return open_mailbox(owner.location, lock=self._locks, base=base, policy=self._policy, scope=self._scope)


class Box:
    """An open mailbox and its owner."""

    def __init__(self, workshop: Workshop, owner: Owner, mailbox: ReadableMailbox) -> None:
        self._workshop = workshop
        self._owner = owner
        self.mailbox = mailbox
        self._is_open = True
        self._ahead: tuple[int, MessageStream] | None = None
        self._last_opened = 0
        self._is_in_order = False

    @classmethod
    async def open(cls, workshop: Workshop, owner: Owner, is_wanted: Callable[[], bool]) -> Self | None:
        """Open the mailbox and learn its sizes; None when nobody wants it any more.

        Raises ReadingError, RightsError.
        """
        owner = owner.of_spool()
        give_up = clock.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                return await cls._open_once(workshop, owner, is_wanted)
            except MailboxInUse:
                if clock.monotonic() >= give_up or not is_wanted():
                    raise
                await asyncio.sleep(_LOCK_PAUSE_S)

    @classmethod
    async def _open_once(cls, workshop: Workshop, owner: Owner, is_wanted: Callable[[], bool]) -> Self | None:
        with workshop.rights.as_user(owner.uid, owner.gid, owner.groups):
            mailbox = workshop.open(owner) if _is_small(owner) else None
            is_complete = mailbox is not None and _glance_at(mailbox)
        if mailbox is None:
            mailbox = await _in_thread(workshop, owner, lambda: workshop.open(owner))
        box = cls(workshop, owner, mailbox)
        return box if is_complete else await box._measure(is_wanted)

    async def _measure(self, is_wanted: Callable[[], bool]) -> Self | None:
        """Learn the sizes; None, and closed, when nobody wants them any more."""
        try:
            while is_wanted() and not await self._in_thread(lambda: self.mailbox.measure(_SLICE_S)):
                pass
        except BaseException:
            self.close()
            raise
        if is_wanted():
            return self
        self.close()
        return None

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await _in_thread(self._workshop, self._owner, work)

    def open_message(self, number: int) -> MessageStream:
        """Return the bytes of a message; raises ReadingError, RightsError."""
        self._is_in_order, self._last_opened = number == self._last_opened + 1, number
        if self._ahead is not None:
            ahead, stream = self._ahead
            self._ahead = None
            if ahead == number:
                return stream
            stream.close()
        with self._as_owner():
            return self.mailbox.open(number)

    def open_ahead(self) -> None:
        """Open the next message while the client is busy with this one, where it takes them in their order."""
        number = self._last_opened + 1
        if not self._is_in_order or number > len(self.mailbox) or not self._owner.location.startswith("maildir:"):
            return
        with suppress(ReadingError, RightsError), self._as_owner():  # told when the message is asked for
            self._ahead = (number, self.mailbox.open(number))

    def last_seen(self) -> int:
        """Return the number of the last message that an earlier session has read; 0 for none."""
        return next((number for number in range(len(self.mailbox), 0, -1) if "S" in self.mailbox.flags(number)), 0)

    async def update(self, deleted: Sequence[int], seen: Sequence[int]) -> Removed:
        """Remove messages, mark others as seen, and let go of the mailbox. Raises ReadingError, RightsError."""
        if not deleted and not seen:
            self.close()
            return Removed()

        self._forget_ahead()

        def work() -> Removed:
            try:
                return self.mailbox.expunge(deleted, seen)
            finally:
                self.mailbox.close()

        self._is_open = False
        return await self._in_thread(work)

    def refresh(self) -> None:
        """Keep the lock young; raises ReadingError."""
        if self._is_open:
            with self._as_owner():
                self.mailbox.refresh()

    def close(self) -> None:
        """Let go of the mailbox; nothing is removed."""
        self._forget_ahead()
        if self._is_open:
            self._is_open = False
            with suppress(ReadingError), self._as_owner():
                self.mailbox.close()

    def _forget_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead[1].close()
            self._ahead = None

    def _as_owner(self) -> AbstractContextManager[None]:
        owner = self._owner
        return self._workshop.rights.as_user(owner.uid, owner.gid, owner.groups)


def _is_way_of_root(folder: str) -> bool:
    """Return whether all directories and links on a path are root's. Raises OSError."""
    parts = folder.rstrip("/").split("/")
    return all(os.lstat("/".join(parts[:end]) or "/").st_uid == 0 for end in range(1, len(parts) + 1))


def _is_small(owner: Owner) -> bool:
    """Return whether the mailbox is a Maildir that is quickly listed."""
    try:
        return all(os.stat(f"{owner.path}/{name}").st_size <= _SMALL for name in ("new", "cur"))
    except OSError:
        return False


def _glance_at(mailbox: ReadableMailbox) -> bool:
    """Learn sizes for a moment; return whether all are known."""
    try:
        return mailbox.measure(_GLANCE_S)
    except BaseException:
        mailbox.close()
        raise


async def _in_thread(workshop: Workshop, owner: Owner, work: Callable[[], R]) -> R:
    def run() -> R:
        with workshop.rights.as_user(owner.uid, owner.gid, owner.groups):
            return work()

    return await asyncio.get_running_loop().run_in_executor(workshop.threads, run)

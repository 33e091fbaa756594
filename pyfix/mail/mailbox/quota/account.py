"""One mailbox and its limit, as who delivers sees it.

    account.check(size)               # before the message is written: spares the work where there is no room
    with account.admit(size):         # afterwards: decides, alone
        os.rename(temporary, new)

Nothing is asked of the disk for a mailbox without a limit, but that a maildirsize of a former limit goes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pyfix.base import clock
from pyfix.mail.accounts.quota import UNLIMITED, Quota
from pyfix.mail.config import Config
from pyfix.mail.mailbox.errors import MailboxError, system_error
from pyfix.mail.mailbox.quota.decide import Verdict, judge, percents_crossed
from pyfix.mail.mailbox.quota.ledger import FILE, PATIENCE_S, Ledger, glance, root_of
from pyfix.mail.mailbox.quota.names import Scope
from pyfix.mail.mailbox.quota.params import QuotaParameters, ScopeParameters
from pyfix.mail.mailbox.quota.usage import Usage

_MOST_PERCENT: Final = 100
_SHORT_PATIENCE_S: Final = 1.0
"""For who has a client waiting, or gains little."""


class OverQuota(MailboxError):
    """There is no room for a message."""

    def __init__(self, *, is_final: bool) -> None:
        super().__init__("5.2.2" if is_final else "4.2.2", "mailbox is full")


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for all mailboxes."""

    scope: Scope
    keeps_file: bool = True
    bounces: bool = False
    """A full mailbox is the end of a message for it."""
    percents: tuple[int, ...] = ()
    """At which its owner is warned."""

    @classmethod
    def from_params(cls, params: QuotaParameters, percents: Sequence[int] = ()) -> Policy:
        """Return what the parameters say."""
        return cls(scope_of(params), params.virtual_maildir_extended, params.virtual_overquota_bounce, tuple(percents))

    def is_final(self, verdict: Verdict) -> bool:
        """Return whether there is no use in trying again."""
        return self.bounces or verdict is Verdict.NEVER


def scope_of(params: ScopeParameters) -> Scope:
    """Return what of a mailbox counts."""
    return Scope(params.virtual_trash_name, params.virtual_trash_count, params.virtual_mailbox_limit_inbox)


def read_percents(config: Config, words: Sequence[str]) -> tuple[int, ...]:
    """Return virtual_quota_warning_percents as numbers; raises ConfigError."""
    name = "virtual_quota_warning_percents"
    for word in words:
        if not (word.isascii() and word.isdigit() and 0 < int(word) <= _MOST_PERCENT):
            raise config.refuse(name, f'bad value "{word}": specify whole numbers from 1 to 100, such as "80 95"')
    return tuple(sorted({int(word) for word in words}))


class Account:
    """See the module. The rights in force are those of the mailbox's owner."""

    def __init__(self, maildir: str, limit: Quota, policy: Policy, warn: Callable[[str], object] | None) -> None:
        """`maildir` ends in "/"; `warn` is told of a maildirsize that can't be written."""
        self.limit = limit
        self.used = Usage()
        """What is in the mailbox, since the last admission."""
        self.crossed = 0
        """The percentage that the last admission has reached, where the owner is to be told; else 0."""
        self._maildir = maildir
        self._policy = policy
        self._warn = warn

    def check(self, size: int) -> None:
        """Raise OverQuota, a MailboxError, where there clearly is no room for a message of this size."""
        added = Usage(size, 1)
        if judge(self.limit, Usage(), Usage(size, 0)) is Verdict.NEVER:
            raise OverQuota(is_final=True)
        if self.limit == UNLIMITED or not self._policy.keeps_file or self._policy.scope.inbox_only:
            return
        found = glance(self._maildir)
        if found is None or judge(self.limit, found.used, added) is Verdict.FITS:
            return
        try:
            with self._open() as ledger:
                self._judge(ledger, added)
        except OSError as error:
            raise self._failure(error) from error

    def check_room(self, size: int) -> None:
        """Raise OverQuota where a message of this size would have no room now; 0: of any size. Or MailboxError."""
        if self.limit == UNLIMITED:
            return
        added = Usage(max(size, 1), 1)
        if judge(self.limit, Usage(), Usage(size, 0)) is Verdict.NEVER:
            raise OverQuota(is_final=True)
        try:
            with self._open(_SHORT_PATIENCE_S) as ledger:
                self._judge(ledger, added)
        except FileNotFoundError:
            return  # the first delivery makes the mailbox
        except OSError as error:
            raise self._failure(error) from error

    def measure(self, *, anew: bool = False) -> Usage:
        """Return what is in the mailbox, nothing where there is none; raises MailboxError."""
        try:
            with self._open() as ledger:
                return ledger.recount(self.limit) if anew else ledger.used(self.limit, clock.now())
        except FileNotFoundError:
            return Usage()
        except OSError as error:
            raise self._failure(error) from error

    def admit(self, size: int, *, is_forced: bool = False) -> Admission:
        """Return a context in which the message becomes visible; entering it raises MailboxError.

        `is_forced`: there is room in any case.
        """
        return Admission(self, Usage(size, 1), is_forced=is_forced)

    def begin(self, added: Usage, *, is_forced: bool) -> Ledger | None:
        """Decide about a message, and keep the mailbox locked until it is there."""
        self.crossed = 0
        if self.limit == UNLIMITED:
            self._forget_limit()
            return None
        try:
            ledger = self._open()
        except OSError as error:
            raise self._failure(error) from error
        try:
            self.used = ledger.used(self.limit, clock.now()) if is_forced else self._judge(ledger, added)
        except OSError as error:
            ledger.close()
            raise self._failure(error) from error
        except MailboxError:
            ledger.close()
            raise
        return ledger

    def end(self, ledger: Ledger, added: Usage) -> None:
        """The message is there."""
        ledger.charge(added)
        before, self.used = self.used, self.used + added
        self.crossed = percents_crossed(self.limit, before, self.used, self._policy.percents)

    def _open(self, patience_s: float | None = None) -> Ledger:
        policy = self._policy
        patience_s = PATIENCE_S if patience_s is None else patience_s
        return Ledger.open(self._maildir, policy.scope, self._warn, keeps_file=policy.keeps_file, patience_s=patience_s)

    def _judge(self, ledger: Ledger, added: Usage) -> Usage:
        used = ledger.used(self.limit, clock.now(), added)
        verdict = judge(self.limit, used, added)
        if verdict is not Verdict.FITS:
            raise OverQuota(is_final=self._policy.is_final(verdict))
        return used

    def _forget_limit(self) -> None:
        if self._policy.keeps_file and not self._policy.scope.inbox_only:
            try:
                os.unlink(f"{self._maildir}{FILE}")
            except OSError:
                pass  # nearly always not there; who can't remove it could not write it either

    def _failure(self, error: OSError) -> MailboxError:
        return system_error(f"count mail in {error.filename or self._maildir}", error, "4.2.0")


class Admission:
    """See Account.admit. A class, since a generator costs three times as much, and each delivery has one."""

    __slots__ = ("_account", "_added", "_is_forced", "_ledger")

    def __init__(self, account: Account, added: Usage, *, is_forced: bool = False) -> None:
        self._account = account
        self._added = added
        self._is_forced = is_forced
        self._ledger: Ledger | None = None

    def __enter__(self) -> None:
        self._ledger = self._account.begin(self._added, is_forced=self._is_forced)

    def __exit__(self, kind: type[BaseException] | None, *unused: object) -> None:
        if self._ledger is not None:
            try:
                if kind is None:
                    self._account.end(self._ledger, self._added)
            finally:
                self._ledger.close()


class Bookkeeper:
    """For who delivers without a limit of its own: a maildirsize that another program keeps stays right.

    It has `admit` of an Account; there is room in any case.
    """

    def __init__(self, maildir: str, scope: Scope, warn: Callable[[str], object] | None) -> None:
        self._maildir = maildir
        self._scope = scope
        self._warn = warn

    @contextmanager
    def admit(self, size: int, *, is_forced: bool = False) -> Iterator[None]:
        """Return a context in which the message becomes visible."""
        ledger = self._open()
        if ledger is None:
            yield
            return
        with ledger:
            yield
            ledger.charge(Usage(size, 1))

    def _open(self) -> Ledger | None:
        root = root_of(self._maildir)
        if self._scope.inbox_only or not os.path.lexists(f"{root}/{FILE}") or not self._is_counted(root):
            return None
        try:
            return Ledger.open(root, self._scope, self._warn, patience_s=_SHORT_PATIENCE_S)
        except OSError as error:
            if self._warn is not None:
                self._warn(f"{root}/{FILE}: {error.strerror}; a delivery is not counted there")
            return None

    def _is_counted(self, root: str) -> bool:
        path = self._maildir.rstrip("/")
        return path == root or self._scope.has_folder(os.path.basename(path))

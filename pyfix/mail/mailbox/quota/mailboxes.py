"""Find the mailbox of an address together with its quota, for who only looks: quota-status(8) and the commands."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyfix.mail.accounts.quota import UNLIMITED
from pyfix.mail.config import Config
from pyfix.mail.mailbox.errors import system_error
from pyfix.mail.mailbox.locate import Locator, Mailbox, open_locator
from pyfix.mail.mailbox.quota.account import Account, OverQuota, Policy
from pyfix.mail.mailbox.quota.decide import Verdict, judge
from pyfix.mail.mailbox.quota.limits import Limit, Limits
from pyfix.mail.mailbox.quota.params import QuotaParameters
from pyfix.mail.mailbox.quota.usage import Usage
from pyfix.mail.maps import Maps

_NO_LIMIT: Final = Limit(UNLIMITED, "")


@dataclass(frozen=True, slots=True)
class QuotaMailbox:
    """A mailbox and what it may hold. Its methods act with the rights in force."""

    mailbox: Mailbox
    limit: Limit
    policy: Policy
    account: Account

    def check_room(self, size: int) -> None:
        """Raise OverQuota where a message of this size would have no room now; 0: of any size. Or MailboxError."""
        if self.mailbox.is_maildir:
            self.account.check_room(size)
            return
        verdict = judge(self.limit.quota, self.measure(), Usage(max(size, 1), 0))
        if verdict is not Verdict.FITS:
            raise OverQuota(is_final=self.policy.is_final(verdict))

    def measure(self, *, anew: bool = False) -> Usage:
        """Return what is in it: as told by maildirsize where that can be believed, unless `anew`. Raises MailboxError.

        The messages of an mbox are not counted.
        """
        if self.mailbox.is_maildir:
            return self.account.measure(anew=anew)
        try:
            status = os.stat(self.mailbox.path, follow_symlinks=False)
        except FileNotFoundError:
            return Usage()
        except OSError as error:
            raise system_error(f"look at {self.mailbox.path}", error, "4.2.0") from error
        return Usage(status.st_size if stat.S_ISREG(status.st_mode) else 0)


@dataclass(frozen=True, slots=True)
class Quotas:
    """The tables of mailboxes and limits."""

    locator: Locator
    limits: Limits | None
    policy: Policy
    warn: Callable[[str], object]

    @classmethod
    def open(
        cls, config: Config, params: QuotaParameters, warn: Callable[[str], object], *, with_ids: bool
    ) -> Quotas:  # fmt: skip
        """Open the tables; without ids every mailbox belongs to the user that runs this process. Raises ConfigError."""
        locator = open_locator(config, params, with_ids=with_ids)
        return cls(locator, Limits.open(config, params, warn), Policy.from_params(params), warn)

    @property
    def maps(self) -> tuple[Maps, ...]:
        """The tables that are asked."""
        return (*self.locator.maps, *(self.limits.maps if self.limits else ()))

    def find(self, address: str) -> QuotaMailbox | None:
        """Return the mailbox of an address (folded), None for nobody's; raises LookupFailed."""
        mailbox = self.locator.find(address)
        if mailbox is None:
            return None
        limit = self.limits.find(address) if self.limits is not None else _NO_LIMIT
        return QuotaMailbox(mailbox, limit, self.policy, Account(mailbox.path, limit.quota, self.policy, self.warn))

    def message(self, address: str) -> str:
        """Return what senders are told of a full mailbox; raises LookupFailed."""
        return self.limits.message(address) if self.limits is not None else ""

"""The four kinds of accounts: in which table each is, and how a row of it is read and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pyfix.mail.accounts import rows
from pyfix.mail.accounts.database import Row, Value
from pyfix.mail.accounts.records import Alias, Domain, Mailbox, Manager
from pyfix.mail.accounts.schema import ALIAS, DOMAIN, MAILBOX, MANAGER, Table

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AccountKind(Generic[T]):
    """One kind."""

    table: Table
    """Its name is the word for messages, too."""
    columns: tuple[str, ...]
    read: Callable[[Row], T]
    """Takes a row with the columns."""
    values: Callable[[T], dict[str, Value]]
    only_new: Callable[[T], dict[str, Value]] = lambda record: {}
    """Columns that a new row gets besides those of the record."""


def _new_mailbox(mailbox: Mailbox) -> dict[str, Value]:
    home = mailbox.maildir.rstrip("/").rpartition("/")[0]
    return {"uid": mailbox.address.rpartition("@")[0], "homedir": home, "question": "", "answer": ""}


DOMAINS: Final[AccountKind[Domain]] = AccountKind(DOMAIN, rows.DOMAIN_COLUMNS, rows.read_domain, rows.domain_values)
MAILBOXES: Final[AccountKind[Mailbox]] = AccountKind(
    MAILBOX, rows.MAILBOX_COLUMNS, rows.read_mailbox, rows.mailbox_values, _new_mailbox
)
ALIASES: Final[AccountKind[Alias]] = AccountKind(ALIAS, rows.ALIAS_COLUMNS, rows.read_alias, rows.alias_values)
MANAGERS: Final[AccountKind[Manager]] = AccountKind(
    MANAGER, rows.MANAGER_COLUMNS, rows.read_manager, rows.manager_values,
    lambda manager: {"question": "", "answer": ""},
)  # fmt: skip

"""The four kinds of accounts: in which table each is, and how a row of it is read and written.

Every statement is made of the names here; values never become a part of one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pyfix.mail.accounts import rows
from pyfix.mail.accounts.database import Row, Value
from pyfix.mail.accounts.records import Alias, Domain, Mailbox, Manager

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AccountKind(Generic[T]):
    """One kind."""

    word: str
    """For messages."""
    table: str
    columns: tuple[str, ...]
    """The first is the key."""
    read: Callable[[Row], T]
    values: Callable[[T], dict[str, Value]]
    only_new: Callable[[T], dict[str, Value]] = lambda record: {}
    """Columns that a new row gets besides those of the record."""

    @property
    def key(self) -> str:
        """The column that tells rows apart."""
        return self.columns[0]

    @property
    def select(self) -> str:
        """The statement that gives all."""
        return f"SELECT {', '.join(self.columns)} FROM {self.table} ORDER BY {self.key}"

    @property
    def keys(self) -> str:
        """The statement that gives the names of all."""
        return f"SELECT {self.key} FROM {self.table} ORDER BY {self.key}"

    @property
    def select_of_domain(self) -> str:
        """The statement that gives those of a domain."""
        return f"SELECT {', '.join(self.columns)} FROM {self.table} WHERE domain = ? ORDER BY {self.key}"

    @property
    def select_one(self) -> str:
        """The statement that gives one."""
        return f"SELECT {', '.join(self.columns)} FROM {self.table} WHERE {self.key} = ?"

    @property
    def count_of_domain(self) -> str:
        """The statement that counts those of a domain."""
        return f"SELECT COUNT(*) FROM {self.table} WHERE domain = ?"

    @property
    def delete(self) -> str:
        """The statement that removes one."""
        return f"DELETE FROM {self.table} WHERE {self.key} = ?"

    @property
    def delete_of_domain(self) -> str:
        """The statement that removes those of a domain."""
        return f"DELETE FROM {self.table} WHERE domain = ?"

    def insert(self, columns: Collection[str]) -> str:
        """Return the statement that adds one."""
        marks = ", ".join("?" for _ in columns)
        return f"INSERT INTO {self.table} ({', '.join(columns)}) VALUES ({marks})"

    def update(self, columns: Collection[str]) -> str:
        """Return the statement that changes some columns of one."""
        return f"UPDATE {self.table} SET {', '.join(f'{column} = ?' for column in columns)} WHERE {self.key} = ?"


def _new_mailbox(mailbox: Mailbox) -> dict[str, Value]:
    home = mailbox.maildir.rstrip("/").rpartition("/")[0]
    return {"uid": mailbox.address.rpartition("@")[0], "homedir": home, "question": "", "answer": ""}


DOMAINS: Final[AccountKind[Domain]] = AccountKind(
    "domain", "domain", rows.DOMAIN_COLUMNS, rows.read_domain, rows.domain_values
)
MAILBOXES: Final[AccountKind[Mailbox]] = AccountKind(
    "mailbox", "mailbox", rows.MAILBOX_COLUMNS, rows.read_mailbox, rows.mailbox_values, _new_mailbox
)
ALIASES: Final[AccountKind[Alias]] = AccountKind(
    "alias", "alias", rows.ALIAS_COLUMNS, rows.read_alias, rows.alias_values
)
MANAGERS: Final[AccountKind[Manager]] = AccountKind(
    "manager", "manager", rows.MANAGER_COLUMNS, rows.read_manager, rows.manager_values,
    lambda manager: {"question": "", "answer": ""},
)  # fmt: skip

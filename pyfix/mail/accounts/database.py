"""What the two kinds of database have in common: requests, each on one connection.

A statement marks its values with ?, and never holds a value itself. Values come back as text, as MySQL writes them:
numbers too, NULL as None.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TypeVar

from pyfix.mail.accounts.schema import Table

R = TypeVar("R")
Value = str | int | None
Row = tuple[str | None, ...]


class Session(ABC):
    """A connection, during a request. Rows of accounts are written by table, which may be spread over two files."""

    @abstractmethod
    def query(self, statement: str, *values: Value, optional: bool = False) -> list[Row]:
        """Return rows; raises AccountsUnavailable. optional: a table that is not there has none."""

    @abstractmethod
    def change(self, statement: str, *values: Value, optional: bool = False) -> None:
        """Carry out a statement; raises Duplicate, AccountsUnavailable. optional: as in query."""

    def insert(self, table: Table, values: Mapping[str, Value]) -> None:
        """Add a row with some columns; raises Duplicate, Refused, AccountsUnavailable."""
        self.change(table.insert(values), *values.values())

    def update(self, table: Table, values: Mapping[str, Value], *key: str) -> None:
        """Change some columns of the row with a key; raises Refused, AccountsUnavailable."""
        self.change(table.update(values), *values.values(), *key)

    def delete(self, table: Table, *key: str, optional: bool = False) -> None:
        """Remove the row with a key, or all that have its first part; raises AccountsUnavailable."""
        self.change(table.delete(len(key)), *key, optional=optional)


class Database(ABC):
    """A database with ExtMail's tables."""

    name: str
    """As accounts_database has it."""
    blocking: bool
    """True where a lookup may have to wait for a server."""
    owner: int | None = None
    """The user id of the file."""

    @property
    def keeps_secrets(self) -> bool:
        """False where this process may not see stored passwords, which then look as if there were none."""
        return True

    def lost_secrets(self) -> list[str]:
        """Return the accounts that had a password which is not there any more; raises AccountsUnavailable."""
        return []

    @abstractmethod
    def read(self, request: Callable[[Session], R]) -> R:
        """Return what the request gives, which changes nothing; raises AccountsUnavailable."""

    @abstractmethod
    def snapshot(self, request: Callable[[Session], R]) -> R:
        """Return what the request gives, all of whose queries see one moment; raises AccountsUnavailable."""

    @abstractmethod
    def write(self, request: Callable[[Session], R]) -> R:
        """Carry out the request whole or not at all, while no other of pyfix's writes; raises AccountsUnavailable.

        What the request itself raises undoes it, too.
        """

    @abstractmethod
    def create(self) -> None:
        """Make what is missing of the tables, and bring old ones up to date; raises AccountsUnavailable."""

    def has_changed(self) -> bool:
        """True when another database is in the place of the one that was opened."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Give back what is open."""

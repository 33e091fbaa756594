"""What the two kinds of database have in common: requests, each on one connection.

A statement marks its values with ?, and never holds a value itself. Values come back as text, as MySQL writes them:
numbers too, NULL as None.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol, TypeVar

R = TypeVar("R")
Value = str | int | None
Row = tuple[str | None, ...]


class Session(Protocol):
    """A connection, during a request."""

    def query(self, statement: str, *values: Value) -> list[Row]:
        """Return rows; raises AccountsUnavailable."""

    def change(self, statement: str, *values: Value) -> int:
        """Return how many rows have the statement's condition; raises Duplicate, AccountsUnavailable."""


class Database(ABC):
    """A database with ExtMail's tables."""

    name: str
    """As accounts_database has it."""
    blocking: bool
    """True where a lookup may have to wait for a server."""
    owner: int | None = None
    """The user id of the file."""

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

"""What a reader finds in a file: rows, and what there is to tell about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyfix.mail.accounts.errors import AccountsError
from pyfix.mail.accounts.schema import Table

Cell = str | None


class BrokenFile(AccountsError):
    """The file can't be read: the text names file and line."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as the file has it: numbers as texts, None for NULL; columns that are not named get their defaults."""

    place: Place
    table: Table
    values: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Ready:
    """A row as the table has it, with all columns."""

    place: Place
    table: Table
    values: dict[str, Cell]

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it apart from others."""
        return tuple(self.values[column] or "" for column in self.table.key)


@dataclass(frozen=True, slots=True)
class Note:
    """What was changed or left out."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


Found = Iterator[Entry | Note]


def read_text(path: str) -> str:
    """Return the text of a file; raises OSError, BrokenFile."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BrokenFile(f"{path}, line {line}: not UTF-8 text; convert the file with iconv") from None

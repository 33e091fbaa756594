"""A table in front of another: whoever watches is told each question with its answer, or with what went wrong."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from pyfix.mail.maps.table import Ask, Table, TableError


class WatchedTable(Table):
    """Passes everything on to the table that it watches; a subclass says what becomes of an answer."""

    def __init__(self, name: str, watched: Table) -> None:
        super().__init__(name)
        self._watched = watched
        self.is_pattern = watched.is_pattern
        self.blocking = watched.blocking
        self.owner = watched.owner

    @abstractmethod
    def answered(self, key: str, value: str | None) -> None:
        """The table has answered; None where nothing was found."""

    @abstractmethod
    def failed(self, key: str, error: TableError) -> None:
        """The table could not be asked; the error goes on to who asked."""

    def lookup(self, key: str) -> str | None:
        try:
            value = self._watched.lookup(key)
        except TableError as error:
            self.failed(key, error)
            raise
        self.answered(key, value)
        return value

    def lend(self, ask: Ask) -> None:
        super().lend(ask)
        self._watched.lend(ask)

    def has_changed(self) -> bool:
        return self._watched.has_changed()

    def entries(self) -> Iterator[tuple[str, str]]:
        return self._watched.entries()

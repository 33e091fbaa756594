"""A table that tells what it was asked and what it answered: `pyfix explain` shows it.

Tables are opened so where the configuration has somebody who listens (Config.on_lookup); no process has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyfix.mail.config import Config
from pyfix.mail.maps.table import Ask, Table, TableError


@dataclass(frozen=True, slots=True)
class Lookup:
    """One question and its answer."""

    parameter: str
    """What names the table."""
    table: str
    """type:name."""
    key: str
    value: str | None
    """None where nothing was found, and where nothing could be told."""
    problem: str = ""
    """Why nothing could be told."""


OnLookup = Callable[[Lookup], object]


class TracedTable(Table):
    """Passes everything on to the table that it watches."""

    def __init__(self, parameter: str, watched: Table, tell: OnLookup) -> None:
        super().__init__(watched.name)
        self._parameter = parameter
        self._watched = watched
        self._tell = tell
        self.is_pattern = watched.is_pattern
        self.blocking = watched.blocking
        self.owner = watched.owner

    def lookup(self, key: str) -> str | None:
        try:
            value = self._watched.lookup(key)
        except TableError as error:
            self._tell(Lookup(self._parameter, self.name, key, None, str(error)))
            raise
        self._tell(Lookup(self._parameter, self.name, key, value))
        return value

    def lend(self, ask: Ask) -> None:
        super().lend(ask)
        self._watched.lend(ask)

    def has_changed(self) -> bool:
        return self._watched.has_changed()

    def entries(self) -> Iterator[tuple[str, str]]:
        return self._watched.entries()


def traced(table: Table, parameter: str, config: Config) -> Table:
    """Return the table as this configuration wants it: watched, where somebody listens."""
    return table if config.on_lookup is None else TracedTable(parameter, table, config.on_lookup)

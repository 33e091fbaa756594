"""A table that tells what it was asked and what it answered: `pyfix explain` shows it.

Tables are opened so where the configuration has somebody who listens (Config.on_lookup); no process has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyfix.mail.config import Config
from pyfix.mail.maps.table import Table, TableError
from pyfix.mail.maps.watched import WatchedTable


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


class TracedTable(WatchedTable):
    """Tells what the other table answers."""

    def __init__(self, parameter: str, watched: Table, tell: OnLookup) -> None:
        super().__init__(watched.name, watched)
        self._parameter = parameter
        self._tell = tell

    def answered(self, key: str, value: str | None) -> None:
        self._tell(Lookup(self._parameter, self.name, key, value))

    def failed(self, key: str, error: TableError) -> None:
        self._tell(Lookup(self._parameter, self.name, key, None, str(error)))


def traced(table: Table, parameter: str, config: Config) -> Table:
    """Return the table as this configuration wants it: watched, where somebody listens."""
    return table if config.on_lookup is None else TracedTable(parameter, table, config.on_lookup)

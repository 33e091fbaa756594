"""debug_table(5): logs each lookup in another table, with its result.

    debug:type:name

The log then has lines of these forms:

    type:name lookup: "key" = "value"
    type:name lookup: "key" = "not_found"
    type:name lookup: "key" = "error"

See: lookup_tables(5), postmap(1)
"""

from __future__ import annotations

from collections.abc import Iterator

from pyfix.mail.maps.table import Ask, Table, TableError, Warn


class DebugTable(Table):
    """Passes everything on to the table that it watches."""

    def __init__(self, name: str, watched: Table, inform: Warn) -> None:
        super().__init__(name)
        self._watched = watched
        self._inform = inform
        self.is_pattern = watched.is_pattern
        self.blocking = watched.blocking
        self.owner = watched.owner

    def lookup(self, key: str) -> str | None:
        try:
            value = self._watched.lookup(key)
        except TableError:
            self._log(key, "error")
            raise
        self._log(key, "not_found" if value is None else value)
        return value

    def _log(self, key: str, result: str) -> None:
        self.say(self._inform, f'{self._watched.name} lookup: "{key}" = "{result}"')

    def lend(self, ask: Ask) -> None:
        super().lend(ask)
        self._watched.lend(ask)

    def has_changed(self) -> bool:
        return self._watched.has_changed()

    def entries(self) -> Iterator[tuple[str, str]]:
        return self._watched.entries()

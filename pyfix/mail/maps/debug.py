"""debug_table(5): logs each lookup in another table, with its result.

    debug:type:name

The log then has lines of these forms:

    type:name lookup: "key" = "value"
    type:name lookup: "key" = "not_found"
    type:name lookup: "key" = "error"

See: lookup_tables(5), postmap(1)
"""

from __future__ import annotations

from pyfix.mail.maps.table import Table, TableError, Warn
from pyfix.mail.maps.watched import WatchedTable


class DebugTable(WatchedTable):
    """Logs what the other table answers."""

    def __init__(self, name: str, watched: Table, inform: Warn) -> None:
        super().__init__(name, watched)
        self._inform = inform

    def answered(self, key: str, value: str | None) -> None:
        self._log(key, "not_found" if value is None else value)

    def failed(self, key: str, error: TableError) -> None:
        self._log(key, "error")

    def _log(self, key: str, result: str) -> None:
        self.say(self._inform, f'{self._watched.name} lookup: "{key}" = "{result}"')

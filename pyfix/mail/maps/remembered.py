"""A table in front of one that a database server keeps: an answer counts for a second, as that of a file does.

One message asks for the same domain, alias and mailbox up to three times, and the next message for the same domain
again: most of the work that a server has. Who changes a row waits no longer than for a change of a file to be noticed.
Only processes remember, each for itself; postmap and proxymap ask each time. Failures are not remembered.

See: mysql_table(5), pgsql_table(5) "remember_interval".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pyfix.base import clock
from pyfix.mail.maps.table import Ask, Table, TableError

_MOST: Final = 10_000
"""Answers; a process that has more forgets all."""


class NotRemembered(TableError):
    """The answer takes a question to the server."""


class RememberedTable(Table):
    """Asks the other table, unless it has just answered. Any thread may ask."""

    def __init__(self, table: Table) -> None:
        super().__init__(table.name)
        self._table = table
        self._lifetime_s = table.remember_s
        self._answers: dict[str, tuple[float, str | None]] = {}
        self.is_pattern = table.is_pattern
        self.blocking = table.blocking
        self.owner = table.owner

    def lookup(self, key: str) -> str | None:
        now = clock.monotonic()
        answer = self._answers.get(key)
        if answer is not None and now < answer[0]:
            return answer[1]
        value = self._table.lookup(key)
        if len(self._answers) >= _MOST:
            self._answers.clear()
        self._answers[key] = now + self._lifetime_s, value
        return value

    def recall(self, key: str) -> str | None:
        """Return what is remembered; raises NotRemembered. Nobody has to wait for it."""
        answer = self._answers.get(key)
        if answer is None or clock.monotonic() >= answer[0]:
            raise NotRemembered(self.name)
        return answer[1]

    def lend(self, ask: Ask) -> None:
        super().lend(ask)
        self._table.lend(ask)

    def has_changed(self) -> bool:
        return self._table.has_changed()

    def entries(self) -> Iterator[tuple[str, str]]:
        return self._table.entries()


class MemoryTable(Table):
    """What another table remembers, and nothing else."""

    def __init__(self, table: RememberedTable) -> None:
        super().__init__(table.name)
        self.is_pattern = table.is_pattern
        self.owner = table.owner
        self._table = table

    def lookup(self, key: str) -> str | None:
        return self._table.recall(key)


def memory_of(tables: Sequence[Table]) -> list[Table] | None:
    """Return tables that answer on the spot, or raise NotRemembered; None where some can't."""
    found: list[Table] = []
    for table in tables:
        if isinstance(table, RememberedTable):
            found.append(MemoryTable(table))
        elif table.blocking:
            return None
        else:
            found.append(table)
    return found


def remembered(table: Table) -> Table:
    """Return the table as a process asks it: in front of one whose answers count for a while, one that knows them."""
    return RememberedTable(table) if table.remember_s else table

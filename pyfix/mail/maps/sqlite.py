"""sqlite_table(5): a query to an SQLite database.

    sqlite:/etc/pyfix/aliases.cf

The settings are those of table_queries(5), and:

    dbpath   the file of the database; required

Only the first statement of a query counts, and of each row the first column.

Rights: the file is opened at once, with the rights that the process begins with, and never created.

Failures: a file that can't be opened, and a query that is wrong, are temporary failures. While somebody writes, a
lookup waits a few seconds.

Example:

    dbpath = /var/lib/mail/accounts.db
    query = SELECT target FROM alias WHERE address = '%s'

See: table_queries(5), lookup_tables(5), postmap(1)
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.queried import KeyValues
from pyfix.mail.maps.settings import Settings
from pyfix.mail.maps.sql import Row, SqlTable
from pyfix.mail.maps.table import Table, TableError, UnavailableTable, decode_value

_BUSY_S: Final = 5.0
Value = None | int | float | bytes


class _Database(sqlite3.Connection):
    """A connection that ends with the table that has it."""

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.ProgrammingError):  # it was never open
            self.close()


class SqliteTable(SqlTable):
    """Asks one database, one thread at a time."""

    def __init__(self, name: str, settings: Settings, opening: Opening) -> None:
        """Open the file; raises ConfigError, OSError, sqlite3.Error."""
        super().__init__(name, settings, opening)
        self._path = settings.string("dbpath", low=1)
        self._inode = os.stat(self._path).st_ino
        self._database = _connect(self._path)
        self._lock = threading.Lock()

    def rows(self, key: KeyValues) -> Iterable[Row]:
        query, rest = split_statement(self.query_for(key, _quote))
        if rest:
            self.warn(f"{self.name}: Ignoring text at end of query: {rest}")
        try:
            with self._lock:
                found: list[tuple[Value, ...]] = self._database.execute(query).fetchall()
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            raise TableError(f"{self.name}: SQL failed for query '{query}': {error}") from error
        return [[self._text(row[0], key)] for row in found]

    def _text(self, value: Value, key: KeyValues) -> str | None:
        """Return a value as SQLite itself would write it."""
        if value is None:
            return None
        if isinstance(value, bytes):
            return decode_value(value.partition(b"\0")[0], self.name, key["s"])
        return _decimal(value) if isinstance(value, float) else str(value)

    def has_changed(self) -> bool:
        """True, too, when another file is at the path now; its content may change as it likes."""
        return super().has_changed() or self._is_replaced()

    def _is_replaced(self) -> bool:
        try:
            return os.stat(self._path).st_ino != self._inode
        except OSError:
            return False


def _quote(text: str) -> str:
    return text.replace("'", "''")


def _decimal(number: float) -> str:
    text = f"{number:.15g}"
    if text.lstrip("-").isdigit():
        return f"{text}.0"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}e{exponent}" if e else text


def split_statement(query: str) -> tuple[str, str]:
    """Return the first statement and what comes behind it."""
    end = query.find(";")
    while end >= 0:
        if sqlite3.complete_statement(query[: end + 1]):
            return query[: end + 1], query[end + 1 :].strip()
        end = query.find(";", end + 1)
    return query, ""


def open_sqlite(spec: str, settings: Settings, opening: Opening) -> Table:
    """Return the table; raises ConfigError."""
    try:
        return SqliteTable(spec, settings, opening)
    except sqlite3.Error as error:
        path = settings.string("dbpath")
        return UnavailableTable(spec, f"{spec}: Can't open database: {path}: {error}", missing=path)


def _connect(path: str) -> sqlite3.Connection:
    """Open a file for reading and, where the rights are there, for the locks and logs beside it."""
    database = sqlite3.connect(
        f"file:{quote(path)}?mode=rw", uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False,
        factory=_Database,
    )  # fmt: skip
    database.text_factory = bytes
    return database

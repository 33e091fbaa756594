"""A session with a PostgreSQL server, through PostgreSQL's own client library, with a time limit for everything.

The library waits for nothing here: it is told to go on when its socket is ready, so that a server that says nothing
is given up. Each thread has a session of its own.
See: pgsql.py; PostgreSQL's manual, "libpq", "Asynchronous Command Processing".
"""

from __future__ import annotations

import select
from typing import Final

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, Escaping, ExecStatus, PGconn, PollingStatus
from psycopg.pq.abc import PGresult

from pyfix.base import clock
from pyfix.mail.maps.hosts import QueryFailed, ServerDown

_SHOWN: Final = 300
_UNTRANSLATABLE: Final = "22P05"
_GONE: Final = ("08", "57P0")
"""SQLSTATE: the connection has failed; the server shuts down, or an administrator has ended the session."""


class NoSuchText(Exception):
    """Some text is not in the encoding of the other side. The text is for the log."""


class Session:
    """A connection, which it owns."""

    def __init__(self, conninfo: str, name: str, timeout_s: float) -> None:
        """Connect; name: of the server, for messages. Raises ServerDown."""
        self._name = name
        self._timeout_s = timeout_s
        self.columns: tuple[str, ...] = ()
        """Names of the columns of what the last query gave."""
        self._deadline = clock.monotonic() + timeout_s
        self._connection = PGconn.connect_start(conninfo.encode())
        try:
            self._finish_connecting()
        except BaseException:
            self.close()
            raise

    def _finish_connecting(self) -> None:
        step = PollingStatus.WRITING
        while step is not PollingStatus.OK:
            if step is PollingStatus.FAILED or self._connection.status == ConnStatus.BAD:
                raise ServerDown(f"connect to pgsql server {self._name}: {self._reason()}")
            if not self._wait(for_writing=step is PollingStatus.WRITING):
                raise ServerDown(f"connect to pgsql server {self._name}: no answer within {self._timeout_s:g} seconds")
            step = PollingStatus(self._connection.connect_poll())

    def _wait(self, *, for_writing: bool = False) -> bool:
        """Return whether the socket got ready in time."""
        left = self._deadline - clock.monotonic()
        poll = select.poll()
        poll.register(self._connection.socket, select.POLLOUT if for_writing else select.POLLIN)
        return left > 0 and bool(poll.poll(left * 1000))

    def close(self) -> None:
        """End the session."""
        self._connection.finish()

    def quote(self, text: str) -> str:
        """Return a text as it stands between quotes; raises QueryFailed."""
        try:
            return bytes(Escaping(self._connection).escape_string(text.encode())).decode()
        except psycopg.OperationalError as error:
            raise QueryFailed(f"pgsql query failed: {self._name}: {_one_line(str(error))}") from None

    def escape(self, text: str) -> str:
        """Return what becomes, quoted, a text inside E'...', where the backslash means something on any server."""
        is_plain = self._connection.parameter_status(b"standard_conforming_strings") == b"on"
        return text.replace("\\", "\\\\") if is_plain else text

    def knows(self, text: str) -> bool:
        """Return whether the database has letters for a text."""
        try:
            self.query(f"SELECT length('{self.quote(text)}')")
        except NoSuchText:
            return False
        return True

    def query(self, query: str) -> list[list[bytes | None]]:
        """Return the rows that the last statement gives; raises ServerDown, QueryFailed, NoSuchText."""
        self._deadline = clock.monotonic() + self._timeout_s
        try:
            self._connection.send_query(query.encode())
            return self._results()
        except psycopg.OperationalError as error:
            raise ServerDown(f"pgsql query failed: {self._name}: {_one_line(str(error))}") from None

    def _results(self) -> list[list[bytes | None]]:
        rows: list[list[bytes | None]] = []
        while (result := self._next_result()) is not None:
            match result.status:
                case ExecStatus.TUPLES_OK:
                    columns = range(result.nfields)
                    self.columns = tuple((result.fname(column) or b"").decode() for column in columns)
                    rows = [[result.get_value(row, column) for column in columns] for row in range(result.ntuples)]
                case ExecStatus.COMMAND_OK:
                    rows = []
                case ExecStatus.FATAL_ERROR:
                    self._give_up(result)
                case status:
                    raise QueryFailed(f"pgsql query failed: {self._name}: {ExecStatus(status).name}: no rows")
        return rows

    def _next_result(self) -> PGresult | None:
        while self._connection.is_busy():
            if not self._wait():
                raise ServerDown(f"pgsql query failed: {self._name}: no answer within {self._timeout_s:g} seconds")
            self._connection.consume_input()
        return self._connection.get_result()

    def _give_up(self, result: PGresult) -> None:
        code = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        text = f"pgsql query failed: {self._name}: {_one_line(result.error_message.decode(errors='replace'))}"
        if self._connection.status == ConnStatus.BAD or code.startswith(_GONE):
            raise ServerDown(text)
        if code == _UNTRANSLATABLE:
            while self._next_result() is not None:  # a session takes no query before the last one has ended
                pass
            raise NoSuchText(text)
        raise QueryFailed(text)

    def _reason(self) -> str:
        return _one_line(self._connection.error_message.decode(errors="replace"))


def _one_line(text: str) -> str:
    """Return a message without the lines that explain it, which the library indents."""
    lines = [line for line in text.splitlines() if not line.startswith("\t")]
    return " ".join(" ".join(lines).split())[:_SHOWN]

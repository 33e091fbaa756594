"""Ask the database of a password file: MySQL and MariaDB, PostgreSQL, SQLite.

A query is filled by a function that is given how to quote, since each database, and each connection to one, has rules
of its own for that. Connections are kept as for tables.
"""

from __future__ import annotations

import importlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final
from urllib.parse import quote

from pyfix.mail.auth.backend import BackendUnavailable
from pyfix.mail.config import ConfigError
from pyfix.mail.config.errors import one_line
from pyfix.mail.maps.hosts import Hosts, QueryFailed, ServerDown
from pyfix.mail.maps.table import TableError

Quote = Callable[[str], str]
Fill = Callable[[Quote], str]
"""Makes a query, whose values are quoted by the function that it is given."""
Value = str | None
_BUSY_S: Final = 5.0
_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Value]]


class SqlServers(ABC):
    """One database, on one server or several."""

    kind: ClassVar[str]

    def __init__(self, place: str, complain: Callable[[str], None]) -> None:
        """place: the line that says how to connect."""
        self.place = place
        self.complain = complain

    @abstractmethod
    def run(self, fill: Fill) -> Result:
        """Return what a query gives; raises TableError."""

    def close(self) -> None:  # noqa: B027 - not all keep something open
        """Close what is open."""

    def query(self, fill: Fill, place: str) -> Result:
        """Return what a query gives; raises BackendUnavailable. place: the line of the query."""
        try:
            return self.run(fill)
        except TableError as error:
            text = one_line(str(error).removeprefix(f"{self.kind}: "), _SHOWN)
            if "query failed" in text or "SQL failed" in text:
                raise BackendUnavailable(f"{place}: {text}; correct the query, or the rights of the user") from error
            raise BackendUnavailable(f"{self.place}: {text}; {_remedy(text)}") from error


def _remedy(text: str) -> str:
    if "denied" in text or "authentication failed" in text:
        return "correct user and password, or give the user the right"
    return "start the server, or correct the host"


class MysqlServers(SqlServers):
    """MySQL or MariaDB."""

    kind = "mysql"

    def __init__(self, hosts: Hosts[Any], place: str, complain: Callable[[str], None]) -> None:
        super().__init__(place, complain)
        self._hosts = hosts

    def run(self, fill: Fill) -> Result:
        return self._hosts.call(lambda connection: _run_mysql(connection, fill), self.kind, self.complain)

    def close(self) -> None:
        self._hosts.close()


def _run_mysql(connection: Any, fill: Fill) -> Result:
    """Return the first result set; raises ServerDown, QueryFailed."""
    import pymysql

    from pyfix.mail.maps.mysql import raise_failure

    try:
        with connection.cursor() as cursor:
            cursor.execute(fill(lambda text: str(cursor.mogrify("%s", [text]))[1:-1]))
            columns = tuple(column[0] for column in cursor.description or ())
            rows = [[_text(value) for value in row] for row in cursor.fetchall()] if columns else []
            while cursor.nextset():
                pass
            return Result(columns, rows)
    except (pymysql.Error, OSError) as error:
        raise_failure("mysql", error)


class PgsqlServers(SqlServers):
    """PostgreSQL."""

    kind = "pgsql"

    def __init__(self, hosts: Hosts[Any], place: str, complain: Callable[[str], None]) -> None:
        super().__init__(place, complain)
        self._hosts = hosts

    def run(self, fill: Fill) -> Result:
        return self._hosts.call(lambda session: _run_pgsql(session, fill), self.kind, self.complain)

    def close(self) -> None:
        self._hosts.close()


def _run_pgsql(session: Any, fill: Fill) -> Result:
    from pyfix.mail.maps.libpq import NoSuchText

    try:
        rows = session.query(fill(session.quote))
    except NoSuchText as error:
        raise QueryFailed(str(error)) from error
    return Result(session.columns, [[_text(value) for value in row] for row in rows])


class SqliteServers(SqlServers):
    """A file, opened for each question: it costs little, and a file that is replaced is seen."""

    kind = "sqlite"

    def __init__(self, path: str, place: str, complain: Callable[[str], None]) -> None:
        super().__init__(place, complain)
        self._path = path

    def run(self, fill: Fill) -> Result:
        query = fill(lambda text: text.replace("'", "''"))
        try:
            database = sqlite3.connect(f"file:{quote(self._path)}?mode=ro", uri=True, timeout=_BUSY_S)
        except sqlite3.Error as error:
            raise TableError(f"open {self._path}: {error}") from error
        try:
            cursor = database.execute(query)
            rows = [[_text(value) for value in row] for row in cursor.fetchall()]
            return Result(tuple(column[0] for column in cursor.description or ()), rows)
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            kind = "open" if "unable to open" in str(error) else "SQL failed"
            raise TableError(f"{kind} {self._path}: {error}") from error
        finally:
            database.close()


def _text(value: object) -> Value:
    """Return a value as text; bytes that are no UTF-8 stay what they are."""
    if value is None:
        return None
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class MysqlLogin:
    """How to connect to MySQL."""

    hosts: Sequence[str]
    """Names, with :port, or paths of sockets."""
    user: str
    password: str
    database: str
    port: str = "3306"
    socket: str = ""
    """Of localhost; the usual one otherwise."""
    tls: Any = None


def mysql_servers(login: MysqlLogin, timeout_s: float, place: str, complain: Callable[[str], None]) -> MysqlServers:
    """Return servers, none of them asked yet; raises ValueError for a host that is none."""
    from pyfix.base.endpoint import Endpoint
    from pyfix.mail.maps.mysql import Access, usual_socket

    access = Access(login.user, login.password, login.database, max(1, int(timeout_s)), login.tls)

    def endpoint(host: str) -> Endpoint:
        if host.startswith("/"):
            return Endpoint.unix(host)
        found = Endpoint.tcp(host, login.port)
        if not found.port.isdigit():
            raise ValueError(f'bad port "{found.port}" in "{host}"')
        return Endpoint.unix(login.socket or usual_socket()) if found.host == "localhost" else found

    return MysqlServers(Hosts([access.host(endpoint(host), host) for host in login.hosts], 1), place, complain)


def pgsql_servers(
    conninfos: Sequence[str], timeout_s: float, place: str, complain: Callable[[str], None]
) -> PgsqlServers:  # fmt: skip
    """Return servers, none of them asked yet; raises ConfigError where the library is missing, ValueError."""
    try:
        libpq = importlib.import_module("pyfix.mail.maps.libpq")
        conninfo = importlib.import_module("psycopg.conninfo")
    except ImportError as error:
        raise ConfigError(
            f"{place}: PostgreSQL needs the Python package psycopg; install it with: pip install 'pyfix[pgsql]'"
        ) from error
    import psycopg

    from pyfix.mail.maps.connections import Connections
    from pyfix.mail.maps.hosts import IDLE_S, Host

    hosts = []
    for text in conninfos:
        try:
            parsed = conninfo.conninfo_to_dict(text, client_encoding="UTF8")
        except psycopg.ProgrammingError as error:
            raise ValueError(" ".join(str(error).replace(text, "...").split())) from error
        name = str(parsed.get("host", "localhost"))
        connect = partial(libpq.Session, conninfo.make_conninfo(**parsed), name, timeout_s)
        hosts.append(Host(name, name.startswith("/"), Connections(connect, libpq.Session.close, ServerDown, IDLE_S)))
    return PgsqlServers(Hosts(hosts, 1), place, complain)

"""Accounts in a MySQL or MariaDB server: ExtMail's own database, as it is.

Settings, connections and what happens when a server is down are those of mysql_table(5). Who writes holds a named
lock, since tables of type MyISAM know no transactions: limits hold, but what fails half-way there stays half done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import pymysql
from pymysql.connections import Connection
from pymysql.constants import ER

from pyfix.mail.accounts.database import Database, Row, Session, Value
from pyfix.mail.accounts.errors import AccountsUnavailable, Duplicate, Refused
from pyfix.mail.accounts.schema import TABLES
from pyfix.mail.maps.hosts import Hosts
from pyfix.mail.maps.mysql import open_hosts, raise_failure
from pyfix.mail.maps.settings import Settings
from pyfix.mail.maps.table import TableError, Warn

R = TypeVar("R")
_LOCK: Final = "CONCAT('pyfix:', MD5(DATABASE()))"
_PATIENCE_S: Final = 10
_CANNOT_CONVERT: Final = 3988
"""ER_CANNOT_CONVERT_STRING of MySQL 8."""
_NOT_THERE: Final = (ER.NO_SUCH_TABLE, ER.TABLEACCESS_DENIED_ERROR)
"""A user without rights to the whole database is told that it may not read what is not there."""
_MODE: Final = "STRICT_ALL_TABLES"
"""The server's own mode may refuse the day 0000-00-00, which means never to everybody who reads these tables."""


class _Session(Session):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def query(self, statement: str, *values: Value, optional: bool = False) -> list[Row]:
        return self._run(statement, values, optional=optional)

    def change(self, statement: str, *values: Value, optional: bool = False) -> None:
        self._run(statement, values, optional=optional)

    def _run(self, statement: str, values: tuple[Value, ...], *, optional: bool) -> list[Row]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement.replace("?", "%s"), values or None)
                return [tuple(map(_text, row)) for row in cursor.fetchall()] if cursor.description else []
        except pymysql.DataError as error:
            raise Refused(f"the database can't hold it: {error.args[1]}") from error
        except (pymysql.Error, OSError) as error:
            if _is_foreign(error) or (optional and error.args[0] in _NOT_THERE):
                return []
            if error.args[0] == ER.DUP_ENTRY:
                raise Duplicate(str(error.args[1])) from error
            raise_failure("accounts", error)


def _is_foreign(error: Exception) -> bool:
    """True when a value has letters that the columns of the tables can't hold, so that no row has it."""
    return error.args[0] == _CANNOT_CONVERT or (
        error.args[0] == ER.CANT_AGGREGATE_2COLLATIONS and "COERCIBLE" in str(error.args[1])
    )


class MysqlDatabase(Database):
    """One database on one or several servers with the same data."""

    blocking = True

    def __init__(self, name: str, settings: Settings, warn: Warn) -> None:
        """Connect nowhere yet; raises ConfigError."""
        self.name = name
        self.owner = settings.stamp.owner if settings.stamp else None
        self._settings = settings
        self._hosts: Hosts[Connection] = open_hosts(settings)
        self._warn = warn

    def read(self, request: Callable[[Session], R]) -> R:
        return self._call(lambda connection: request(_Session(connection)))

    def snapshot(self, request: Callable[[Session], R]) -> R:
        return self._call(lambda connection: _look(_Session(connection), request))

    def write(self, request: Callable[[Session], R]) -> R:
        return self._call(lambda connection: self._transaction(connection, request))

    def _call(self, request: Callable[[Connection], R]) -> R:
        try:
            return self._hosts.call(request, self.name, self._warn)
        except TableError as error:
            raise AccountsUnavailable(f"{error}{_remedy(str(error))}") from error

    def _transaction(self, connection: Connection, request: Callable[[Session], R]) -> R:
        """Carry out a request; the connection is closed if anything is raised, which undoes and unlocks."""
        session = _Session(connection)
        session.change("SET SESSION sql_mode = ?", _MODE)
        if session.query(f"SELECT GET_LOCK({_LOCK}, ?)", _PATIENCE_S) != [("1",)]:
            raise AccountsUnavailable(f"{self.name}: another command is changing accounts; try again")
        session.change("START TRANSACTION")
        result = request(session)
        session.change("COMMIT")
        session.query(f"SELECT RELEASE_LOCK({_LOCK})")
        return result

    def create(self) -> None:
        self.write(_create_tables)

    def has_changed(self) -> bool:
        return self._settings.has_changed()

    def close(self) -> None:
        self._hosts.close()


def _look(session: Session, request: Callable[[Session], R]) -> R:
    session.change("START TRANSACTION WITH CONSISTENT SNAPSHOT")
    result = request(session)
    session.change("COMMIT")
    return result


def _create_tables(session: Session) -> None:
    """Make what is missing; a user who may make no table needs no right to where there is none to make."""
    rows = session.query("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
    there = {(name or "").lower() for (name,) in rows}
    for name, table in TABLES.items():
        if name not in there:
            session.change(table.create(is_mysql=True))


def _text(value: str | bytes | None) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _remedy(text: str) -> str:
    if "doesn't exist" in text:
        return '; make the tables with "pyfix domain add", or correct dbname'
    return ""

"""Requests to the embedded database: on the file of accounts alone, or on both files.

Who sees both reads them as ExtMail's tables, through views that hide the tables of the file of accounts, and writes
each column where it belongs. Who does not see the secrets reads none, and can write none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from pyfix.mail.accounts.database import Row, Session, Value
from pyfix.mail.accounts.errors import AccountsUnavailable, Duplicate
from pyfix.mail.accounts.migrations import SPLIT, secret_table
from pyfix.mail.accounts.schema import Table
from pyfix.mail.accounts.vault import Vault, address_of

_MAIN: Final = "main"
_VAULT: Final = "vault"


class SqliteSession(Session):
    """On a file of an old release, which has everything."""

    def __init__(self, name: str, connection: sqlite3.Connection) -> None:
        self._name = name
        self._connection = connection

    def query(self, statement: str, *values: Value, optional: bool = False) -> list[Row]:
        try:
            found = self._run(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            if optional and "no such table" in str(error):
                return []
            raise
        return [tuple(None if value is None else str(value) for value in row) for row in found]

    def change(self, statement: str, *values: Value, optional: bool = False) -> None:
        try:
            self._run(statement, values)
        except sqlite3.OperationalError as error:
            if not optional or "no such table" not in str(error):
                raise

    def _run(self, statement: str, values: tuple[Value, ...]) -> sqlite3.Cursor:
        with _refusals(self._name):
            return self._connection.execute(statement, values)


class BlindSession(SqliteSession):
    """Without the secrets."""

    def insert(self, table: Table, values: Mapping[str, Value]) -> None:
        super().insert(table, self._public(table, values))

    def update(self, table: Table, values: Mapping[str, Value], *key: str) -> None:
        super().update(table, self._public(table, values), *key)

    def _public(self, table: Table, values: Mapping[str, Value]) -> dict[str, Value]:
        public, secret = _split(table, values)
        if any(secret.values()) or not public:
            raise AccountsUnavailable(
                f"{self._name}: stored passwords are not for this user: be root, or who has main.cf"
            )
        return public


class SplitSession(SqliteSession):
    """With the secrets, in their own file."""

    def __init__(self, name: str, connection: sqlite3.Connection, vault: Vault) -> None:
        super().__init__(name, connection)
        self._vault = vault
        self._removed: set[tuple[str, str]] = set()
        self.touched: dict[tuple[str, str], Table] = {}
        """Accounts that had other secrets before."""

    def insert(self, table: Table, values: Mapping[str, Value]) -> None:
        if table.is_secret:
            self._write(table.insert(values), values.values())
            return
        public, secret = _split(table, values)
        if table.secrets:
            key = str(values[table.key[0]])
            if (table.name, key) not in self._removed:
                self._vault.forget(table, key, 0)
            public["secret"] = self._put(table, key, secret)
        super().insert(_own(table), public)

    def update(self, table: Table, values: Mapping[str, Value], *key: str) -> None:
        if table.is_secret:
            self._write(table.update(values), (*values.values(), *key))
            return
        public, secret = _split(table, values)
        if secret:
            self._touch(table, key[0])
            before = self._vault.get(table, key[0], number_of(self._connection, table, key[0]))
            public["secret"] = self._put(table, key[0], before | secret)
        super().update(_own(table), public, *key)

    def delete(self, table: Table, *key: str, optional: bool = False) -> None:
        if table.is_secret:
            self._write(table.delete(len(key)), key)
            return
        if table.secrets:
            self._touch(table, key[0])
            self._removed.add((table.name, key[0]))
        super().delete(_own(table), *key)

    def _touch(self, table: Table, key: str) -> None:
        self.touched[table.name, key] = table

    def _put(self, table: Table, key: str, values: Mapping[str, Value]) -> int:
        with _refusals(self._name):
            return self._vault.put(table, key, values)

    def _write(self, statement: str, values: Iterable[Value]) -> None:
        with _refusals(self._name):
            self._vault.change(statement, values)


class _refusals:
    """What is told of values that can't be."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.IntegrityError):
            raise Duplicate(f"{self._name}: {error}") from error
        if isinstance(error, UnicodeEncodeError):
            raise AccountsUnavailable(f"{self._name}: a value is no text") from None


def attach(connection: sqlite3.Connection, vault: Vault) -> None:
    """Have a connection read the accounts with their secrets."""
    connection.execute(f"ATTACH DATABASE ? AS {_VAULT}", (address_of(vault.path),))
    for table in SPLIT:
        columns = (
            f"coalesce(s.{column}, '') AS {column}" if column in table.secrets else f"a.{column} AS {column}"
            for column in table.columns
        )
        connection.execute(
            f"CREATE TEMP VIEW {table.name} AS SELECT {', '.join(columns)} FROM {_MAIN}.{table.name} AS a"
            f" LEFT JOIN {_VAULT}.{secret_table(table)} AS s ON s.username = a.username AND s.id = a.secret"
        )


def find_lost(connection: sqlite3.Connection) -> list[str]:
    """Return the accounts that name a row with passwords that is not there."""
    found: list[str] = []
    for table in SPLIT:
        own, secrets = _own(table).name, f"{_VAULT}.{secret_table(table)}"
        rows = connection.execute(
            f"SELECT a.username FROM {own} AS a LEFT JOIN {secrets} AS s ON s.username = a.username AND s.id = a.secret"
            " WHERE a.secret <> 0 AND s.id IS NULL ORDER BY a.username"
        )
        found += [username for (username,) in rows.fetchall()]
    return found


def move_secrets(connection: sqlite3.Connection, vault: Vault) -> None:
    """Move what lets somebody in out of the file of accounts, which was made by an old release."""
    for table in SPLIT:
        own = _own(table)
        names = ", ".join((*table.key, *table.secrets))
        condition = " OR ".join(f"{column} <> ''" for column in table.secrets)
        emptied = own.update((*table.secrets, "secret"))
        for key, *values in connection.execute(f"SELECT {names} FROM {own.name} WHERE {condition}").fetchall():
            vault.forget(table, key, 0)
            number = vault.put(table, key, dict(zip(table.secrets, values, strict=True)))
            connection.execute(emptied, (*("" for _ in table.secrets), number, key))


def tidy(connection: sqlite3.Connection, vault: Vault, touched: Mapping[tuple[str, str], Table]) -> None:
    """Remove the secrets that accounts had before; nobody else of pyfix's may be writing meanwhile."""
    for (_, key), table in touched.items():
        vault.forget(table, key, number_of(connection, table, key))


def number_of(connection: sqlite3.Connection, table: Table, key: str) -> int:
    """Return the number of the row with the passwords of an account, 0 if there is none."""
    found = connection.execute(_own(table).select_one(("secret",)), (key,)).fetchone()
    return int(found[0]) if found else 0


def _own(table: Table) -> Table:
    """Return the table as it is in the file of accounts, which the view hides."""
    return table.within(_MAIN)


def _split(table: Table, values: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the columns that all may see, and the others."""
    sides: tuple[Callable[[str], bool], ...] = (lambda c: c not in table.secrets, lambda c: c in table.secrets)
    public, secret = ({column: value for column, value in values.items() if side(column)} for side in sides)
    return public, secret

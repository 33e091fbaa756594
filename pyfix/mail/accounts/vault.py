"""The file of secrets: what lets somebody in, beside the embedded database and out of reach for who delivers mail.

    accounts.db                      mail_owner's: every process of the mail system looks here
    accounts.db.secrets/secrets.db   the keeper's: auth and commands look here, too

The keeper is who has main.cf: root in a system, the one user of a private instance. The directory is the keeper's
alone, since the one above belongs to mail_owner: who may put a file where the library expects its journal would read
from there what is written, or decide what is read.

Two files can't change in one instant. A row with passwords therefore has a number, which the row of the account names.
A change writes a row with a new number here, and has it on disk before the account names it: what counts is decided by
the file of accounts alone, at any moment in which the process may be killed. Rows that nobody names are of no use, and
go afterwards. See: sqlite.py.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from pyfix.base.atomic import sync_directory
from pyfix.mail.accounts.database import Value
from pyfix.mail.accounts.errors import AccountsUnavailable
from pyfix.mail.accounts.migrations import VAULT_MIGRATIONS, VAULT_VERSION, secret_table
from pyfix.mail.accounts.schema import Table

SECRETS: Final = ".secrets"
"""How the name of the directory ends; the beginning is that of the database."""
_FILE: Final = "secrets.db"
_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_BUSY_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where the secrets of an embedded database are, and whose they are."""

    directory: str
    keeper: int
    """User id of who has main.cf."""

    @property
    def path(self) -> str:
        """The file."""
        return f"{self.directory}/{_FILE}"

    @property
    def is_ours(self) -> bool:
        """True for who may see stored passwords."""
        return os.geteuid() in (0, self.keeper)

    def make(self) -> None:
        """Make the directory and an empty file where there are none; raises OSError, AccountsUnavailable."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.directory, _DIRECTORY_MODE)
        self.check()
        if os.geteuid() == 0:
            os.chown(self.directory, self.keeper, -1, follow_symlinks=False)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
        try:
            if os.geteuid() == 0:
                os.fchown(fd, self.keeper, -1)
        finally:
            os.close(fd)
        sync_directory(self.directory)
        sync_directory(os.path.dirname(self.directory))

    def check(self) -> int:
        """Return the directory's inode; raises OSError, and AccountsUnavailable where others could change it."""
        found = os.lstat(self.directory)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (0, self.keeper):
            raise AccountsUnavailable(
                f"{self.directory}: not a directory of user id {self.keeper}, who has main.cf;"
                f" if it is good, chown -R {self.keeper} {self.directory}"
            )
        if found.st_mode & _OTHERS:
            raise AccountsUnavailable(f"{self.directory}: not for its owner alone; chmod 700 {self.directory}")
        return found.st_ino


class Vault:
    """The file, open for changes: each of which counts once an account names it."""

    def __init__(self, keeping: Keeping) -> None:
        """Open the file; raises OSError, sqlite3.Error, AccountsUnavailable."""
        self.path = keeping.path
        inode = keeping.check()
        os.stat(keeping.path)
        self._connection = connect(keeping.path)
        if keeping.check() != inode:
            self.close()
            raise AccountsUnavailable(f"{keeping.directory}: changed while it was opened")
        self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self.begin()
        version = version_of(self._connection)
        if version > VAULT_VERSION:
            self.rollback()
            raise AccountsUnavailable(
                f"{self.path} was written by a later release (version {version}); this one knows {VAULT_VERSION}"
            )
        for statements in VAULT_MIGRATIONS[version:]:
            for statement in statements:
                self._connection.execute(statement)
        if version < VAULT_VERSION:
            self._connection.execute(f"PRAGMA user_version = {VAULT_VERSION:d}")
        self.commit()

    def begin(self) -> None:
        """Begin a change, unless one has begun."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Have on disk what was written."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Forget what was written."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def put(self, table: Table, key: str, values: Mapping[str, Value]) -> int:
        """Write a row with passwords and return its number; 0 where there are none."""
        if not any(values.values()):
            return 0
        number = secrets.randbits(62) + 1
        columns = ("username", "id", *values)
        marks = ", ".join("?" for _ in columns)
        # Names of tables and columns are the schema's; values are bound.
        statement = f"INSERT INTO {secret_table(table)} ({', '.join(columns)}) VALUES ({marks})"
        self.change(statement, (key, number, *values.values()))
        return number

    def get(self, table: Table, key: str, number: int) -> dict[str, Value]:
        """Return the passwords in a row."""
        statement = f"SELECT {', '.join(table.secrets)} FROM {secret_table(table)} WHERE username = ? AND id = ?"
        found = self._connection.execute(statement, (key, number)).fetchone()
        return dict(zip(table.secrets, found, strict=True)) if found else {}

    def forget(self, table: Table, key: str, but: int) -> None:
        """Remove the rows of an account that it does not name."""
        self.change(f"DELETE FROM {secret_table(table)} WHERE username = ? AND id <> ?", (key, but))

    def change(self, statement: str, values: Iterable[Value]) -> None:
        """Carry out a statement as part of the change that has begun."""
        self.begin()
        self._connection.execute(statement, tuple(values))

    def close(self) -> None:
        """Give back what is open."""
        self._connection.close()


def connect(path: str) -> sqlite3.Connection:
    """Open an existing file; raises sqlite3.Error."""
    connection = sqlite3.connect(
        address_of(path), uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA cache_spill = OFF")
    return connection


def address_of(path: str) -> str:
    """Return a file's name for SQLite, which makes no file by this name."""
    return f"file:{quote(path)}?mode=rw"


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version that a file says it has; raises sqlite3.Error."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])

"""Accounts in an SQLite file: what there is without a database server.

The file is in write-ahead mode, so that a lookup never waits for who writes, and may be killed at any moment. It holds
stored passwords: only its owner, mail_owner, may read it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Final, TypeVar
from urllib.parse import quote

from pyfix.base.accounts import find_user
from pyfix.base.failure import words_for
from pyfix.mail.accounts.database import Database, Row, Session, Value
from pyfix.mail.accounts.errors import AccountsUnavailable, Duplicate
from pyfix.mail.accounts.schema import MIGRATIONS, VERSION

R = TypeVar("R")
_BUSY_S: Final = 10.0
_MODE: Final = 0o600


class _Session:
    def __init__(self, name: str, connection: sqlite3.Connection) -> None:
        self._name = name
        self._connection = connection

    def query(self, statement: str, *values: Value) -> list[Row]:
        found = self._run(statement, values).fetchall()
        return [tuple(None if value is None else str(value) for value in row) for row in found]

    def change(self, statement: str, *values: Value) -> int:
        return self._run(statement, values).rowcount

    def _run(self, statement: str, values: tuple[Value, ...]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, values)
        except sqlite3.IntegrityError as error:
            raise Duplicate(f"{self._name}: {error}") from error
        except UnicodeEncodeError:
            raise AccountsUnavailable(f"{self._name}: a value is no text") from None


class SqliteDatabase(Database):
    """One file."""

    blocking = False

    def __init__(self, name: str, path: str) -> None:
        """Open the file; raises AccountsUnavailable, also for one that this release can't read."""
        self.name = name
        self._path = path
        self._lock = threading.Lock()
        with self._failures():
            status = os.stat(path)
            self._inode, self.owner = status.st_ino, status.st_uid
            self._connection = _connect(path)
            self._check_version()

    def _check_version(self) -> None:
        version = _version(self._connection)
        if version > VERSION:
            raise AccountsUnavailable(
                f"{self.name} was written by a later release (version {version}); this one knows version {VERSION}"
            )

    def read(self, request: Callable[[Session], R]) -> R:
        with self._lock, self._failures():
            return request(_Session(self.name, self._connection))

    def snapshot(self, request: Callable[[Session], R]) -> R:
        return self._transaction("BEGIN", request)

    def write(self, request: Callable[[Session], R]) -> R:
        return self._transaction("BEGIN IMMEDIATE", request)

    def _transaction(self, begin: str, request: Callable[[Session], R]) -> R:
        with self._lock, self._failures():
            self._connection.execute(begin)
            try:
                result = request(_Session(self.name, self._connection))
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            return result

    def create(self) -> None:
        with self._lock, self._failures():
            self._connection.execute("PRAGMA journal_mode = WAL")
        self.write(self._migrate)

    def _migrate(self, session: Session) -> None:
        version = _version(self._connection)
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                session.change(statement)
            version += 1
            self._connection.execute(f"PRAGMA user_version = {version:d}")

    def has_changed(self) -> bool:
        try:
            return os.stat(self._path).st_ino != self._inode
        except OSError:
            return False

    def close(self) -> None:
        self._connection.close()

    def __del__(self) -> None:
        """A table that nobody has any more leaves nothing open."""
        connection = getattr(self, "_connection", None)  # none where the file could not be opened
        if connection is not None:
            connection.close()

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Say what the library or the system says, with the remedy where there is a usual one."""
        try:
            yield
        except sqlite3.Error as error:
            raise AccountsUnavailable(f"{self.name}: {error}{_remedy(str(error))}") from error
        except OSError as error:
            raise AccountsUnavailable(f"{self.name}: {words_for(error)}{_remedy(words_for(error))}") from error


def create_file(path: str, owner: str) -> None:
    """Make an empty file for the user who runs the mail system, unless there is one; raises OSError."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    except FileExistsError:
        return
    try:
        user = find_user(owner) if os.geteuid() == 0 else None
        if user is not None:
            os.fchown(fd, user.pw_uid, user.pw_gid)
    finally:
        os.close(fd)


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(path)}?mode=rw", uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA cache_spill = OFF")
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _remedy(text: str) -> str:
    if "no such table" in text or "No such file" in text:
        return '; make it with "pyfix domain add"'
    if "unable to open" in text or "readonly" in text or "Permission" in text:
        return "; only root and mail_owner may read and write it"
    return ""

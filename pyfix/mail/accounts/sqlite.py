"""Accounts in SQLite files: what there is without a database server.

Two files, both in write-ahead mode, so that a lookup never waits for who writes: accounts.db, which mail_owner reads,
and the file of secrets (vault.py). Each change is on disk there first and then in accounts.db, which decides; the
process may be killed at any moment.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from pyfix.base.accounts import find_user
from pyfix.base.failure import words_for
from pyfix.mail.accounts.database import Database, Session
from pyfix.mail.accounts.errors import AccountsUnavailable
from pyfix.mail.accounts.migrations import MIGRATIONS, SPLIT_VERSION, VERSION
from pyfix.mail.accounts.sqlite_session import (
    BlindSession,
    SplitSession,
    SqliteSession,
    attach,
    find_lost,
    move_secrets,
    tidy,
)
from pyfix.mail.accounts.vault import Keeping, Vault, connect, version_of

R = TypeVar("R")
_MODE: Final = 0o600


class SqliteDatabase(Database):
    """The file of accounts, and that of secrets for who may see it."""

    blocking = False

    def __init__(self, name: str, path: str, keeping: Keeping | None = None, *, create: bool = False) -> None:
        """Open the file; raises AccountsUnavailable, also for one that this release can't read.

        keeping: None for who does not want to see secrets. Who does, and may, brings an old file up to date.
        create: make the file of secrets if it is lost.
        """
        self.name = name
        self._path = path
        self._keeping = keeping if keeping is not None and keeping.is_ours else None
        self._vault: Vault | None = None
        self._lock = threading.Lock()
        with self._failures():
            status = os.stat(path)
            self._inode, self.owner = status.st_ino, status.st_uid
            self._connection = connect(path)
            version = self._checked_version()
            if version and self._keeping is not None:
                self._open_vault(create=create or version < SPLIT_VERSION)

    @property
    def keeps_secrets(self) -> bool:
        return self._vault is not None or self._checked_version() < SPLIT_VERSION

    def lost_secrets(self) -> list[str]:
        if self._vault is None:
            return []
        with self._lock, self._failures():
            return find_lost(self._connection)

    def _checked_version(self) -> int:
        version = version_of(self._connection)
        if version > VERSION:
            raise AccountsUnavailable(
                f"{self.name} was written by a later release (version {version}); this one knows version {VERSION}"
            )
        return version

    def _open_vault(self, *, create: bool) -> None:
        """Open the file of secrets, and bring both files up to date; raises what _failures tells of."""
        assert self._keeping is not None
        if create:
            self._keeping.make()
        vault = Vault(self._keeping)
        try:
            self._migrate(vault)
            attach(self._connection, vault)
        except BaseException:
            vault.close()
            raise
        self._vault = vault

    def read(self, request: Callable[[Session], R]) -> R:
        with self._lock, self._failures():
            return request(self._session())

    def snapshot(self, request: Callable[[Session], R]) -> R:
        with self._lock, self._failures(), self._one_moment():
            return request(self._session())

    def write(self, request: Callable[[Session], R]) -> R:
        with self._lock, self._failures():
            with self._change(self._vault):
                session = self._session()
                result = request(session)
            if isinstance(session, SplitSession) and session.touched and self._vault is not None:
                with self._change(self._vault):
                    tidy(self._connection, self._vault, session.touched)
            return result

    def _session(self) -> SqliteSession:
        if self._vault is not None:
            return SplitSession(self.name, self._connection, self._vault)
        is_old = self._checked_version() < SPLIT_VERSION
        return (SqliteSession if is_old else BlindSession)(self.name, self._connection)

    @contextlib.contextmanager
    def _change(self, vault: Vault | None) -> Iterator[None]:
        """Carry out a change whole or not at all: the secrets are on disk before the accounts name them."""
        # BEGIN IMMEDIATE would lock an attached file, too, against the connection that writes it.
        self._connection.execute("BEGIN" if self._vault is not None else "BEGIN IMMEDIATE")
        try:
            if self._vault is not None:
                self._connection.execute("DELETE FROM main.domain WHERE 0")
            yield
            if vault is not None:
                vault.commit()
            self._connection.execute("COMMIT")
        except BaseException:
            if vault is not None:
                vault.rollback()
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _one_moment(self) -> Iterator[None]:
        """Have all queries see both files as they were when nobody was writing."""
        try:
            with contextlib.closing(connect(self._path)) as gate:
                gate.execute("BEGIN IMMEDIATE")
                self._connection.execute("BEGIN")
                for table in ("main.domain", "vault.app_password")[: 2 if self._vault is not None else 1]:
                    self._connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
                gate.execute("ROLLBACK")
            yield
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def create(self) -> None:
        with self._lock, self._failures():
            self._connection.execute("PRAGMA journal_mode = WAL")
            if self._vault is None and self._keeping is not None:
                self._open_vault(create=True)
            elif self._vault is None:
                self._migrate(None)

    def _migrate(self, vault: Vault | None) -> None:
        """Bring the file up to date; without the secrets only as far as they are not concerned."""
        if version_of(self._connection) < SPLIT_VERSION:
            with self._change(vault):
                first = version_of(self._connection)
                last = SPLIT_VERSION if vault is not None or not first else SPLIT_VERSION - 1
                for number in range(first, last):
                    self._step(number, vault)
                if not first:
                    self._connection.execute(f"PRAGMA user_version = {VERSION:d}")
        if version_of(self._connection) == SPLIT_VERSION and vault is not None:
            self._scrub()

    def _step(self, number: int, vault: Vault | None) -> None:
        for statement in MIGRATIONS[number]:
            self._connection.execute(statement)
        if number + 1 == SPLIT_VERSION and vault is not None:
            move_secrets(self._connection, vault)
        self._connection.execute(f"PRAGMA user_version = {number + 1:d}")

    def _scrub(self) -> None:
        """Leave nothing of what was moved in pages that are free, or in the journal; later, if somebody is reading."""
        self._connection.execute("VACUUM")
        is_busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not is_busy:
            self._connection.execute(f"PRAGMA user_version = {VERSION:d}")

    def has_changed(self) -> bool:
        try:
            return os.stat(self._path).st_ino != self._inode
        except OSError:
            return False

    def close(self) -> None:
        self._connection.close()
        if self._vault is not None:
            self._vault.close()

    def __del__(self) -> None:
        """A table that nobody has any more leaves nothing open."""
        connection = getattr(self, "_connection", None)  # none where the file could not be opened
        if connection is not None:
            self.close()

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Say what the library or the system says, with the remedy where there is a usual one."""
        try:
            yield
        except sqlite3.Error as error:
            raise AccountsUnavailable(f"{self.name}: {error}{_remedy(str(error))}") from error
        except OSError as error:
            raise AccountsUnavailable(f"{self._name_of(error)}: {words_for(error)}{self._remedy(error)}") from error

    def _name_of(self, error: OSError) -> str:
        return str(error.filename) if self._is_of_vault(error) else self.name

    def _remedy(self, error: OSError) -> str:
        if not self._is_of_vault(error):
            return _remedy(words_for(error))
        if isinstance(error, FileNotFoundError):
            return f'; restore it with {self._path}, or make it anew, without passwords, with "pyfix domain add"'
        return "; only root, or who has main.cf, may read and write it"

    def _is_of_vault(self, error: OSError) -> bool:
        return self._keeping is not None and str(error.filename or "").startswith(self._keeping.directory)


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


def _remedy(text: str) -> str:
    if "no such table" in text or "No such file" in text:
        return '; make it with "pyfix domain add"'
    if "unable to open" in text or "readonly" in text or "Permission" in text:
        return "; only root and mail_owner may read and write it"
    return ""

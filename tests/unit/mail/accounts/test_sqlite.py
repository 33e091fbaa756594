"""The embedded file: made, brought up to date, and what is wrong with it told."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

import pytest

from pyfix.mail.accounts import AccountsUnavailable, Domain, Store, open_store
from pyfix.mail.accounts import sqlite as module
from pyfix.mail.accounts.schema import MIGRATIONS, VERSION
from pyfix.mail.config import Config, ConfigError


def config(path: Path, name: str = "accounts.db") -> Config:
    """A configuration whose accounts are below a directory."""
    return Config.from_text(f"data_directory = {path}\naccounts_database = sqlite:$data_directory/{name}\n")


def version(path: Path) -> int:
    """The version that the file says it has."""
    database = sqlite3.connect(path)
    found = database.execute("PRAGMA user_version").fetchone()[0]
    database.close()
    return int(found)


def test_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """It holds stored passwords."""
    store = open_store(config(tmp_path), create=True)
    store.domains.add(Domain("x.test"))
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
    store.close()
    assert version(tmp_path / "accounts.db") == VERSION
    assert [domain.name for domain in open_store(config(tmp_path)).domains.all()] == ["x.test"]


def test_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    """Who only looks makes none."""
    with pytest.raises(AccountsUnavailable, match=r'accounts.db: No such file or directory; make it with "pyfix'):
        open_store(config(tmp_path))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(AccountsUnavailable, match="No such file or directory; make its directory first"):
        open_store(config(tmp_path / "none"), create=True)


@pytest.mark.parametrize("content", [b"no database, but long enough to be one" * 50, b"SQLite format 3\0"])
def test_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    """And left as it is."""
    path = tmp_path / "accounts.db"
    path.write_bytes(content)
    with pytest.raises(AccountsUnavailable, match=r"accounts\.db: file is not a database"):
        open_store(config(tmp_path), create=True)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "value", ["accounts.db", "sqlite:accounts.db", "sqlite:", "pgsql:/x", "mysql:", "mysql:prefix"]
)
def test_database_that_there_is_not_is_a_mistake_of_main_cf(value: str) -> None:
    """The message names the parameter and what it may be."""
    with pytest.raises(ConfigError, match=r"main.cf, line 1: accounts_database: bad value .*; specify sqlite:/file or"):
        open_store(Config.from_text(f"accounts_database = {value}\n"))


def test_later_release_is_not_misread(tmp_path: Path) -> None:
    """What it means by its tables is unknown here."""
    open_store(config(tmp_path), create=True).close()
    database = sqlite3.connect(tmp_path / "accounts.db")
    database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    with pytest.raises(AccountsUnavailable, match=rf"was written by a later release \(version {VERSION + 1}\)"):
        open_store(config(tmp_path), create=True)


def make_old(path: Path) -> None:
    """Make a file as the first release made it, with a manager that has a domain twice."""
    database = sqlite3.connect(path)
    for statement in MIGRATIONS[0]:
        database.execute(statement)
    database.execute("INSERT INTO domain (domain) VALUES ('x.test')")
    database.executemany("INSERT INTO domain_manager (username, domain) VALUES (?, 'x.test')", [("a@b",), ("a@b",)])
    database.execute("PRAGMA user_version = 1")
    database.commit()
    database.close()


def test_old_file_is_brought_up_to_date_by_who_writes(tmp_path: Path) -> None:
    """Who reads uses it as it is."""
    make_old(tmp_path / "accounts.db")
    assert [domain.name for domain in open_store(config(tmp_path)).domains.all()] == ["x.test"]
    assert version(tmp_path / "accounts.db") == 1
    store = open_store(config(tmp_path), create=True)
    assert version(tmp_path / "accounts.db") == VERSION
    assert store.database.read(lambda session: session.query("SELECT COUNT(*) FROM domain_manager")) == [("1",)]


@pytest.mark.parametrize("start", [0, 1])
def test_kill_in_the_middle_of_a_migration_loses_nothing(tmp_path: Path, start: int) -> None:
    """The file is of the old version, whole, and the next command brings it up to date."""
    path = tmp_path / "accounts.db"
    if start:
        make_old(path)
    child = os.fork()
    if child == 0:
        store_migrations = list(module.MIGRATIONS)
        store_migrations[-1] = (*store_migrations[-1][:2], "SELECT no_such_function()")
        module.MIGRATIONS = tuple(store_migrations)  # type: ignore[misc]  # in the child alone
        module._Session.change = dying(module._Session.change)  # type: ignore[method-assign]  # in the child alone
        open_store(config(tmp_path), create=True)
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert version(path) == start
    store = open_store(config(tmp_path), create=True)
    assert version(path) == VERSION
    assert [domain.name for domain in store.domains.all()] == ["x.test"][:start]
    assert store.database.read(lambda session: session.query("PRAGMA integrity_check")) == [("ok",)]


def dying(change):  # type: ignore[no-untyped-def]  # of a private class
    """Die where the changed migration calls what is not there."""

    def wrapped(self, statement, *values):  # type: ignore[no-untyped-def]  # as above
        if "no_such_function" in statement:
            os.kill(os.getpid(), signal.SIGKILL)
        return change(self, statement, *values)

    return wrapped


def test_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    """A lookup is answered while a command is in the middle of its changes."""
    writer = open_store(config(tmp_path), create=True)
    writer.domains.add(Domain("x.test"))
    reader: Store = open_store(config(tmp_path))

    def look(session: object) -> list[str]:
        session.change("DELETE FROM domain")  # type: ignore[attr-defined]  # a Session
        return [domain.name for domain in reader.domains.all()]

    assert writer.database.write(look) == ["x.test"]
    assert reader.domains.all() == []


def test_table_notices_another_file_in_its_place(tmp_path: Path) -> None:
    """A restored copy: the process starts anew."""
    store = open_store(config(tmp_path), create=True)
    assert not store.database.has_changed()
    other = open_store(config(tmp_path, "other.db"), create=True)
    other.close()
    os.rename(tmp_path / "other.db", tmp_path / "accounts.db")
    assert store.database.has_changed()

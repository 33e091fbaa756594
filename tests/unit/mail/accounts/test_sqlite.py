"""The embedded file: made, brought up to date, and what is wrong with it told."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from pyfix.mail.accounts import AccountsUnavailable, Domain, Store, open_store
from pyfix.mail.accounts.migrations import VERSION
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
    for path in (*tmp_path.glob("accounts.db*"), *tmp_path.glob("*/*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
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

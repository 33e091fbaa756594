"""The kinds of accounts databases that one contract holds for: the embedded file, a server's tables made by pyfix, and
ExtMail's own, as an old installation has them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import extmail
import pytest
from databases import Database, mariadb, mariadb_run

from pyfix.mail.accounts.schema import TABLES
from pyfix.mail.config import Config

MARIADB = pytest.mark.peer("mariadbd", "mariadb-install-db")
KINDS = ("sqlite", pytest.param("mariadb", marks=MARIADB), pytest.param("extmail", marks=MARIADB))
_NUMBERS = itertools.count()


@contextlib.contextmanager
def server(need: Callable[[str], str]) -> Iterator[Database]:
    """A MariaDB in which the user mail may make databases."""
    with mariadb(need) as database:
        for host in ("localhost", "127.0.0.1"):
            mariadb_run(database.path, f"GRANT ALL ON *.* TO mail@'{host}'")
        yield database


def new_database(server: Database, kind: str) -> str:
    """Make a database with the tables of a kind, and return its name."""
    name = f"accounts{next(_NUMBERS)}"
    mariadb_run(server.path, f"CREATE DATABASE {name} CHARACTER SET {'utf8mb4' if kind == 'mariadb' else 'latin1'}")
    if kind == "mariadb":
        statements = [table.create(is_mysql=True) for table in TABLES.values()]
    else:
        statements = [statement.replace("TYPE=", "ENGINE=") for statement in extmail.TABLES]
    for statement in statements:
        mariadb_run(server.path, statement, database=name)
    return name


def settings(server: Database, name: str, folder: Path) -> Path:
    """Write the file that accounts_database = mysql:... names."""
    path = folder / f"{name}.cf"
    path.write_text(f"hosts = unix:{server.path}\nuser = mail\npassword = secret\ndbname = {name}\n")
    return path


def config(kind: str, server: Callable[[], Database], folder: Path) -> Config:
    """Return a configuration with empty accounts of a kind."""
    if kind == "sqlite":
        return Config.from_text(f"accounts_database = sqlite:{folder}/accounts.db\n")
    running = server()
    return Config.from_text(f"accounts_database = mysql:{settings(running, new_database(running, kind), folder)}\n")

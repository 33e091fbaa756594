"""The MariaDB of scripts/bench: private, in a directory of its own, with ExtMail's columns."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import databases

_COLUMNS = "username varchar(255) PRIMARY KEY, password varchar(255), maildir varchar(255), active smallint DEFAULT 1"


@dataclass(frozen=True)
class Database:
    """Where it listens, and as whom to log in."""

    host: str
    port: int
    user: str = "mail"
    password: str = "secret"
    name: str = "mail"


def find_program(name: str) -> str:
    """Return the path of a program; MariaDB's are in sbin."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/lib/mysql")
    if found is None:
        raise SystemExit(f"bench: {name} is missing; on Debian: apt-get install mariadb-server")
    return found


@contextlib.contextmanager
def mail_database(accounts: list[tuple[str, str, str]], domains: list[str]) -> Iterator[Database]:
    """Run it with the tables mailbox, alias and domain; accounts are (username, password, maildir)."""
    with databases.mariadb(find_program, "--max-connections=400", "--innodb-flush-log-at-trx-commit=2") as server:
        for statement in (
            f"CREATE TABLE mailbox ({_COLUMNS})",
            "CREATE TABLE alias (address varchar(255) PRIMARY KEY, goto varchar(255), active smallint DEFAULT 1)",
            "CREATE TABLE domain (domain varchar(255) PRIMARY KEY, active smallint DEFAULT 1)",
        ):
            databases.mariadb_run(server.path, statement, database="mail")
        insert = "INSERT INTO mailbox (username, password, maildir) VALUES (%s, %s, %s)"
        databases.mariadb_run(server.path, insert, list(accounts), database="mail")
        databases.mariadb_run(
            server.path, "INSERT INTO domain (domain) VALUES (%s)", [(name,) for name in domains], database="mail"
        )
        yield Database("127.0.0.1", server.port)

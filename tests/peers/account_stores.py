"""The kinds of accounts databases that one contract holds for: the embedded file, a server's tables made by pyfix, and
ExtMail's own, as an old installation has them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import Database, mariadb, mariadb_run

from pyfix.mail.accounts.schema import TABLES
from pyfix.mail.config import Config

MARIADB = pytest.mark.peer("mariadbd", "mariadb-install-db")
KINDS = ("sqlite", pytest.param("mariadb", marks=MARIADB), pytest.param("extmail", marks=MARIADB))
_V = "VARCHAR(255) NOT NULL DEFAULT ''"
_FLAGS = ", ".join(
    f"disable{name} SMALLINT(1) DEFAULT NULL" for name in ("smtpd", "smtp", "webmail", "netdisk", "imap", "pop3")
)
_DATES = "createdate DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', expiredate DATE NOT NULL DEFAULT '0000-00-00'"
_ACTIVE = "active TINYINT(1) NOT NULL DEFAULT '1'"
EXTMAIL = (
    f"CREATE TABLE manager (username {_V}, password {_V}, type VARCHAR(64) NOT NULL DEFAULT 'postmaster', uid {_V},"
    f" name {_V}, question TEXT NOT NULL, answer TEXT NOT NULL, disablepwdchange SMALLINT(1) DEFAULT NULL, {_DATES},"
    f" {_ACTIVE}, PRIMARY KEY (username), KEY username (username))",
    f"CREATE TABLE alias (address {_V}, goto TEXT NOT NULL, domain {_V},"
    f" createdate DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', {_ACTIVE}, PRIMARY KEY (address))",
    f"CREATE TABLE domain (domain {_V}, description {_V}, hashdirpath {_V}, maxalias INT(10) NOT NULL DEFAULT '0',"
    " maxusers INT(10) NOT NULL DEFAULT '0', maxquota VARCHAR(16) NOT NULL DEFAULT '0',"
    " maxnetdiskquota VARCHAR(16) NOT NULL DEFAULT '0', transport VARCHAR(255) DEFAULT NULL,"
    " can_signup TINYINT(1) NOT NULL DEFAULT '0', default_quota VARCHAR(255) DEFAULT NULL,"
    f" default_netdiskquota VARCHAR(255) DEFAULT NULL, default_expire VARCHAR(12) DEFAULT NULL, {_FLAGS}, {_DATES},"
    f" {_ACTIVE}, PRIMARY KEY (domain))",
    f"CREATE TABLE domain_manager (username {_V}, domain {_V},"
    f" createdate DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', {_ACTIVE}, KEY username (username))",
    f"CREATE TABLE mailbox (username {_V}, uid {_V}, password {_V}, clearpwd VARCHAR(128) NOT NULL DEFAULT '',"
    f" name {_V}, mailhost {_V}, maildir {_V}, homedir {_V}, quota VARCHAR(16) NOT NULL DEFAULT '0',"
    f" netdiskquota VARCHAR(16) NOT NULL DEFAULT '0', domain {_V}, uidnumber INT(6) NOT NULL DEFAULT '1000',"
    f" gidnumber INT(6) NOT NULL DEFAULT '1000', {_DATES}, active SMALLINT(1) NOT NULL DEFAULT '1',"
    f" disablepwdchange SMALLINT(1) DEFAULT NULL, {_FLAGS}, question TEXT NOT NULL, answer TEXT NOT NULL,"
    " PRIMARY KEY (username))",
)
"""ExtMail's tables, as people make them on a server of today: without the defaults of texts that it refuses."""
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
        statements = [f"{statement} ENGINE=MyISAM" for statement in EXTMAIL]
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

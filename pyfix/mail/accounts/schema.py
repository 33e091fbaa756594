"""ExtMail's tables: their columns, and how they are made in the embedded file and in a MySQL or MariaDB server.

Column order is ExtMail's, since its own files insert without naming columns. app_password is pyfix's own: ExtMail does
not know it, and leaves it alone. The embedded file carries a version (see migrations.py). A server's tables have no
version: they are used as they are, and made only where there are none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final


class Kind(Enum):
    """What a column holds; the values are the types in SQLite and in MySQL."""

    LABEL = ("TEXT NOT NULL DEFAULT ''", "VARCHAR(64) NOT NULL DEFAULT ''")
    NAME = ("TEXT NOT NULL DEFAULT ''", "VARCHAR(255) NOT NULL DEFAULT ''")
    TEXT = ("TEXT NOT NULL DEFAULT ''", "TEXT NOT NULL")
    SHORT = ("TEXT NOT NULL DEFAULT '0'", "VARCHAR(255) NOT NULL DEFAULT '0'")
    OPTIONAL = ("TEXT", "VARCHAR(255)")
    COUNT = ("INTEGER NOT NULL DEFAULT 0", "INT NOT NULL DEFAULT 0")
    ID = ("INTEGER NOT NULL DEFAULT 1000", "INT NOT NULL DEFAULT 1000")
    FLAG = ("INTEGER", "SMALLINT")
    ACTIVE = ("INTEGER NOT NULL DEFAULT 1", "SMALLINT NOT NULL DEFAULT 1")
    TIME = ("TEXT NOT NULL DEFAULT '0000-00-00 00:00:00'", "DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00'")
    DAY = ("TEXT NOT NULL DEFAULT '0000-00-00'", "DATE NOT NULL DEFAULT '0000-00-00'")


@dataclass(frozen=True, slots=True)
class Table:
    """One table, and the statements about it: made of the names here, values never become a part of one."""

    name: str
    columns: dict[str, Kind]
    key: tuple[str, ...]
    """The columns that tell rows apart."""
    secrets: tuple[str, ...] = ()
    """Columns that let somebody in: in the embedded database they are in a file of their own."""

    @property
    def is_secret(self) -> bool:
        """True for a table that is in the file of secrets as a whole."""
        return self.secrets == tuple(self.columns)

    def within(self, database: str) -> Table:
        """Return the table in a database that has this name on an SQLite connection."""
        return replace(self, name=f"{database}.{self.name}")

    @property
    def keys(self) -> str:
        """The statement that gives the keys of all rows."""
        return self.select(self.key)

    @property
    def count_of_domain(self) -> str:
        """The statement that counts the rows of a domain."""
        return f"SELECT COUNT(*) FROM {self.name} WHERE domain = ?"

    @property
    def delete_of_domain(self) -> str:
        """The statement that removes the rows of a domain."""
        return f"DELETE FROM {self.name} WHERE domain = ?"

    @property
    def _is_key(self) -> str:
        return " AND ".join(f"{column} = ?" for column in self.key)

    def select(self, columns: Iterable[str]) -> str:
        """Return the statement that gives some columns of all rows, in the order of their keys."""
        return f"SELECT {', '.join(columns)} FROM {self.name} ORDER BY {', '.join(self.key)}"

    def select_of_domain(self, columns: Iterable[str]) -> str:
        """Return the statement that gives some columns of the rows of a domain."""
        return f"SELECT {', '.join(columns)} FROM {self.name} WHERE domain = ? ORDER BY {', '.join(self.key)}"

    def select_one(self, columns: Iterable[str]) -> str:
        """Return the statement that gives some columns of the row with a key."""
        return f"SELECT {', '.join(columns)} FROM {self.name} WHERE {self._is_key}"

    def delete(self, parts: int) -> str:
        """Return the statement that removes the rows that have the first so many parts of a key."""
        condition = " AND ".join(f"{column} = ?" for column in self.key[:parts])
        return f"DELETE FROM {self.name} WHERE {condition}"

    def insert(self, columns: Collection[str]) -> str:
        """Return the statement that adds a row with some columns."""
        marks = ", ".join("?" for _ in columns)
        return f"INSERT INTO {self.name} ({', '.join(columns)}) VALUES ({marks})"

    def update(self, columns: Iterable[str]) -> str:
        """Return the statement that changes some columns of the row with a key."""
        return f"UPDATE {self.name} SET {', '.join(f'{column} = ?' for column in columns)} WHERE {self._is_key}"

    def create(self, *, is_mysql: bool) -> str:
        """Return the statement that makes the table where there is none."""
        types = [f"{column} {kind.value[is_mysql]}" for column, kind in self.columns.items()]
        # A key of MySQL's has a limit that two names of 255 characters exceed.
        if self.name != "domain_manager":
            types.append(f"PRIMARY KEY ({', '.join(self.key)})")
        elif is_mysql:
            types.append("KEY username (username)")
        end = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4" if is_mysql else ""
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({', '.join(types)}){end}"


_DISABLED: Final = dict.fromkeys(
    ("disablesmtpd", "disablesmtp", "disablewebmail", "disablenetdisk", "disableimap", "disablepop3"), Kind.FLAG
)
DOMAIN: Final = Table(
    "domain",
    {
        "domain": Kind.NAME, "description": Kind.NAME, "hashdirpath": Kind.NAME, "maxalias": Kind.COUNT,
        "maxusers": Kind.COUNT, "maxquota": Kind.SHORT, "maxnetdiskquota": Kind.SHORT, "transport": Kind.OPTIONAL,
        "can_signup": Kind.FLAG, "default_quota": Kind.OPTIONAL, "default_netdiskquota": Kind.OPTIONAL,
        "default_expire": Kind.OPTIONAL, **_DISABLED, "createdate": Kind.TIME, "expiredate": Kind.DAY,
        "active": Kind.ACTIVE,
    },
    ("domain",),
)  # fmt: skip
MAILBOX: Final = Table(
    "mailbox",
    {
        "username": Kind.NAME, "uid": Kind.NAME, "password": Kind.NAME, "clearpwd": Kind.NAME, "name": Kind.NAME,
        "mailhost": Kind.NAME, "maildir": Kind.NAME, "homedir": Kind.NAME, "quota": Kind.SHORT,
        "netdiskquota": Kind.SHORT, "domain": Kind.NAME, "uidnumber": Kind.ID, "gidnumber": Kind.ID,
        "createdate": Kind.TIME, "expiredate": Kind.DAY, "active": Kind.ACTIVE, "disablepwdchange": Kind.FLAG,
        **_DISABLED, "question": Kind.TEXT, "answer": Kind.TEXT,
    },
    ("username",),
    ("password", "clearpwd", "answer"),
)  # fmt: skip
ALIAS: Final = Table(
    "alias",
    {
        "address": Kind.NAME, "goto": Kind.TEXT, "domain": Kind.NAME, "createdate": Kind.TIME, "active": Kind.ACTIVE,
    },
    ("address",),
)  # fmt: skip
MANAGER: Final = Table(
    "manager",
    {
        "username": Kind.NAME, "password": Kind.NAME, "type": Kind.NAME, "uid": Kind.NAME, "name": Kind.NAME,
        "question": Kind.TEXT, "answer": Kind.TEXT, "disablepwdchange": Kind.FLAG, "createdate": Kind.TIME,
        "expiredate": Kind.DAY, "active": Kind.ACTIVE,
    },
    ("username",),
    ("password", "answer"),
)  # fmt: skip
DOMAIN_MANAGER: Final = Table(
    "domain_manager",
    {"username": Kind.NAME, "domain": Kind.NAME, "createdate": Kind.TIME, "active": Kind.ACTIVE},
    ("username", "domain"),
)
_APP_PASSWORD: Final = {
    "username": Kind.NAME, "name": Kind.LABEL, "password": Kind.NAME, "services": Kind.NAME, "createdate": Kind.TIME,
    "usedate": Kind.TIME,
}  # fmt: skip
APP_PASSWORD: Final = Table("app_password", _APP_PASSWORD, ("username", "name"), tuple(_APP_PASSWORD))
EXTMAIL_TABLES: Final = (DOMAIN, MAILBOX, ALIAS, MANAGER, DOMAIN_MANAGER)
TABLES: Final = {table.name: table for table in (*EXTMAIL_TABLES, APP_PASSWORD)}

"""How the two files of the embedded database come from one release to the next.

Each carries a version (PRAGMA user_version). MIGRATIONS are those of the file of accounts. The step to 3 takes what
lets somebody in out of it: sqlite.py moves the rows, since that concerns both files. VAULT_MIGRATIONS are those of the
file of secrets.

A row of mailbox or manager has a number in the column secret, which the row with its passwords in the other file has,
too; 0 is none. What becomes of a change is thus decided by the file of accounts alone, see vault.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyfix.mail.accounts.schema import APP_PASSWORD, EXTMAIL_TABLES, Table

SPLIT: Final = tuple(table for table in EXTMAIL_TABLES if table.secrets)
"""The tables of which some columns are in the other file."""
SPLIT_VERSION: Final = 3
"""From this version on no row of the file of accounts has anything that lets somebody in."""
VERSION: Final = 4
"""And from this one on it has no trace of that any more."""


def _indexes() -> Iterator[str]:
    """Yield what makes the lists of a domain fast, and a manager's domains unique."""
    yield "CREATE INDEX mailbox_domain ON mailbox (domain)"
    yield "CREATE INDEX alias_domain ON alias (domain)"
    yield (
        "DELETE FROM domain_manager WHERE rowid NOT IN"
        " (SELECT MIN(rowid) FROM domain_manager GROUP BY username, domain)"
    )
    yield "CREATE UNIQUE INDEX domain_manager_key ON domain_manager (username, domain)"


def secret_table(table: Table) -> str:
    """Return the name of the table that has the secret columns of another."""
    return f"{table.name}_secret"


def _secret_tables() -> Iterator[str]:
    for table in SPLIT:
        columns = ", ".join(f"{column} TEXT NOT NULL DEFAULT ''" for column in table.secrets)
        yield (
            f"CREATE TABLE {secret_table(table)} (username TEXT NOT NULL, id INTEGER NOT NULL, {columns},"
            " PRIMARY KEY (username, id)) WITHOUT ROWID"
        )
    yield APP_PASSWORD.create(is_mysql=False)


MIGRATIONS: Final = (
    tuple(table.create(is_mysql=False) for table in EXTMAIL_TABLES),
    tuple(_indexes()),
    tuple(f"ALTER TABLE {table.name} ADD COLUMN secret INTEGER NOT NULL DEFAULT 0" for table in SPLIT),
)
"""The statements that lead from version 0, an empty file, to 1, and so on to SPLIT_VERSION."""
VAULT_MIGRATIONS: Final = (tuple(_secret_tables()),)
VAULT_VERSION: Final = len(VAULT_MIGRATIONS)

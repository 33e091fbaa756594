"""Take rows out of a database and put them into one: all of them, or none.

What is there already stays as it is, or is replaced. Limits of domains are not applied: what an old system had, the new
one has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from pyfix.mail.accounts.database import Database, Row, Session
from pyfix.mail.accounts.errors import AccountsUnavailable, Duplicate, Refused
from pyfix.mail.accounts.exchange.entries import Ready
from pyfix.mail.accounts.schema import APP_PASSWORD, DOMAIN, TABLES, Table

Advance = Callable[[int], None]
_HIDDEN: Final = frozenset({"clearpwd"})
"""Columns that are never exported."""


@dataclass(slots=True)
class Loaded:
    """How many rows of each table became what."""

    added: dict[str, int] = field(default_factory=dict)
    replaced: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    """They were there, and stayed as they were."""


def load(database: Database, rows: Iterable[Ready], advance: Advance, *, replace: bool) -> Loaded:
    """Add rows in one transaction; advance: told how many more are in. Raises AccountsUnavailable, Refused."""

    def write(session: Session) -> Loaded:
        loaded = Loaded()
        for row in rows:
            counts = _write_row(session, row, loaded, replace=replace)
            counts[row.table.name] = counts.get(row.table.name, 0) + 1
            advance(1)
        return loaded

    return database.write(write)


def _write_row(session: Session, row: Ready, loaded: Loaded, *, replace: bool) -> dict[str, int]:
    """Write one row and return where it counts."""
    is_there = bool(session.query(row.table.select_one(row.table.key), *row.key))
    if is_there and not replace:
        return loaded.kept
    try:
        if is_there:
            session.delete(row.table, *row.key)
        session.insert(row.table, row.values)
    except (Duplicate, Refused) as error:
        raise Refused(f"{row.place}: {row.table.name}: {error}") from error
    return loaded.replaced if is_there else loaded.added


def lost_domains(database: Database, rows: Iterable[Ready]) -> dict[str, str]:
    """Return the domains that rows name and neither they nor the database have, each with one who names it."""
    known = {(name or "").casefold() for (name,) in database.read(lambda session: session.query(DOMAIN.keys))}
    named: dict[str, str] = {}
    for row in rows:
        domain = row.values.get("domain") or ""
        if row.table is DOMAIN:
            known.add(domain)
        elif domain:
            named.setdefault(domain, row.key[0])
    return {domain: who for domain, who in named.items() if domain not in known}


def expired_rows(rows: Iterable[Ready], today: str) -> list[tuple[Ready, str]]:
    """Return the rows whose last day is over, and that day."""
    days = ((row, row.values.get("expiredate") or "") for row in rows)
    return [(row, day) for row, day in days if "0000-00-00" < day < today]


def exported_columns(table: Table) -> list[str]:
    """Return the columns that an export has."""
    return [column for column in table.columns if column not in _HIDDEN]


def take_out(database: Database) -> list[tuple[Table, list[Row]]]:
    """Return the rows of all tables at one moment, with exported_columns; raises AccountsUnavailable."""
    if not database.keeps_secrets:
        raise AccountsUnavailable(f"{database.name}: no copy without stored passwords: be root, or who has main.cf")
    return database.snapshot(
        lambda session: [
            (table, session.query(table.select(exported_columns(table)), optional=table is APP_PASSWORD))
            for table in TABLES.values()
        ]
    )

"""How accounts are shown: tables for people, JSON for programs. Stored passwords are never shown, only their scheme."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import click

from pyfix.mail.accounts import Alias, Domain, Mailbox, Manager, Standing, Store, show_size, today
from pyfix.mail.accounts.names import check_address, check_alias_address, check_domain
from pyfix.mail.accounts.rules import obstacle
from pyfix.mail.accounts.store import Accounts
from pyfix.mail.passwords import UnusableHash, parse_stored

T = TypeVar("T")
Fields = dict[str, Any]
_WIDE: Final = 10_000
"""Columns where nobody's terminal limits them."""


@dataclass(frozen=True, slots=True)
class View(Generic[T]):
    """How one kind is shown."""

    word: str
    accounts: Callable[[Store], Accounts[T]]
    check: Callable[[str], str]
    """Returns a name as it is stored; raises Refused."""
    fields: Callable[[T], Fields]
    columns: tuple[str, ...]
    """The fields that a list has."""


def _standing(standing: Standing) -> Fields:
    return {
        "active": standing.active,
        "expires": standing.expires.isoformat() if standing.expires else None,
        "disabled": sorted(standing.disabled),
        "state": obstacle(standing, today()) or "good",
    }


def _password(stored: str) -> str | None:
    if not stored:
        return None
    try:
        return parse_stored(stored, "CRYPT").scheme
    except UnusableHash:
        return "unknown"


def _domain(domain: Domain) -> Fields:
    return {
        "domain": domain.name, "description": domain.description, "max_users": domain.max_users,
        "max_aliases": domain.max_aliases, "max_quota": domain.max_quota, "default_quota": domain.default_quota.size,
        "default_expire": domain.default_expire or None, "created": domain.created, **_standing(domain.standing),
    }  # fmt: skip


def _mailbox(mailbox: Mailbox) -> Fields:
    return {
        "address": mailbox.address, "name": mailbox.name, "maildir": mailbox.maildir, "quota": mailbox.quota.size,
        "quota_messages": mailbox.quota.messages, "password_scheme": _password(mailbox.password),
        "created": mailbox.created, **_standing(mailbox.standing),
    }  # fmt: skip


def _alias(alias: Alias) -> Fields:
    return {
        "address": alias.address, "targets": list(alias.targets), "created": alias.created,
        "active": alias.standing.active,
    }  # fmt: skip


def _manager(manager: Manager) -> Fields:
    fields = _standing(manager.standing)
    del fields["disabled"]
    return {
        "username": manager.username, "role": manager.role.value, "name": manager.name,
        "domains": list(manager.domains), "password_scheme": _password(manager.password), "created": manager.created,
        **fields,
    }  # fmt: skip


DOMAIN: Final[View[Domain]] = View(
    "domain", lambda store: store.domains, check_domain, _domain,
    ("domain", "description", "max_users", "max_aliases", "max_quota", "expires", "state"),
)  # fmt: skip
MAILBOX: Final[View[Mailbox]] = View(
    "mailbox", lambda store: store.mailboxes, lambda name: check_address(name)[0], _mailbox,
    ("address", "name", "quota", "disabled", "expires", "state"),
)  # fmt: skip
ALIAS: Final[View[Alias]] = View(
    "alias", lambda store: store.aliases, lambda name: check_alias_address(name)[0], _alias,
    ("address", "targets", "active"),
)  # fmt: skip
MANAGER: Final[View[Manager]] = View(
    "manager", lambda store: store.managers, lambda name: check_address(name)[0], _manager,
    ("username", "role", "domains", "expires", "state"),
)  # fmt: skip
_SIZES: Final = ("max_quota", "default_quota", "quota", "quota_given")
_LIMITS: Final = ("max_users", "max_aliases", "quota_messages")


def cell(name: str, value: object) -> str:
    """Return a value as people read it."""
    match value:
        case None:
            return "never" if name in ("expires", "default_expire") else "none"
        case bool():
            return "yes" if value else "no"
        case int() if name in _SIZES:
            return show_size(value) if value or name == "quota_given" else "unlimited"
        case int() if name in _LIMITS:
            return str(value) if value else "unlimited"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def print_json(value: object) -> None:
    """Print a value for programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows for people; what others have written into them is never taken for markup."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(column, row[column])) for column in columns))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print one account for people."""
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{name.replace('_', ' ').ljust(width)}  {cell(name, value)}")

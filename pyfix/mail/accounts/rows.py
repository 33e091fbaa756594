"""Rows of ExtMail's tables as records, and back.

NULL in a flag is 0. What a row has that can't be understood raises AccountsUnavailable with table, key and column, so
that a broken row is a temporary failure and never an account without limits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

from pyfix.mail.accounts.database import Row, Value
from pyfix.mail.accounts.dates import parse_stored_day, stored_day
from pyfix.mail.accounts.errors import AccountsUnavailable
from pyfix.mail.accounts.quota import Quota, parse_quota
from pyfix.mail.accounts.records import Alias, Domain, Mailbox, Manager, Role, Service, Standing

T = TypeVar("T")
SWITCHES: Final = (
    Service.SENDING, Service.RECEIVING, Service.WEBMAIL, Service.NETDISK, Service.IMAP, Service.POP3,
)  # fmt: skip
"""In the order of ExtMail's columns, and of these."""
STANDING_COLUMNS: Final = (
    "active", "expiredate", "disablesmtpd", "disablesmtp", "disablewebmail", "disablenetdisk", "disableimap",
    "disablepop3",
)  # fmt: skip
DOMAIN_COLUMNS: Final = (
    "domain", "description", "maxusers", "maxalias", "maxquota", "default_quota", "default_expire", "createdate",
    *STANDING_COLUMNS,
)  # fmt: skip
MAILBOX_COLUMNS: Final = (
    "username", "domain", "password", "name", "maildir", "quota", "createdate", *STANDING_COLUMNS,
)  # fmt: skip
QUOTA_COLUMNS: Final = ("username", "quota")
ALIAS_COLUMNS: Final = ("address", "domain", "goto", "createdate", "active")
MANAGER_COLUMNS: Final = ("username", "type", "password", "name", "createdate", "active", "expiredate")


def read_domain(row: Row) -> Domain:
    """Return the domain of a row with DOMAIN_COLUMNS."""
    read = _Reader("domain", DOMAIN_COLUMNS, row)
    return Domain(
        read.text("domain").casefold(),
        read.text("description"),
        read.number("maxusers"),
        read.number("maxalias"),
        read("maxquota", lambda text: parse_quota(text).size),
        read("default_quota", parse_quota),
        read.text("default_expire"),
        read.text("createdate"),
        read_standing("domain", read.text("domain"), row[-len(STANDING_COLUMNS) :]),
    )


def read_mailbox(row: Row) -> Mailbox:
    """Return the mailbox of a row with MAILBOX_COLUMNS."""
    read = _Reader("mailbox", MAILBOX_COLUMNS, row)
    return Mailbox(
        read.text("username").casefold(),
        read.text("domain").casefold(),
        read.text("password"),
        read.text("name"),
        read.text("maildir"),
        read("quota", parse_quota),
        read.text("createdate"),
        read_standing("mailbox", read.text("username"), row[-len(STANDING_COLUMNS) :]),
    )


def read_quota(row: Row) -> Quota:
    """Return the quota of a row with QUOTA_COLUMNS."""
    return _Reader("mailbox", QUOTA_COLUMNS, row)("quota", parse_quota)


def read_alias(row: Row) -> Alias:
    """Return the alias of a row with ALIAS_COLUMNS."""
    read = _Reader("alias", ALIAS_COLUMNS, row)
    targets = tuple(target for part in read.text("goto").split(",") if (target := part.strip()))
    standing = Standing(read.number("active") != 0)
    return Alias(
        read.text("address").casefold(), read.text("domain").casefold(), targets, read.text("createdate"), standing
    )


def read_manager(row: Row) -> Manager:
    """Return the manager of a row with MANAGER_COLUMNS; the domains are rows of another table."""
    read = _Reader("manager", MANAGER_COLUMNS, row)
    standing = Standing(read.number("active") != 0, read("expiredate", parse_stored_day))
    role = Role.ADMIN if read.text("type") == Role.ADMIN else Role.POSTMASTER
    return Manager(
        read.text("username").casefold(), role, read.text("password"), read.text("name"), (), read.text("createdate"),
        standing,
    )  # fmt: skip


def read_standing(table: str, key: str, row: Row) -> Standing:
    """Return what STANDING_COLUMNS say; key: for messages."""
    try:
        return _standing(row)
    except AccountsUnavailable:
        return _read_standing(_Reader(table, STANDING_COLUMNS, row, key))


@lru_cache(256)
def _standing(row: Row) -> Standing:
    """Most accounts have the same: to read it takes as long as to find it."""
    return _read_standing(_Reader("", STANDING_COLUMNS, row))


def _read_standing(read: _Reader) -> Standing:
    disabled = frozenset(service for service in SWITCHES if read.number(f"disable{service}"))
    return Standing(read.number("active") != 0, read("expiredate", parse_stored_day), disabled)


class _Reader:
    """The columns of one row by name."""

    def __init__(self, table: str, columns: tuple[str, ...], row: Row, key: str = "") -> None:
        self._table = table
        self._values = dict(zip(columns, row, strict=True))
        self._key = key or row[0] or ""

    def __call__(self, column: str, convert: Callable[[str], T]) -> T:
        try:
            return convert(self._values[column] or "")
        except ValueError as error:
            raise AccountsUnavailable(f"table {self._table}, row {self._key}, column {column}: {error}") from None

    def text(self, column: str) -> str:
        return self._values[column] or ""

    def number(self, column: str) -> int:
        return self(column, lambda text: int(text or 0))


def standing_values(standing: Standing) -> tuple[Value, ...]:
    """Return the values of STANDING_COLUMNS."""
    flags = (int(service in standing.disabled) for service in SWITCHES)
    return (int(standing.active), stored_day(standing.expires), *flags)


def domain_values(domain: Domain) -> dict[str, Value]:
    """Return the columns of a domain."""
    values = (
        domain.name, domain.description, domain.max_users, domain.max_aliases, str(domain.max_quota),
        str(domain.default_quota.size), domain.default_expire, domain.created, *standing_values(domain.standing),
    )  # fmt: skip
    return dict(zip(DOMAIN_COLUMNS, values, strict=True))


def mailbox_values(mailbox: Mailbox) -> dict[str, Value]:
    """Return the columns of a mailbox."""
    values = (
        mailbox.address, mailbox.domain, mailbox.password, mailbox.name, mailbox.maildir, mailbox.quota.stored(),
        mailbox.created, *standing_values(mailbox.standing),
    )  # fmt: skip
    return dict(zip(MAILBOX_COLUMNS, values, strict=True))


def alias_values(alias: Alias) -> dict[str, Value]:
    """Return the columns of an alias."""
    values = (alias.address, alias.domain, ",".join(alias.targets), alias.created, int(alias.standing.active))
    return dict(zip(ALIAS_COLUMNS, values, strict=True))


def manager_values(manager: Manager) -> dict[str, Value]:
    """Return the columns of a manager; the domains are rows of another table."""
    values = (
        manager.username, manager.role.value, manager.password, manager.name, manager.created,
        int(manager.standing.active), stored_day(manager.standing.expires),
    )  # fmt: skip
    return dict(zip(MANAGER_COLUMNS, values, strict=True))

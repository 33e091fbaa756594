"""What a file says about a row, as the tables have it. Pure.

Names are folded and checked, days and numbers are checked, NULL becomes the default, 1000-01-01 becomes 0000-00-00, and
a password in clear text (clearpwd) is left out. A row that can't be is a BrokenFile with its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyfix.mail.accounts.dates import parse_stored_day, stored_day
from pyfix.mail.accounts.errors import Refused
from pyfix.mail.accounts.exchange.entries import BrokenFile, Cell, Entry, Ready
from pyfix.mail.accounts.names import (
    check_address,
    check_alias_address,
    check_domain,
    check_label,
    check_maildir,
    check_text,
    default_maildir,
)
from pyfix.mail.accounts.quota import parse_quota
from pyfix.mail.accounts.records import Role
from pyfix.mail.accounts.schema import ALIAS, APP_PASSWORD, DOMAIN, DOMAIN_MANAGER, MAILBOX, MANAGER, Kind, Table
from pyfix.mail.accounts.services import parse_services, stored_services

_NO_TIME: Final = "0000-00-00 00:00:00"
_SMALLEST, _LARGEST = -(2**31), 2**31 - 1
_DEFAULTS: Final = {
    Kind.NAME: "", Kind.TEXT: "", Kind.SHORT: "0", Kind.OPTIONAL: None, Kind.COUNT: "0", Kind.ID: "1000",
    Kind.LABEL: "", Kind.FLAG: "0", Kind.ACTIVE: "1", Kind.TIME: _NO_TIME, Kind.DAY: "0000-00-00",
}  # fmt: skip
_QUOTAS: Final = ("quota", "maxquota", "default_quota", "netdiskquota", "maxnetdiskquota", "default_netdiskquota")


def convert(entry: Entry, now: str) -> Ready:
    """Return the row with all columns, in their order; raises BrokenFile. now: for one that has no createdate."""
    table = entry.table
    given = {"createdate": now, **entry.values, "clearpwd": None}
    try:
        row = {name: _value(name, kind, given.get(name)) for name, kind in table.columns.items()}
        _complete(table, row)
    except (Refused, ValueError) as error:
        raise BrokenFile(f"{entry.place}: {table.name}: {error}") from None
    return Ready(entry.place, table, row)


def _value(name: str, kind: Kind, value: Cell) -> Cell:
    if value is None or (value == "" and kind in (Kind.COUNT, Kind.ID, Kind.FLAG, Kind.ACTIVE, Kind.TIME, Kind.DAY)):
        value = _DEFAULTS[kind]
    if value is None:
        return None
    try:
        return _convert(name, kind, value)
    except ValueError as error:
        raise ValueError(f"column {name}: {error}") from None


def _convert(name: str, kind: Kind, value: str) -> str:
    match kind:
        case Kind.COUNT | Kind.ID | Kind.FLAG | Kind.ACTIVE:
            number = int(value) if len(value) < 20 else _LARGEST + 1
            if not _SMALLEST <= number <= _LARGEST:
                raise ValueError(f'bad number "{value[:40]}"')
            return str(number)
        case Kind.DAY:
            return stored_day(parse_stored_day(value))
        case Kind.TIME:
            return _time(value)
        case Kind.TEXT:
            if "\0" in value:
                raise ValueError("NUL in a text")
            return value
        case _:
            if name in _QUOTAS:
                parse_quota(value)
            return check_text(value, f"column {name}") if name != "password" else _password(value)


def _time(value: str) -> str:
    day, _, time = value.partition(" ")
    return f"{stored_day(parse_stored_day(day))} {time or '00:00:00'}"


def _password(value: str) -> str:
    """Return a stored password; a refusal must not show it."""
    if len(value) > 255 or not value.isprintable():
        raise ValueError("no stored password: it has at most 255 characters in one line")
    return value


def _complete(table: Table, row: dict[str, Cell]) -> None:
    """Check the names of a row, fold them, and fill in what follows from them; raises Refused, ValueError."""
    _COMPLETE[table.name](row)


def _domain(row: dict[str, Cell]) -> None:
    row["domain"] = check_domain(row["domain"] or "")


def _mailbox(row: dict[str, Cell]) -> None:
    username, domain = check_address(row["username"] or "")
    maildir = check_maildir(row["maildir"] or default_maildir(username))
    row["username"], row["maildir"] = username, maildir
    row["domain"] = check_domain(row["domain"]) if row["domain"] else domain
    row["homedir"] = row["homedir"] or maildir.rstrip("/").rpartition("/")[0]
    row["uid"] = row["uid"] or username.rpartition("@")[0]


def _alias(row: dict[str, Cell]) -> None:
    row["address"], domain = check_alias_address(row["address"] or "")
    row["domain"] = check_domain(row["domain"]) if row["domain"] else domain
    targets = [target.strip() for target in (row["goto"] or "").split(",") if target.strip()]
    if not targets or not all(map(str.isprintable, targets)):
        raise ValueError("column goto: specify addresses, with commas between them")
    row["goto"] = ",".join(targets)


def _manager(row: dict[str, Cell]) -> None:
    row["username"] = check_address(row["username"] or "")[0]
    row["type"] = role = row["type"] or Role.POSTMASTER.value
    if role not in list(Role):
        raise ValueError(f'column type: bad role "{role[:40]}"; specify {" or ".join(Role)}')


def _domain_manager(row: dict[str, Cell]) -> None:
    row["username"] = check_address(row["username"] or "")[0]
    row["domain"] = check_domain(row["domain"] or "")


def _app_password(row: dict[str, Cell]) -> None:
    row["username"] = check_address(row["username"] or "")[0]
    row["name"] = check_label(row["name"] or "")
    row["services"] = stored_services(parse_services(row["services"] or ""))


_COMPLETE: Final[dict[str, Callable[[dict[str, Cell]], None]]] = {
    DOMAIN.name: _domain,
    MAILBOX.name: _mailbox,
    ALIAS.name: _alias,
    MANAGER.name: _manager,
    DOMAIN_MANAGER.name: _domain_manager,
    APP_PASSWORD.name: _app_password,
}

"""What mail asks of the accounts: short questions with one answer, which need no stored password.

Each statement takes columns that a database user for mail may be allowed to read alone. What a server takes for equal
by its collation (é and e, a name with a blank behind it) is compared once more here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from pyfix.mail.accounts.database import Row, Session
from pyfix.mail.accounts.errors import AccountsUnavailable, Refused
from pyfix.mail.accounts.names import check_maildir, default_maildir
from pyfix.mail.accounts.records import Service, Standing
from pyfix.mail.accounts.rows import STANDING_COLUMNS, read_standing
from pyfix.mail.accounts.rules import may_use

_WIDTH: Final = len(STANDING_COLUMNS)
_OF_DOMAIN: Final = ", ".join(f"domain.{column}" for column in STANDING_COLUMNS)
_OF_MAILBOX: Final = ", ".join(f"mailbox.{column}" for column in STANDING_COLUMNS)
_DOMAIN: Final = f"SELECT domain.domain, {_OF_DOMAIN} FROM domain WHERE domain.domain = ?"
MAILBOX_COLUMNS: Final = (
    f"mailbox.username, mailbox.maildir, mailbox.quota, mailbox.domain, {_OF_MAILBOX}, {_OF_DOMAIN}"
)
FROM_MAILBOX: Final = "FROM mailbox JOIN domain ON domain.domain = mailbox.domain WHERE mailbox.username = ?"
_MAILBOX: Final = f"SELECT {MAILBOX_COLUMNS} {FROM_MAILBOX}"
_ALIAS: Final = (
    f"SELECT alias.address, alias.goto, alias.active, {_OF_DOMAIN} FROM alias"
    " JOIN domain ON domain.domain = alias.domain WHERE alias.address = ?"
)


@dataclass(frozen=True, slots=True)
class FoundMailbox:
    """What mail needs to know of a mailbox."""

    address: str
    maildir: str
    quota: str
    """As stored."""
    domain: str
    standings: tuple[Standing, ...]

    def may(self, service: Service, today: date) -> bool:
        """Return whether the mailbox and its domain are good for a service."""
        return may_use(today, service, *self.standings)


def find_domain(session: Session, key: str, today: date) -> str | None:
    """Return the domain if it may receive mail."""
    row = find_row(session, _DOMAIN, key)
    if row is None:
        return None
    return key if may_use(today, Service.RECEIVING, read_standing("domain", key, row[1:])) else None


def find_mailbox(session: Session, key: str) -> FoundMailbox | None:
    """Return the mailbox with this address."""
    row = find_row(session, _MAILBOX, key)
    return None if row is None else read_found(row, key)


def read_found(row: Row, key: str) -> FoundMailbox:
    """Return the mailbox in a row with MAILBOX_COLUMNS; raises AccountsUnavailable."""
    standings = (
        read_standing("mailbox", key, row[4 : 4 + _WIDTH]),
        read_standing("domain", key, row[4 + _WIDTH : 4 + 2 * _WIDTH]),
    )
    return FoundMailbox(key, _maildir(row[1] or default_maildir(key), key), row[2] or "0", row[3] or "", standings)


def find_targets(session: Session, key: str, today: date) -> str | None:
    """Return where mail for an address goes instead; a mailbox goes before the catch-all of its domain."""
    goto = _find_alias(session, key, today)
    if goto is not None or key.startswith("@"):
        return goto
    mailbox = find_mailbox(session, key)
    if mailbox is None or not mailbox.may(Service.RECEIVING, today):
        return None
    return key if _find_alias(session, f"@{key.rpartition('@')[2]}", today) is not None else None


def find_logins(session: Session, key: str, today: date) -> str | None:
    """Return who may send with this address: its mailbox, else those that its alias leads to."""
    names = [key]
    if find_mailbox(session, key) is None:
        names = [name.strip().casefold() for name in (_find_alias(session, key, today) or "").split(",")]
    found = [mailbox for name in names if name and (mailbox := find_mailbox(session, name)) is not None]
    return ",".join(mailbox.address for mailbox in found if mailbox.may(Service.SENDING, today)) or None


def _find_alias(session: Session, key: str, today: date) -> str | None:
    row = find_row(session, _ALIAS, key)
    if row is None or row[2] in (None, "0"):
        return None
    if not may_use(today, Service.RECEIVING, read_standing("domain", key, row[3:])):
        return None
    return row[1] or None


def find_row(session: Session, statement: str, key: str) -> Row | None:
    """Return the row whose first column is the key; raises AccountsUnavailable."""
    for row in session.query(statement, key):
        if (row[0] or "").casefold() == key:
            return row
    return None


def _maildir(path: str, key: str) -> str:
    """Return a path below virtual_mailbox_base; raises AccountsUnavailable for one that leads out of it."""
    try:
        return check_maildir(path)
    except Refused as error:
        raise AccountsUnavailable(f"table mailbox, row {key}: {error}") from None

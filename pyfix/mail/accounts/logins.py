"""What auth asks of the accounts, and what it notes there.

A login is the address of a mailbox. What keeps it from being used is one text: the mailbox or its domain is not active,
has expired, or has the service switched off. Auth writes rarely: a hash that is made anew, and the last use of an app
password, to within _USE_S seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from pyfix.mail.accounts.app_passwords import find_app_passwords
from pyfix.mail.accounts.database import Database, Session
from pyfix.mail.accounts.lookups import FROM_MAILBOX, MAILBOX_COLUMNS, FoundMailbox, find_row, read_found
from pyfix.mail.accounts.names import LONGEST_TEXT
from pyfix.mail.accounts.present import now_text, today
from pyfix.mail.accounts.records import AppPassword, Service
from pyfix.mail.accounts.rules import obstacle
from pyfix.mail.accounts.schema import APP_PASSWORD, MAILBOX

_USE_S: Final = 300
_LOGIN: Final = f"SELECT {MAILBOX_COLUMNS}, mailbox.password {FROM_MAILBOX}"
_PASSWORD: Final = "SELECT password FROM mailbox WHERE username = ?"


@dataclass(frozen=True, slots=True)
class Login:
    """What is known of who wants in."""

    address: str
    domain: str
    maildir: str
    """Below virtual_mailbox_base."""
    quota: str
    """As stored."""
    password: str = field(repr=False)
    """As stored; empty: none."""
    app_passwords: tuple[AppPassword, ...] = ()
    """Those that are good for the service."""
    obstacle: str = ""
    """Why it may not be used, whatever the password; empty where it may."""


class Logins:
    """The mailboxes of one database as logins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, name: str, service: Service | None) -> Login | None:
        """Return who has this address; None for nobody. Raises AccountsUnavailable."""
        key = name.casefold()
        if not key or len(key) > LONGEST_TEXT or not key.isprintable():
            return None
        found = self._database.read(lambda session: _find(session, key, service))
        if found is None or found.password:
            return found
        # Two files are read one after the other: what was changed in between is there at the second look.
        return self._database.read(lambda session: _find(session, key, service))

    def renew(self, login: Login, stored: str) -> None:
        """Store a fresh hash of a mailbox's own password, unless it is another one by now; raises AccountsUnavailable.

        App passwords need none: what nobody can guess is as good with a plain hash.
        """

        def renew(session: Session) -> None:
            if session.query(_PASSWORD, login.address) == [(login.password,)]:
                session.update(MAILBOX, {"password": stored}, login.address)

        self._database.write(renew)

    def note_use(self, login: Login, name: str) -> None:
        """Note that an app password was used just now, unless it was noted lately; raises AccountsUnavailable."""
        used = next((app.used for app in login.app_passwords if app.name == name), None)
        if used is not None and not now_text(_USE_S) < used <= now_text():
            values = {"usedate": now_text()}
            self._database.write(lambda session: session.update(APP_PASSWORD, values, login.address, name))


def _find(session: Session, key: str, service: Service | None) -> Login | None:
    row = find_row(session, _LOGIN, key)
    if row is None:
        return None
    mailbox = read_found(row, key)
    usable = (app for app in find_app_passwords(session, key) if is_good_for(app, service))
    return Login(
        key, mailbox.domain, mailbox.maildir, mailbox.quota, row[-1] or "", tuple(usable),
        _obstacle(mailbox, today(), service),
    )  # fmt: skip


def is_good_for(app: AppPassword, service: Service | None) -> bool:
    """Return whether an app password is good for a service; None: for any."""
    return service is None or not app.services or service in app.services


def _obstacle(mailbox: FoundMailbox, today: date, service: Service | None) -> str:
    for what, standing in zip(("mailbox", "domain"), mailbox.standings, strict=True):
        if reason := obstacle(standing, today, service):
            return f"the {what} is: {reason}"
    return ""

"""App passwords: several named passwords of a mailbox, each for one program, so that it can be taken back.

They are in a table of pyfix's own, which a database that ExtMail made has not: it is made with the first of them, and
while it is not there nobody has any. One that is older than its mailbox is nobody's: a program that knows nothing of
them has deleted the mailbox, and made another of the same name.
"""

from __future__ import annotations

from typing import Final

from pyfix.mail.accounts.database import Database, Row, Session
from pyfix.mail.accounts.errors import AccountsUnavailable, NotFound, Refused
from pyfix.mail.accounts.records import AppPassword
from pyfix.mail.accounts.schema import APP_PASSWORD
from pyfix.mail.accounts.services import parse_services, stored_services

COLUMNS: Final = ("username", "name", "password", "services", "createdate", "usedate")
_OF_MAILBOX: Final = (
    f"SELECT {', '.join(f'app_password.{column}' for column in COLUMNS)} FROM app_password"
    " JOIN mailbox ON mailbox.username = app_password.username"
    " WHERE app_password.username = ? AND app_password.createdate >= mailbox.createdate ORDER BY app_password.name"
)
_MAILBOX: Final = "SELECT username FROM mailbox WHERE username = ?"
_NEVER: Final = ("", "0000-00-00 00:00:00")


class AppPasswords:
    """Those of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, address: str) -> list[AppPassword]:
        """Return those of a mailbox, by name; raises NotFound, AccountsUnavailable."""
        return self._database.read(lambda session: self._of(session, address))

    def add(self, new: AppPassword) -> None:
        """Add one; raises NotFound without the mailbox, Refused where there is one of this name."""

        def add(session: Session) -> None:
            if any(found.name == new.name for found in self._of(session, new.address)):
                raise Refused(f"{new.address} has an app password {new.name} already; delete it first")
            session.delete(APP_PASSWORD, new.address, new.name)
            session.insert(APP_PASSWORD, _values(new))

        self._database.write(add)

    def remove(self, address: str, name: str) -> None:
        """Remove one; raises NotFound."""

        def remove(session: Session) -> None:
            if not any(found.name == name for found in self._of(session, address)):
                raise NotFound(f"{address} has no app password {name}")
            session.delete(APP_PASSWORD, address, name)

        self._database.write(remove)

    def _of(self, session: Session, address: str) -> list[AppPassword]:
        if not self._database.keeps_secrets:
            raise AccountsUnavailable(
                f"{self._database.name}: app passwords are not for this user: be root, or who has main.cf"
            )
        if not session.query(_MAILBOX, address):
            raise NotFound(f"no mailbox {address}")
        return find_app_passwords(session, address)


def find_app_passwords(session: Session, address: str) -> list[AppPassword]:
    """Return those of a mailbox, by name; raises AccountsUnavailable."""
    return [_read(row) for row in session.query(_OF_MAILBOX, address, optional=True)]


def _read(row: Row) -> AppPassword:
    username, name, password, services, created, used = (value or "" for value in row)
    try:
        good_for = parse_services(services)
    except ValueError as error:
        raise AccountsUnavailable(f"table app_password, row {username} {name}, column services: {error}") from None
    return AppPassword(username.casefold(), name, password, good_for, created, "" if used in _NEVER else used)


def _values(record: AppPassword) -> dict[str, str | int | None]:
    values = (record.address, record.name, record.password, stored_services(record.services), record.created)
    return dict(zip(COLUMNS, values, strict=False))

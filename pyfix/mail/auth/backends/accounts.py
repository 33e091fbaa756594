"""The accounts of `pyfix user` and of ExtMail's tables as a source of logins."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Final

from pyfix.mail.accounts import AccountsError, Service, Store, open_store
from pyfix.mail.accounts.logins import Login
from pyfix.mail.accounts.opening import missing_file
from pyfix.mail.auth.backend import Account, Attempt, Backend, BackendUnavailable, LookupBackend, Place, Secret
from pyfix.mail.auth.backends.context import Context
from pyfix.mail.config import ConfigError
from pyfix.mail.passwords import PasswordParameters

SERVICES: Final = {
    "smtp": Service.SENDING, "submission": Service.SENDING, "pop3": Service.POP3, "imap": Service.IMAP,
}  # fmt: skip
"""Which of an account's services a login is for; others need none in particular, but a password good for all."""


class AccountsBackend(LookupBackend):
    """Asks the store, which is opened when it is first needed: without any account there is no file yet."""

    name: ClassVar[str] = "accounts"

    def __init__(self, context: Context) -> None:
        """Raises ConfigError."""
        self._config = context.config
        self._places = context.places
        self._store: Store | None = None
        self._lock = threading.Lock()
        self._default_scheme = context.config.read(PasswordParameters).password_default_scheme

    def find(self, attempt: Attempt) -> Account | None:
        service = SERVICES.get(attempt.service)
        login = self._login(attempt.login, service)
        if login is None:
            return None
        apps = (app for app in login.app_passwords if service is not None or not app.services)
        pairs = [("", login.password), *((app.name, app.password) for app in apps)]
        secrets = tuple(Secret(stored, self._default_scheme, label) for label, stored in pairs if stored)
        return Account(login.address, secrets, login.obstacle, login.quota)

    def locate(self, user: str, service: str) -> Place | None:
        login = self._login(user, SERVICES.get(service))
        return None if login is None else self.locate_account(Account(login.address, quota=login.quota), service)

    def locate_account(self, account: Account, service: str) -> Place | None:
        place = self._places.find(account.user)
        return None if place is None else replace(place, quota=account.quota)

    def renew(self, account: Account, secret: Secret, stored: str) -> None:
        found = Login(account.user, "", "", "", secret.stored)  # as much as a change of its password needs
        with _failures():
            self._open().logins.renew(found, stored)

    def used(self, account: Account, secret: Secret) -> None:
        login = self._login(account.user, None) if secret.label else None
        if login is not None:
            with _failures():
                self._open().logins.note_use(login, secret.label)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def _login(self, name: str, service: Service | None) -> Login | None:
        if self._store is None and missing_file(self._config):
            return None
        with _failures():
            return self._open().logins.find(name, service)

    def _open(self) -> Store:
        """Return the store; raises AccountsError, ConfigError."""
        with self._lock:
            if self._store is not None and self._store.database.has_changed():
                self._store.close()
                self._store = None
            if self._store is None:
                self._store = open_store(self._config)
            return self._store


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (AccountsError, ConfigError) as error:
        raise BackendUnavailable(str(error)) from error


def open_accounts(context: Context) -> Backend:
    """Return the back end; raises ConfigError."""
    return AccountsBackend(context)

"""Open the accounts that accounts_database names."""

from __future__ import annotations

import os
from typing import Final

from pyfix.mail.accounts.database import Database
from pyfix.mail.accounts.errors import AccountsUnavailable
from pyfix.mail.accounts.params import AccountsParameters
from pyfix.mail.accounts.sqlite import SqliteDatabase, create_file
from pyfix.mail.accounts.store import Store
from pyfix.mail.accounts.vault import SECRETS, Keeping
from pyfix.mail.config import Config
from pyfix.mail.maps.opening import Opening

_FORMS: Final = "specify sqlite:/file or mysql:/file"


def open_store(config: Config, *, create: bool = False) -> Store:
    """Return the accounts; raises ConfigError, AccountsUnavailable.

    create: make the embedded file and the tables where there are none, and bring an old file up to date.
    """
    opening = Opening.of_process(config)
    params = config.read(AccountsParameters)
    kind, _, name = params.accounts_database.partition(":")
    if create and kind == "sqlite":
        _create_file(name, params.mail_owner)
    database = open_database(opening, config, with_secrets=True, create=create)
    if create:
        database.create()
    return Store(database)


def open_database(opening: Opening, config: Config, *, with_secrets: bool = False, create: bool = False) -> Database:
    """Return the database that accounts_database names; raises ConfigError, AccountsUnavailable.

    with_secrets: have stored passwords, too, where this process may see them. create: make their file if it is lost.
    """
    spec = config.read(AccountsParameters).accounts_database
    kind, _, name = spec.partition(":")
    if kind == "sqlite" and name.startswith("/"):
        keeping = Keeping(f"{name}{SECRETS}", _keeper(config)) if with_secrets else None
        return SqliteDatabase(spec, name, keeping, create=create)
    if kind == "mysql" and name.startswith("/"):
        return _open_mysql(spec, name, opening)
    raise config.refuse("accounts_database", f"accounts_database: bad value {spec}; {_FORMS}")


def _keeper(config: Config) -> int:
    """Return the user id of who has main.cf: nobody else decides who may log in."""
    try:
        return os.stat(config.main_cf).st_uid
    except OSError:
        return os.geteuid()


def missing_file(config: Config) -> str:
    """Return the embedded file if it is not there, empty otherwise."""
    kind, _, name = config.read(AccountsParameters).accounts_database.partition(":")
    return name if kind == "sqlite" and not os.path.exists(name) else ""


def _open_mysql(spec: str, name: str, opening: Opening) -> Database:
    from pyfix.mail.accounts.mysql import MysqlDatabase  # loads pymysql
    from pyfix.mail.maps.settings import read_settings

    try:
        return MysqlDatabase(spec, read_settings(name, opening), opening.complain)
    except OSError as error:
        raise AccountsUnavailable(f"{spec}: open {error.filename or name}: {error.strerror}") from error


def _create_file(path: str, owner: str) -> None:
    try:
        create_file(path, owner)
    except OSError as error:
        raise AccountsUnavailable(f"sqlite:{path}: {error.strerror}; {_remedy(error)}") from error


def _remedy(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "make its directory first (pyfix check makes data_directory)"
    return "only root and mail_owner may make it"

"""accounts_table(5): the accounts as lookup tables.

    accounts:domains
    accounts:mailboxes
    accounts:aliases
    accounts:limits
    accounts:senders

What `pyfix domain`, `pyfix user` and `pyfix alias` manage, as tables for main.cf. The database is the one that
accounts_database names: a file, or ExtMail's tables in a MySQL or MariaDB server.

    domains      domain -> the domain
    mailboxes    address -> the Maildir, below virtual_mailbox_base
    aliases      address, or @domain for a catch-all -> addresses
    limits       address -> the quota as stored
    senders      address -> the logins that may send with it: the mailbox, or those that the alias leads to

What is not active, has expired (the last day counts as good), or may not receive mail because of disablesmtp, is not
there: neither the account itself, nor what belongs to such a domain. In senders the same holds for disablesmtpd.

A mailbox goes before the catch-all of its domain, which with other tables would take its mail: aliases has such a
mailbox as its own alias.

A change is seen by the next lookup; nothing has to be reloaded.

Rights: no table needs a stored password. The embedded file, accounts.db, belongs to mail_owner. What lets somebody in
is in another file, accounts.db.secrets/secrets.db, which belongs to who has main.cf: root in a system. Commands that
show or change passwords, and auth, read it; who delivers mail can't. A copy of the accounts takes both, best by `pyfix
accounts export`. What an old release has written is moved there by the first command of root's.

In a server it is a matter of grants. Commands and auth need

    GRANT SELECT, INSERT, UPDATE, DELETE, CREATE
        ON extmail.* TO pyfix@localhost;

and the tables of this page, or those of mysql_table(5), no more than

    GRANT SELECT ON extmail.domain TO mail@localhost;
    GRANT SELECT ON extmail.alias TO mail@localhost;
    GRANT SELECT (username, domain, maildir, quota,
        active, expiredate, disablesmtpd, disablesmtp,
        disablewebmail, disablenetdisk, disableimap,
        disablepop3) ON extmail.mailbox TO mail@localhost;

so that who wants to keep stored passwords from all but these two gives services that look up addresses another
accounts_database, with -o in master.cf. Settings and files are opened at once, with the rights that a process begins
with.

Failures: a database that can't be asked, and a row that can't be understood (a quota that is none, a Maildir outside
virtual_mailbox_base), are temporary failures.

Example: a mail system for the domains in the accounts

    virtual_mailbox_domains = accounts:domains
    virtual_mailbox_maps = accounts:mailboxes
    virtual_alias_maps = accounts:aliases

See: pyfix-domain(1), pyfix-user(1), pyfix-alias(1), mysql_table(5), lookup_tables(5)

Inside: lookups.py has the questions, which need no right to read stored passwords.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from pyfix.mail.accounts.database import Database, Session
from pyfix.mail.accounts.errors import AccountsUnavailable
from pyfix.mail.accounts.lookups import find_domain, find_logins, find_mailbox, find_targets
from pyfix.mail.accounts.names import LONGEST_TEXT
from pyfix.mail.accounts.opening import missing_file, open_database
from pyfix.mail.accounts.present import today
from pyfix.mail.accounts.records import Service
from pyfix.mail.accounts.schema import ALIAS, DOMAIN, MAILBOX
from pyfix.mail.config import ConfigError
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.table import Table, TableError, UnavailableTable, encode_key

Find = Callable[[Session, str, date], str | None]


def _find_maildir(session: Session, key: str, day: date) -> str | None:
    mailbox = find_mailbox(session, key)
    return mailbox.maildir if mailbox and mailbox.may(Service.RECEIVING, day) else None


def _find_limit(session: Session, key: str, day: date) -> str | None:
    mailbox = find_mailbox(session, key)
    return mailbox.quota if mailbox and mailbox.may(Service.RECEIVING, day) else None


_QUESTIONS: Final[dict[str, tuple[Find, tuple[str, ...]]]] = {
    "domains": (find_domain, (DOMAIN.keys,)),
    "mailboxes": (_find_maildir, (MAILBOX.keys,)),
    "aliases": (find_targets, (ALIAS.keys, MAILBOX.keys)),
    "limits": (_find_limit, (MAILBOX.keys,)),
    "senders": (find_logins, (MAILBOX.keys, ALIAS.keys)),
}
"""For each table what it finds for a key, and the statements that give keys which may be in it."""


class AccountsTable(Table):
    """One of the tables."""

    def __init__(self, name: str, find: Find, keys: tuple[str, ...], database: Database) -> None:
        super().__init__(name)
        self._find = find
        self._keys = keys
        self._database = database
        self.blocking = database.blocking
        self.owner = database.owner

    def lookup(self, key: str) -> str | None:
        key = key.casefold()
        if not key or len(key) > LONGEST_TEXT or encode_key(key) is None or "\0" in key:
            return None
        day = today()
        try:
            return self._database.read(lambda session: self._find(session, key, day))
        except AccountsUnavailable as error:
            raise TableError(f"{self.name}: {error}") from error

    def entries(self) -> Iterator[tuple[str, str]]:
        try:
            keys = self._database.read(
                lambda session: [row[0] or "" for part in self._keys for row in session.query(part)]
            )
        except AccountsUnavailable as error:
            raise TableError(f"{self.name}: {error}") from error
        for key in dict.fromkeys(map(str.casefold, keys)):
            value = self.lookup(key)
            if value is not None:
                yield key, value

    def has_changed(self) -> bool:
        return self._database.has_changed()


def open_accounts(spec: str, name: str, opening: Opening) -> Table:
    """Return the table; raises ConfigError."""
    question = _QUESTIONS.get(name)
    if question is None:
        raise ConfigError(f"{spec}: no such table of accounts; specify accounts: and one of {' '.join(_QUESTIONS)}")
    if opening.config is None:
        raise ConfigError(f"{spec}: accounts are known to processes with a main.cf only")
    try:
        database = open_database(opening, opening.config)
    except AccountsUnavailable as error:
        return UnavailableTable(spec, str(error), missing=missing_file(opening.config))
    return AccountsTable(spec, *question, database)

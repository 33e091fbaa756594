"""Accounts, one interface for both kinds of database.

Reading gives records. Each change is one transaction in which nobody else of pyfix's writes: it looks at what is there,
applies the rules, and writes what differs, so that limits hold also when two commands add accounts at once, and columns
that pyfix gives no meaning stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Generic, TypeVar

from pyfix.mail.accounts.app_passwords import AppPasswords
from pyfix.mail.accounts.database import Database, Session
from pyfix.mail.accounts.errors import NotFound, Refused
from pyfix.mail.accounts.kinds import ALIASES, DOMAINS, MAILBOXES, MANAGERS, AccountKind
from pyfix.mail.accounts.logins import Logins
from pyfix.mail.accounts.records import Alias, Domain, Mailbox, Manager
from pyfix.mail.accounts.rows import QUOTA_COLUMNS, read_quota
from pyfix.mail.accounts.rules import Usage, check_new_alias, check_new_mailbox, check_quota
from pyfix.mail.accounts.schema import ALIAS, APP_PASSWORD, DOMAIN, DOMAIN_MANAGER, MAILBOX, Table

T = TypeVar("T")
_MANAGED: Final = "SELECT domain FROM domain_manager WHERE username = ? ORDER BY domain"
_ALL_MANAGED: Final = "SELECT username, domain FROM domain_manager ORDER BY domain"
_MANAGE: Final = "INSERT INTO domain_manager (username, domain, createdate) VALUES (?, ?, ?)"
_UNMANAGE: Final = "DELETE FROM domain_manager WHERE username = ?"


class Accounts(Generic[T]):
    """Those of one kind."""

    def __init__(self, database: Database, kind: AccountKind[T]) -> None:
        self._database = database
        self._kind = kind

    def all(self, domain: str = "") -> list[T]:
        """Return all, or those of a domain, by name."""

        def find(session: Session) -> list[T]:
            kind = self._kind
            if domain:
                rows = session.query(kind.table.select_of_domain(kind.columns), domain)
            else:
                rows = session.query(kind.table.select(kind.columns))
            return self._complete(session, [kind.read(row) for row in rows])

        return self._database.read(find)

    def get(self, name: str) -> T:
        """Return one; raises NotFound."""
        return self._database.read(lambda session: self._get(session, name))

    def add(self, record: T) -> None:
        """Add one; raises Refused where there is one of this name, and by the rules."""

        def add(session: Session) -> None:
            kind = self._kind
            values = kind.values(record)
            name = str(values[kind.table.key[0]])
            if self._find(session, name) is not None:
                raise Refused(f"{kind.table.name} {name} exists already")
            self._check_new(session, record)
            values |= kind.only_new(record)
            session.insert(kind.table, values)
            self._write_rest(session, record)

        self._database.write(add)

    def change(self, name: str, edit: Callable[[T], T]) -> T:
        """Return it as edited; its name stays. Raises NotFound, Refused, and what `edit` raises."""

        def change(session: Session) -> T:
            before = self._get(session, name)
            after = edit(before)
            self._check_change(session, before, after)
            old = self._kind.values(before)
            new = {column: value for column, value in self._kind.values(after).items() if value != old[column]}
            if new:
                session.update(self._kind.table, new, name)
            self._write_rest(session, after)
            return after

        return self._database.write(change)

    def remove(self, name: str) -> T:
        """Remove it and return what it was; raises NotFound, Refused."""

        def remove(session: Session) -> T:
            record = self._get(session, name)
            self._remove_rest(session, name)
            session.delete(self._kind.table, name)
            return record

        return self._database.write(remove)

    def _find(self, session: Session, name: str) -> T | None:
        rows = session.query(self._kind.table.select_one(self._kind.columns), name)
        return self._complete(session, [self._kind.read(rows[0])])[0] if rows else None

    def _get(self, session: Session, name: str) -> T:
        record = self._find(session, name)
        if record is None:
            raise NotFound(f"no {self._kind.table.name} {name}")
        return record

    def _complete(self, session: Session, records: list[T]) -> list[T]:
        """Return the records with what other tables have of them."""
        return records

    def _check_new(self, session: Session, record: T) -> None:
        """Raise Refused for one that may not be added."""

    def _check_change(self, session: Session, before: T, after: T) -> None:
        """Raise Refused for a change that may not be."""

    def _write_rest(self, session: Session, record: T) -> None:
        """Write what other tables have of it."""

    def _remove_rest(self, session: Session, name: str) -> None:
        """Remove what other tables have of it; raise Refused where it must stay."""


class Domains(Accounts[Domain]):
    """Domains, which have mailboxes and aliases."""

    def usage(self, name: str) -> Usage:
        """Return what a domain has."""
        return self._database.read(lambda session: usage_of(session, name))

    def remove_all(self, name: str) -> list[Mailbox]:
        """Remove a domain with its accounts, and return its mailboxes; raises NotFound."""

        def remove(session: Session) -> list[Mailbox]:
            self._get(session, name)
            rows = session.query(MAILBOX.select_of_domain(MAILBOXES.columns), name)
            mailboxes = [MAILBOXES.read(row) for row in rows]
            for (username,) in session.query(MAILBOX.select_of_domain(MAILBOX.key), name):
                session.delete(APP_PASSWORD, username or "", optional=True)
                session.delete(MAILBOX, username or "")
            for table in (ALIAS, DOMAIN_MANAGER, DOMAIN):
                session.change(table.delete_of_domain, name)
            return mailboxes

        return self._database.write(remove)

    def _remove_rest(self, session: Session, name: str) -> None:
        users = _count(session, MAILBOX, name)
        aliases = _count(session, ALIAS, name)
        if users or aliases:
            raise Refused(f"domain {name} still has mailboxes ({users}) and aliases ({aliases}); remove them first")
        session.change(DOMAIN_MANAGER.delete_of_domain, name)


class Mailboxes(Accounts[Mailbox]):
    """Mailboxes, whose number and quotas the domain limits."""

    def _check_new(self, session: Session, record: Mailbox) -> None:
        check_new_mailbox(_domain(session, record.domain), usage_of(session, record.domain), record.quota)
        # A program that knows no app passwords may have deleted a mailbox of this name, and left them.
        session.delete(APP_PASSWORD, record.address, optional=True)

    def _remove_rest(self, session: Session, name: str) -> None:
        session.delete(APP_PASSWORD, name, optional=True)

    def _check_change(self, session: Session, before: Mailbox, after: Mailbox) -> None:
        if after.quota != before.quota:
            usage = usage_of(session, before.domain)
            others = replace(usage, quota=usage.quota - before.quota.size)
            check_quota(_domain(session, before.domain), others, after.quota)


class Aliases(Accounts[Alias]):
    """Aliases, whose number the domain limits."""

    def _check_new(self, session: Session, record: Alias) -> None:
        check_new_alias(_domain(session, record.domain), usage_of(session, record.domain))


class Managers(Accounts[Manager]):
    """Managers, whose domains are rows of another table."""

    def _complete(self, session: Session, records: list[Manager]) -> list[Manager]:
        if len(records) == 1:
            names = [domain or "" for (domain,) in session.query(_MANAGED, records[0].username)]
            return [replace(records[0], domains=tuple(names))]
        domains: dict[str, list[str]] = {}
        for username, domain in session.query(_ALL_MANAGED):
            domains.setdefault((username or "").casefold(), []).append(domain or "")
        return [replace(record, domains=tuple(domains.get(record.username, ()))) for record in records]

    def _write_rest(self, session: Session, record: Manager) -> None:
        for name in record.domains:
            _domain(session, name)
        session.change(_UNMANAGE, record.username)
        for name in record.domains:
            session.change(_MANAGE, record.username, name, record.created)

    def _remove_rest(self, session: Session, name: str) -> None:
        session.change(_UNMANAGE, name)


class Store:
    """The accounts of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.domains = Domains(database, DOMAINS)
        self.mailboxes = Mailboxes(database, MAILBOXES)
        self.aliases = Aliases(database, ALIASES)
        self.managers = Managers(database, MANAGERS)
        self.app_passwords = AppPasswords(database)
        self.logins = Logins(database)

    def close(self) -> None:
        """Give back what is open."""
        self.database.close()


def usage_of(session: Session, domain: str) -> Usage:
    """Return what a domain has."""
    rows = session.query(MAILBOX.select_of_domain(QUOTA_COLUMNS), domain)
    quota = sum(read_quota(row).size for row in rows)
    return Usage(len(rows), _count(session, ALIAS, domain), quota)


def _domain(session: Session, name: str) -> Domain:
    rows = session.query(DOMAIN.select_one(DOMAINS.columns), name)
    if not rows:
        raise NotFound(f"no domain {name}; add it first")
    return DOMAINS.read(rows[0])


def _count(session: Session, table: Table, domain: str) -> int:
    return int(session.query(table.count_of_domain, domain)[0][0] or 0)

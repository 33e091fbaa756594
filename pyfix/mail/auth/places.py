"""Find where a login's mail is when its back end does not know: where mail for it is delivered.

A bare name, and one in a domain that is delivered to Unix users, is a Unix user's, whose mail is where local(8) puts
it; any other address has the mailbox where virtual(8) puts it. A command that delivers (mailbox_command) tells nobody
where: then home_mailbox or the spool counts, which it is expected to use.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator

from pyfix.base import accounts
from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.address.split import split_address
from pyfix.mail.auth.backend import BackendUnavailable, Place
from pyfix.mail.config import Config
from pyfix.mail.mailbox.choice import choose_mailbox
from pyfix.mail.mailbox.locate import LookupFailed, Mailbox, open_locator
from pyfix.mail.mailbox.params import LocalMailboxParameters, VirtualMailboxParameters
from pyfix.mail.maps import TableError
from pyfix.mail.maps.table import Ask


class Places:
    """Where deliveries go."""

    def __init__(self, config: Config) -> None:
        """Open the tables; raises ConfigError."""
        self._local = config.read(LocalMailboxParameters)
        self._domains = LocalDomains(config, self._local)
        self._is_root = os.geteuid() == 0
        self._virtual = open_locator(config, config.read(VirtualMailboxParameters), with_ids=self._is_root)

    def lend(self, ask: Ask) -> None:
        """Let other threads ask: see Table.lend."""
        self._domains.lend(ask)
        for maps in self._virtual.maps:
            maps.lend(ask)

    def find_changed(self) -> Iterator[str]:
        """Yield the names of tables that are no longer what was opened."""
        if self._domains.has_changed():
            yield "mydestination"
        yield from (maps.parameter for maps in self._virtual.maps if maps.has_changed())

    def find(self, user: str) -> Place | None:
        """Return where the mail of a user is; None where nobody has that name. Raises BackendUnavailable."""
        name = self.unix_name(user)
        entry = None if name is None else find_unix_user(name)
        if entry is not None:
            return self.of_unix_user(entry)
        return self._of_address(user)

    def unix_name(self, user: str) -> str | None:
        """Return the Unix user's name that a login is, whoever has it; None for an address of another domain.

        That of myorigin is one, unless it is delivered here: alice in a virtual domain is not the Unix user alice.
        """
        local, domain = split_address(user)
        if domain is None:
            return local
        try:
            return local if self._domains.matches(domain.casefold()) else None
        except TableError as error:
            raise BackendUnavailable(f"mydestination: {error}") from error

    def of_unix_user(self, entry: pwd.struct_passwd) -> Place:
        """Return where a Unix user's mail is; raises BackendUnavailable for root, with whose rights nobody reads."""
        if not entry.pw_uid:
            raise BackendUnavailable(
                f"{entry.pw_name}: nobody reads mail with the rights of root; let an alias send it to a person"
            )
        path = choose_mailbox(entry.pw_name, entry.pw_dir, self._local).path
        groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid)) if self._is_root else ()
        return Place(as_location(path), entry.pw_dir, *rights_of(entry.pw_uid, entry.pw_gid), groups)

    def _of_address(self, user: str) -> Place | None:
        try:
            found = self._virtual.find(user.casefold())
        except LookupFailed as error:
            raise BackendUnavailable(str(error)) from error
        return None if found is None else _place(found)


def _place(mailbox: Mailbox) -> Place:
    return Place(as_location(mailbox.path), os.path.dirname(mailbox.path.rstrip("/")), mailbox.uid, mailbox.gid)


def as_location(path: str) -> str:
    """Return the location of a mailbox that delivery writes to: one that ends in / is a Maildir."""
    return f"maildir:{path.rstrip('/')}" if path.endswith("/") else f"mbox:{path}"


def rights_of(uid: int, gid: int) -> tuple[int, int]:
    """Return whose rights a reader has: those of the process in a system that an ordinary user runs."""
    return (uid, gid) if os.geteuid() == 0 else (-1, -1)


def find_unix_user(name: str) -> pwd.struct_passwd | None:
    """Return a Unix user; raises BackendUnavailable."""
    try:
        return accounts.find_user(name)
    except OSError as error:
        raise BackendUnavailable(
            f"passwd entry of a login: {error.strerror}; see nsswitch.conf(5) for who is asked"
        ) from error

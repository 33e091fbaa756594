"""What an account is: domains, mailboxes, aliases and managers.

The fields are those of ExtMail's tables that pyfix gives a meaning; what else a row has is left alone. Names are folded
to lower case. Sizes are in bytes; 0 means without limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from pyfix.mail.accounts.quota import UNLIMITED, Quota


class Service(StrEnum):
    """What can be switched off for a mailbox or a domain, by ExtMail's names (column `disable` + name)."""

    SENDING = "smtpd"
    RECEIVING = "smtp"
    POP3 = "pop3"
    IMAP = "imap"
    WEBMAIL = "webmail"
    NETDISK = "netdisk"


class Role(StrEnum):
    """What a manager may do."""

    ADMIN = "admin"
    """Everything."""
    POSTMASTER = "postmaster"
    """What is in the manager's domains."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an account may be used, and for what."""

    active: bool = True
    expires: date | None = None
    """The last day; None: never."""
    disabled: frozenset[Service] = frozenset()


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain and its limits; 0 is no limit."""

    name: str
    description: str = ""
    max_users: int = 0
    max_aliases: int = 0
    max_quota: int = 0
    """Of all mailboxes together."""
    default_quota: Quota = UNLIMITED
    """Of a new mailbox."""
    default_expire: str = ""
    """How long a new mailbox lives: 1y, 3m, 10d; empty: for ever."""
    created: str = ""
    standing: Standing = field(default_factory=Standing)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox."""

    address: str
    domain: str
    password: str = field(default="", repr=False)
    """As stored; empty: nobody can log in."""
    name: str = ""
    maildir: str = ""
    """Below virtual_mailbox_base."""
    quota: Quota = UNLIMITED
    created: str = ""
    standing: Standing = field(default_factory=Standing)


@dataclass(frozen=True, slots=True)
class AppPassword:
    """One of several passwords of a mailbox: for one program, so that it can be taken back."""

    address: str
    name: str
    password: str = field(default="", repr=False)
    """As stored."""
    services: frozenset[Service] = frozenset()
    """What it is good for; empty: everything."""
    created: str = ""
    used: str = ""
    """When it was last used, to within some minutes; empty: never."""


@dataclass(frozen=True, slots=True)
class Alias:
    """An address, or @domain for all that are not otherwise known, and where its mail goes."""

    address: str
    domain: str
    targets: tuple[str, ...]
    created: str = ""
    standing: Standing = field(default_factory=Standing)


@dataclass(frozen=True, slots=True)
class Manager:
    """Somebody who looks after accounts."""

    username: str
    role: Role
    password: str = field(default="", repr=False)
    name: str = ""
    domains: tuple[str, ...] = ()
    created: str = ""
    standing: Standing = field(default_factory=Standing)

"""What a back end of auth answers.

Some know the stored secret, which serves every mechanism that can be computed from it (LookupBackend: databases,
files); others only say whether a password is right (VerifyBackend: PAM, an LDAP bind, another auth server). All are
asked in threads and may block. None of them decides about delays, bans or replies: auth does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar


class BackendUnavailable(Exception):
    """A back end can't be asked; the text, for the log, says what to do. Temporary: nobody is told "wrong password"."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody who wants to log in."""

    login: str
    """The name, normalised: auth_default_realm is added, letters folded as auth_username_format says."""
    service: str
    """smtp, pop3, imap."""
    remote: str = ""
    """Address of the client; empty when unknown."""
    local: str = ""
    is_secured: bool = False
    """By TLS, or because it never left this machine."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One stored password of an account."""

    stored: str = field(repr=False)
    """As mail/passwords reads it."""
    default_scheme: str
    """What a text without {SCHEME} is."""
    label: str = ""
    """Name of an app password; empty for the account's own."""


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of a login."""

    user: str
    """Its canonical name: what is logged, and what smtpd_sender_login_maps is compared with."""
    secrets: tuple[Secret, ...] = field(default=(), repr=False)
    """Those that are good for the service that was asked about; empty where a VerifyBackend has verified already."""
    obstacle: str = ""
    """Why it may not log in although the password be right ("expired on 2026-01-31"): for the log, not the peer."""
    quota: str = ""
    """As stored with the account, for its Place; empty: none known here."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a user's mail is and whose it is."""

    location: str
    """maildir:/path or mbox:/path, as in Dovecot's mail_location."""
    home: str
    uid: int
    gid: int
    """-1 both: those of the process, in a system that an ordinary user runs."""
    groups: tuple[int, ...] = ()
    """Supplementary groups of a Unix user."""
    quota: str = ""
    """As stored with the account, see accounts.parse_quota; empty: none known here."""


class Backend(ABC):
    """One source of logins."""

    name: ClassVar[str]
    """As in auth_backends and in the log."""

    @abstractmethod
    def locate(self, user: str, service: str) -> Place | None:
        """Return where a user's mail is; None for an unknown user. Raises BackendUnavailable."""

    def locate_account(self, account: Account, service: str) -> Place | None:
        """Return where the mail of an account is that this back end has let in just now; raises BackendUnavailable."""
        return self.locate(account.user, service)

    def close(self) -> None:  # noqa: B027 - most have nothing open
        """Give back what is open."""


class LookupBackend(Backend):
    """Knows stored secrets."""

    @abstractmethod
    def find(self, attempt: Attempt) -> Account | None:
        """Return the account; None for an unknown login. Raises BackendUnavailable."""

    def renew(self, account: Account, secret: Secret, stored: str) -> None:
        """Store a fresh hash of the password that was just verified (password_rehash); nothing where that can't be."""

    def used(self, account: Account, secret: Secret) -> None:
        """Note that a secret was used just now; nothing where no such note is kept."""


class VerifyBackend(Backend):
    """Says whether a password is right."""

    @abstractmethod
    def verify(self, attempt: Attempt, password: bytes) -> Account | None:
        """Return the account; None for an unknown login or a wrong password. Raises BackendUnavailable."""

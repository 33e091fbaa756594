"""What came of asking the back ends."""

from __future__ import annotations

from dataclasses import dataclass

from pyfix.mail.auth.backend import Account, Place


@dataclass(frozen=True, slots=True)
class Granted:
    """They may log in."""

    account: Account
    """Without its secrets."""
    backend: str
    warnings: tuple[str, ...] = ()
    place: Place | None = None
    """Where the mail is, where that was asked for and is known."""

    @property
    def user(self) -> str:
        """The canonical name."""
        return self.account.user


@dataclass(frozen=True, slots=True)
class Denied:
    """They may not."""

    reason: str
    """For the log."""
    backend: str
    """The last that knew the login, or was asked."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say at present."""

    problems: tuple[str, ...]


Verdict = Granted | Denied | Unknown
UNKNOWN_USER = "unknown user"
MISMATCH = "Password mismatch"

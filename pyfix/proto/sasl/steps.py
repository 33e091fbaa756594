"""What a mechanism wants next."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send this, and give what the client says to `receive`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class CheckPassword:
    """Find out whether the password is right; the mechanism has done its part."""

    login: str
    password: bytes = field(repr=False)
    authorize: str = ""
    """Who the client wants to be; empty: itself."""


@dataclass(frozen=True, slots=True)
class FetchKeys:
    """Find the keys of a login, none for one that is nobody's, and give them to `use`."""

    login: str
    authorize: str = ""


@dataclass(frozen=True, slots=True)
class CheckToken:
    """Find out whose token it is: if the login's, or anybody's where it names none, they are in. Else `refuse`."""

    login: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accept:
    """The login has shown that it knows the key."""

    login: str
    authorize: str
    key: int
    """Which of those that `use` got."""
    last: bytes | None = None
    """Data that the client still has to see."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """It is over."""

    reason: str
    """For the log."""
    login: str = ""
    """As far as it is known."""


Step = Challenge | CheckPassword | FetchKeys | CheckToken | Accept | Refuse

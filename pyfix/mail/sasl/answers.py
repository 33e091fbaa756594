"""What an auth service is asked, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class AuthUnavailable(Exception):
    """The auth service can't be reached, or does not speak its protocol; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody wants to log in."""

    mechanism: str
    service: str
    """smtp, pop3, imap."""
    remote: str = ""
    """Address of the client; empty when unknown."""
    remote_port: str = ""
    local: str = ""
    local_port: str = ""
    is_secured: bool = False
    """By TLS, or because it never left this machine."""
    response: bytes | None = field(default=None, repr=False)
    """The initial response, decoded; None: there was none."""
    wants_ticket: bool = False
    """Have a `ticket` in the fields of the answer: pyfix's own auth service only."""

    def parameters(self) -> dict[str, str]:
        """Return the parameters of AUTH, in Postfix's order."""
        pairs = {
            "service": self.service, "nologin": "", "lip": self.local, "rip": self.remote, "lport": self.local_port,
            "rport": self.remote_port,
        }  # fmt: skip
        found = {name: value for name, value in pairs.items() if value or name == "nologin"}
        found |= {"secured": ""} if self.is_secured else {}
        return found | ({"ticket": ""} if self.wants_ticket else {})


@dataclass(frozen=True, slots=True)
class Challenge:
    """The client has to say more."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """Who it is."""

    user: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """All that the service said; a field without a value has an empty one."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """It is not, or nobody knows."""

    reason: str = ""
    """For the client; empty when the service gives none."""
    user: str = ""
    """Whom it claimed to be, as far as it came."""
    is_temporary: bool = False
    code: str = ""
    """temp_fail, authz_fail, user_disabled, pass_expired, invalid_base64 and the like."""
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


Answer = Challenge | Accepted | Rejected


@dataclass(frozen=True, slots=True)
class Found:
    """A user, and where the mail is."""

    user: str
    fields: Mapping[str, str]
    """uid, gid, home, mail, groups, quota."""

"""Lines for the log, in the words of Dovecot's login process. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyfix.proto.pop3.authorization import History

_BRACKETS: Final = str.maketrans("<>", "??")
"""What a client calls itself must not end the field that it stands in: fail2ban would take an address out of it."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who is at the other end."""

    remote: str
    local: str
    session: str

    @property
    def is_on_this_machine(self) -> bool:
        """True when the connection does not leave the machine: both ends have the same address."""
        return self.remote == self.local


def login_line(client: Client, user: str, method: str, pid: int, security: str) -> str:
    """Return the line about a login."""
    return f"Login: {_facts(client, user, method, security, pid)}"


def end_line(client: Client, reason: str, why: str, history: History, security: str) -> str:
    """Return the line about a connection that ended without a login; `why` may be empty."""
    extra = f" ({why})" if why else ""
    return f"Disconnected: {reason}{extra}: {_facts(client, history.user, history.method, security)}"


def _facts(client: Client, user: str, method: str, security: str, pid: int = 0) -> str:
    fields = (
        f"user=<{user.translate(_BRACKETS)}>",
        f"method={method}" if method else "",
        f"rip={client.remote}",
        f"lip={client.local}",
        f"mpid={pid}" if pid else "",
        security,
        f"session=<{client.session}>",
    )
    return ", ".join(field for field in fields if field)


def explain(
    history: History, seconds: float, *, is_busy: bool = False, has_logged_in: bool = False, is_lost: bool = False
) -> str:
    """Return what has been tried so far; is_busy: auth has not answered yet; is_lost: the client has hung up."""
    if history.attempts:
        return f"auth failed, {history.attempts} attempts in {seconds:.0f} secs"
    if has_logged_in and is_lost:
        return f"disconnected while finishing login, waited {seconds:.0f} secs"
    if has_logged_in:
        return "internal failure, 1 successful auths"
    if history.had_trouble:
        return "auth service reported temporary failure"
    if history.has_tried_plaintext:
        return "tried to use disallowed plaintext auth"
    if history.has_tried_unknown:
        return "tried to use unsupported auth mechanism"
    if history.has_sent_garbage:
        return "sent invalid base64 in response"
    if history.is_in_exchange or history.has_cancelled:
        return f"client didn't finish SASL auth, waited {seconds:.0f} secs"
    if is_busy:
        return f"disconnected while authenticating, waited {seconds:.0f} secs"
    return f"no auth attempts in {seconds:.0f} secs"

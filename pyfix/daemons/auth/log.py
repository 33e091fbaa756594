"""The lines of auth, one function an event.

The login processes log what fail2ban looks for (smtpd, pop3-login), each in the words of its model. For whoever else
asks, auth does it, in the words of Dovecot's auth; the reason of a failure is in its own log alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyfix.base.log import Log
from pyfix.daemons.auth.names import show
from pyfix.daemons.auth.verdict import MISMATCH, UNKNOWN_USER

_SELF_LOGGING: Final = frozenset({"smtp", "pop3", "imap", "managesieve", "submission", "lmtp"})


@dataclass(frozen=True, slots=True)
class Who:
    """Of whom a line is."""

    login: str
    mechanism: str
    service: str
    remote: str
    """Address; empty when unknown."""

    def __str__(self) -> str:
        where = f", rip={show(self.remote)}" if self.remote else ""
        return f"user=<{show(self.login)}>, method={self.mechanism}, service={show(self.service)}{where}"


def failed(log: Log, who: Who, reason: str, backend: str) -> None:
    """A login has failed."""
    if who.service in _SELF_LOGGING or not who.remote:
        log.info(f"login failed: {who}: {backend + ': ' if backend else ''}{reason}")
        return
    words = reason if reason in (UNKNOWN_USER, MISMATCH) else f"{MISMATCH} ({reason})"
    log.info(f"{_source(backend)}({show(who.login)},{show(who.remote)}): {words}")


def succeeded(log: Log, who: Who, user: str, backend: str) -> None:
    """A login is good."""
    log.debug(f"login: {who}: {backend}: {show(user)}")


def refused(log: Log, who: Who, reason: str) -> None:
    """A login was not even tried."""
    log.info(f"login refused: {who}: {reason}")


def unavailable(log: Log, who: Who, problem: str) -> None:
    """Nobody can say whether a login is good."""
    log.warning(f"login deferred: {who}: {problem}")


def banned(log: Log, source: str, seconds: float) -> None:
    """A source has failed too often."""
    log.warning(f"{source}: too many failed logins: refused for {seconds:.0f}s")


def _source(backend: str) -> str:
    """Return the word before the parenthesis, of which fail2ban's filter wants 3 to 15 letters."""
    word = "".join(char for char in backend if char.isascii() and (char.islower() or char == "-"))[:15]
    return word if len(word) >= 3 else "auth"

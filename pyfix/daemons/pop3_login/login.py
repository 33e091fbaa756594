"""One login: what auth says, in POP3's words, and the session that is given to pop3d."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyfix.mail.ipc.handover import HandoverFailed, give
from pyfix.mail.ipc.messages import HandOver
from pyfix.mail.sasl.answers import Accepted, Rejected

_TEMPORARY: Final = "Temporary authentication failure."
_FAILED: Final = "Authentication failed."
INTERNAL: Final = "Internal login failure. Refer to server log for more information."


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client is told."""

    text: str
    code: str
    """Of RFC 3206."""
    is_trouble: bool = False
    """It is not the client's fault."""


def refusal_of(rejected: Rejected) -> Refusal:
    """Return what to tell a client that auth has rejected."""
    if rejected.is_temporary:
        return Refusal(_TEMPORARY, "SYS/TEMP", is_trouble=True)
    return Refusal(rejected.reason or _FAILED, "AUTH")


@dataclass(frozen=True, slots=True)
class Given:
    """The session goes on in that process."""

    pid: int


async def hand_over(
    path: str, accepted: Accepted, session: str, remote: str, rest: bytes, fd: int, timeout_s: float
) -> Given | Refusal:
    """Give a session to pop3d; raises HandoverFailed, whose text is for the log."""
    ticket = accepted.fields.get("ticket", "")
    if not ticket:
        raise HandoverFailed("auth gives no ticket: it has to be pyfix's own, see auth(8)")
    answer = await give(path, HandOver(ticket, accepted.user, session, remote, rest), fd, timeout_s)
    return Refusal(answer.problem, answer.code, is_trouble=True) if answer.problem else Given(answer.pid)

"""A session that arrives from pop3-login: who gives it, whose it is, whether there is room for it.

The giver's connection carries one session and its answer. Until the answer is "taken" the giver talks to the client.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from pyfix.base import clock
from pyfix.base.log import Log
from pyfix.daemons.pop3d.box import NoPlace, Owner
from pyfix.mail.ipc.frame import ProtocolError
from pyfix.mail.ipc.handover import Receiver, answer
from pyfix.mail.ipc.messages import HandedOver, HandOver
from pyfix.mail.ipc.peer import credentials_of
from pyfix.mail.sasl.answers import AuthUnavailable, Found

PATIENCE_S: Final = 10.0
"""How long a giver may take to say what it gives."""
_TROUBLE: Final = "Internal login failure. Refer to server log for more information."
_REMEMBERED: Final = 100_000


class Arrivals:
    """Sockets of givers, until each has given its session."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, log: Log, givers: frozenset[int],
        take: Callable[[HandOver, Receiver, socket.socket], None],
    ) -> None:  # fmt: skip
        """givers: user ids that may give sessions; take: called with each session, which then is its owner's."""
        self._loop = loop
        self._log = log
        self._givers = givers
        self._take = take

    def accept(self, sock: socket.socket) -> None:
        """Serve a new connection."""
        uid = credentials_of(sock).uid
        if uid not in self._givers:
            self._log.warning(f"session from a process of user id {uid} refused")
            sock.close()
            return
        receiver = Receiver(sock)
        if not self._read(sock, receiver):  # mostly everything is there already
            timer = self._loop.call_later(PATIENCE_S, self._give_up, sock, receiver)
            self._loop.add_reader(sock.fileno(), self._read_more, sock, receiver, timer)

    def _read(self, sock: socket.socket, receiver: Receiver) -> bool:
        """Read what is there; return whether that ends the matter."""
        try:
            message = receiver.receive()
        except BlockingIOError:
            return False
        except (ProtocolError, OSError) as error:
            self._log.warning(f"session from a local client refused: {error}")
            self._give_up(sock, receiver)
            return True
        if message is not None:
            self._loop.remove_reader(sock.fileno())
            self._take(message, receiver, sock)
        return message is not None

    def _read_more(self, sock: socket.socket, receiver: Receiver, timer: asyncio.TimerHandle) -> None:
        if self._read(sock, receiver):
            timer.cancel()

    def _give_up(self, sock: socket.socket, receiver: Receiver) -> None:
        self._loop.remove_reader(sock.fileno())
        receiver.close()


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, and how many at once, a user may have sessions; 0: no limit."""

    per_address: int
    login_delay_s: float


class Refused(Exception):
    """The session is not taken; the client is told so by the giver."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class Guests:
    """The sessions of this process by user and address, and when users came last."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._counts: dict[tuple[str, str], int] = {}
        self._last_login: dict[str, float] = {}

    def enter(self, user: str, remote: str) -> None:
        """Count a session; raises Refused."""
        limit, delay = self._limits.per_address, self._limits.login_delay_s
        key = (user, remote)
        count = self._counts.get(key, 0)
        if limit and count >= limit:
            text = f"Maximum number of connections from user+IP exceeded (mail_max_userip_connections={limit})"
            raise Refused(text, "IN-USE")
        if delay and self._came_too_soon(user, delay):
            raise Refused(f"Minimum time between logins is {delay:.0f} seconds", "LOGIN-DELAY")
        self._counts[key] = count + 1

    def _came_too_soon(self, user: str, delay: float) -> bool:
        now = clock.monotonic()
        last = self._last_login.pop(user, None)
        if last is not None and now - last < delay:
            self._last_login[user] = last
            return True
        self._last_login[user] = now
        if len(self._last_login) > _REMEMBERED:
            del self._last_login[next(iter(self._last_login))]
        return False

    def leave(self, user: str, remote: str) -> None:
        """A session has ended."""
        key = (user, remote)
        count = self._counts.get(key, 0)
        if count > 1:
            self._counts[key] = count - 1
        else:
            self._counts.pop(key, None)


Redeem = Callable[[str], Coroutine[Any, Any, Found | None]]


async def admit(message: HandOver, redeem: Redeem, guests: Guests, log: Log) -> Owner:
    """Return whose session it is, and count it; raises Refused, with the reason in the log."""
    try:
        found = await redeem(message.ticket)
        if found is None:
            raise NoPlace(f"the ticket of user {message.user} is not valid, or was too old")
        owner = Owner.from_fields(found.user, found.fields)
    except (AuthUnavailable, NoPlace) as error:
        log.error(str(error))
        raise Refused(_TROUBLE, "SYS/TEMP") from error
    guests.enter(owner.user, message.remote)
    return owner


def accept_session(sock: socket.socket) -> None:
    """Tell the giver that the session goes on here."""
    answer(sock, HandedOver(os.getpid()))


def refuse_session(sock: socket.socket, refused: Refused) -> None:
    """Tell the giver what to tell the client."""
    answer(sock, HandedOver(os.getpid(), refused.text, refused.code))

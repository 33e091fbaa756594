"""The client of an auth service: Dovecot's auth protocol over one kept connection, for asyncio code.

    client = AuthClient("private/auth", log)
    exchange = client.exchange(Request("PLAIN", "smtp", response=...))
    answer = await exchange.begin()
    while isinstance(answer, Challenge):
        answer = await exchange.respond(...)

Any number of exchanges are in flight at once. A service that dies takes none of its clients with it: what was in flight
ends as a temporary Rejected, the next request connects again. A request that is lost because the connection kept from
before turned out to be dead is sent once more, on a new one. That a service can't be reached is logged once, until it
can be reached again. A response that is longer than a line of the protocol may be is rejected here: a service ends the
connection, and with it everybody's requests, for that.

Coroutines here await plain futures, so that they work without a current task (smtpd's sessions).
See: connection.py, proto/dovecot_auth; auth(8).
"""

from __future__ import annotations

import asyncio
from typing import Final

from pyfix.base.endpoint import Endpoint
from pyfix.base.log import Log
from pyfix.mail.sasl.answers import Answer, AuthUnavailable, Challenge, Found, Rejected, Request
from pyfix.mail.sasl.connection import AuthConnection, Waiting
from pyfix.proto.dovecot_auth import LINE_LIMIT, Mechanism

HANDSHAKE_S: Final = 10.0
ANSWER_S: Final = 60.0
"""How long one answer may take: a service delays failures on purpose, for longer the more there are."""
PATIENCE_S: Final = 5.0
"""How long those wait who only want to know what there is."""
RETRY_S: Final = 1.0
"""How long they take it for granted that a service is away."""
DOVECOT_LINE_LIMIT: Final = 8192
LOST: Final = "Connection lost to authentication server"
UNREACHABLE: Final = "Can't connect to authentication server"
NO_ANSWER: Final = "No answer from authentication server"


def parse_path(text: str) -> Endpoint:
    """Return where smtpd_sasl_path points: inet:host:port, unix:path or a path; raises ValueError."""
    if text.startswith("inet:"):
        return Endpoint.tcp(text[5:])
    return Endpoint.unix(text.removeprefix("unix:"))


class AuthClient:
    """A kept connection to the auth service at `path` (see parse_path), shared by all sessions of a process."""

    def __init__(
        self,
        path: str,
        log: Log,
        *,
        line_limit: int = LINE_LIMIT,
        handshake_s: float = HANDSHAKE_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        """line_limit: bytes of a request; DOVECOT_LINE_LIMIT where the service may be Dovecot's."""
        self.path = path
        self.answer_s = answer_s
        self._endpoint = parse_path(path)
        self._log = log
        self._line_limit = line_limit
        self._handshake_s = handshake_s
        self._connection: AuthConnection | None = None
        self._connecting: asyncio.Task[AuthConnection] | None = None
        self._is_known_down = False
        self._retry_at = 0.0
        self.known_mechanisms: tuple[Mechanism, ...] | None = None
        """What the service said when it was last reached; None: it never was."""

    async def mechanisms(self) -> tuple[Mechanism, ...]:
        """Return what the service offers; raises AuthUnavailable."""
        return (await self.connect()).mechanisms

    def prepare(self) -> None:
        """Begin to connect, unless the service has just been found away."""
        if not self.is_connected and self._retry_at <= asyncio.get_running_loop().time():
            self._connect()

    async def offered(self) -> tuple[Mechanism, ...] | None:
        """Return what the service offers, or what it offered when it was last reached; None when it never was.

        Waits for a moment only when it never was, and not where it has just been found away.
        """
        self.prepare()
        if self.known_mechanisms is None and self._connecting is not None:
            await _wait_for(self._connecting, PATIENCE_S)
        return self.known_mechanisms

    def exchange(self, request: Request) -> Exchange:
        """Return the dialogue that a request begins; nothing is sent yet."""
        return Exchange(self, request)

    async def find_user(self, name: str, service: str) -> Found | None:
        """Return where a user's mail is; None for an unknown one. Raises AuthUnavailable.

        pyfix's own auth service only, and only for processes that run as root or as the service itself.
        """
        connection = await self.connect()
        return await self._find(connection, connection.find_user(name, service))

    async def redeem(self, ticket: str) -> Found | None:
        """Return whom a ticket is for and where that user's mail is; None for one that is not valid (any more).

        Raises AuthUnavailable. As with find_user.
        """
        connection = await self.connect()
        return await self._find(connection, connection.redeem(ticket))

    @property
    def is_connected(self) -> bool:
        """True when a service has introduced itself, and has not gone since."""
        return self._connection is not None and self._connection.is_open

    def close(self) -> None:
        """Close the connection; what is in flight fails."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def connect(self) -> AuthConnection:
        """Return the connection, made if there is none; raises AuthUnavailable."""
        connection = self._connection
        if connection is not None and connection.is_open:
            return connection
        return await asyncio.shield(self._connect())

    def _connect(self) -> asyncio.Task[AuthConnection]:
        if self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._establish())
            self._connecting.add_done_callback(_forget_failure)
        return self._connecting

    async def _establish(self) -> AuthConnection:
        try:
            connection = await AuthConnection.open(self._endpoint, self._handshake_s, self._line_limit)
        except AuthUnavailable as error:
            if not self._is_known_down:
                self._log.warning(f"SASL: Connect to Dovecot auth socket '{self.path}' failed: {error}")
            self._is_known_down = True
            self._retry_at = asyncio.get_running_loop().time() + RETRY_S
            raise
        finally:
            self._connecting = None
        self._is_known_down = False
        self._connection = connection
        self.known_mechanisms = connection.mechanisms
        return connection

    async def wait(self, waiting: Waiting) -> Answer | Found | None:
        """Return an answer; a temporary Rejected when it does not come in time."""
        timer = asyncio.get_running_loop().call_later(self.answer_s, _give_up, waiting)
        try:
            return await waiting
        finally:
            timer.cancel()

    async def _find(self, connection: AuthConnection, waiting: Waiting) -> Found | None:
        answer = await self.wait(waiting)
        if answer is None and not connection.is_open:
            raise AuthUnavailable(f"{self.path}: {connection.problem or LOST}")
        if answer is None or isinstance(answer, Found):
            return answer
        reason = answer.reason if isinstance(answer, Rejected) else ""
        raise AuthUnavailable(f"{self.path}: {reason or 'temporary failure'}")


class Exchange:
    """One attempt to log in."""

    def __init__(self, client: AuthClient, request: Request) -> None:
        self._client = client
        self._request = request
        self._connection: AuthConnection | None = None
        """None before the first request, and when the exchange has ended."""
        self._id = 0

    async def begin(self) -> Answer:
        """Send the request."""
        had_connection = self._client.is_connected
        answer = await self._begin()
        if answer is None and had_connection:
            answer = await self._begin()
        return answer or Rejected(LOST, is_temporary=True)

    async def _begin(self) -> Answer | None:
        try:
            connection = await self._client.connect()
        except AuthUnavailable:
            return Rejected(UNREACHABLE, is_temporary=True)
        self._connection = connection
        self._id, waiting = connection.begin(self._request)
        return await self._wait(waiting)

    async def respond(self, response: bytes) -> Answer:
        """Send the client's response to a challenge."""
        connection = self._connection
        answer = await self._wait(connection.proceed(self._id, response)) if connection is not None else None
        return answer or Rejected(LOST, is_temporary=True)

    async def _wait(self, waiting: Waiting) -> Answer | None:
        """Return the answer; None when the connection has ended."""
        answer = await self._client.wait(waiting)
        if isinstance(answer, Found):
            answer = Rejected(is_temporary=True)
        if isinstance(answer, Rejected) and answer.reason == NO_ANSWER:
            self.cancel()
        if not isinstance(answer, Challenge):
            self._connection = None
        return answer

    def cancel(self) -> None:
        """Tell the service that the client wants no more; without effect when the exchange has ended."""
        if self._connection is not None:
            self._connection.cancel(self._id)
            self._connection = None


async def _wait_for(task: asyncio.Task[AuthConnection], seconds: float) -> None:
    """Return when the task has ended, or when the time is over; it goes on then."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[None] = loop.create_future()

    def end(_: object = None) -> None:
        if not waiting.done():
            waiting.set_result(None)

    timer = loop.call_later(seconds, end)
    task.add_done_callback(end)
    await waiting
    timer.cancel()


def _give_up(waiting: Waiting) -> None:
    if not waiting.done():
        waiting.set_result(Rejected(NO_ANSWER, is_temporary=True))


def _forget_failure(task: asyncio.Task[AuthConnection]) -> None:
    """Those who wait are told; that there may be none any more is no fault."""
    if not task.cancelled():
        task.exception()

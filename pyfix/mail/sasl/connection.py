"""One connection to an auth service: the introductions, and which answer belongs to which request.

A service that offers no mechanism is Dovecot's socket for its own processes, and refused. One that breaks the protocol
is cut off. Requests are numbered; an answer to a request that nobody waits for any more is dropped.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final, Self, cast

from pyfix.base.endpoint import Endpoint
from pyfix.base.failure import words_for
from pyfix.mail.sasl.answers import Accepted, Answer, AuthUnavailable, Challenge, Found, Rejected, Request
from pyfix.proto import dovecot_auth as protocol
from pyfix.proto.dovecot_auth import messages

_BACKEND_ERROR: Final = "Authentication backend error"
_TOO_LONG: Final = "Response is too long"

Waiting = asyncio.Future[Answer | Found | None]
"""None: nothing was found, or the connection has ended."""


class AuthConnection(asyncio.Protocol):
    """Requests out, answers in."""

    def __init__(self, line_limit: int) -> None:
        self.mechanisms: tuple[protocol.Mechanism, ...] = ()
        self._session = protocol.ClientSession(line_limit)
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self.problem = ""
        """Why the connection has ended."""
        self._last_id = 0
        self._waiting: dict[int, Waiting] = {}

    @classmethod
    async def open(cls, endpoint: Endpoint, timeout_s: float, line_limit: int) -> Self:
        """Connect and wait until the service has introduced itself; raises AuthUnavailable."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                if endpoint.path:
                    _, connection = await loop.create_unix_connection(lambda: cls(line_limit), endpoint.path)
                else:
                    port = cast(int, endpoint.port)  # a text as getaddrinfo takes it, which the stubs do not know
                    _, connection = await loop.create_connection(lambda: cls(line_limit), endpoint.host, port)
                try:
                    await connection._ready
                except BaseException:
                    connection.close()
                    raise
        except TimeoutError:
            raise AuthUnavailable(f"no greeting within {timeout_s:g} seconds") from None
        except OSError as error:
            raise AuthUnavailable(words_for(error)) from error
        return connection

    # --- events of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports share the methods, not the class
        self._transport.write(self._session.open(os.getpid()))

    def data_received(self, data: bytes) -> None:
        """Give the answers to those who wait for them."""
        try:
            for answer in self._session.receive(data):
                waiting = self._waiting.pop(answer.id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(_read(answer))
        except protocol.ProtocolError as error:
            self._abort(str(error))
        if not self._ready.done() and (greeting := self._session.greeting) is not None:
            self.mechanisms = greeting.mechanisms
            if greeting.mechanisms:
                self._ready.set_result(None)
            else:
                self._abort("no mechanisms: is it the socket for clients?")

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits gets no answer."""
        self._transport = None
        self.problem = self.problem or (words_for(exc) if exc else "the connection was closed")
        if not self._ready.done():
            self._ready.set_exception(AuthUnavailable(self.problem))
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_result(None)

    # --- requests

    @property
    def is_open(self) -> bool:
        """False once the stream has ended or close was called."""
        return self._transport is not None and not self._transport.is_closing()

    def begin(self, request: Request) -> tuple[int, Waiting]:
        """Send a request; return its id and where the answer will be."""
        number = self._next_id()
        message = protocol.Authenticate(number, request.mechanism, request.parameters(), request.response)
        return number, self._ask(number, message)

    def proceed(self, number: int, response: bytes) -> Waiting:
        """Send the response to a challenge."""
        return self._ask(number, protocol.Continue(number, response))

    def cancel(self, number: int) -> None:
        """The client of this request has gone."""
        self._waiting.pop(number, None)
        if self._transport is not None:
            self._transport.write(self._session.send(protocol.Cancel(number)))

    def find_user(self, name: str, service: str) -> Waiting:
        """Ask for a user's place."""
        number = self._next_id()
        return self._ask(number, protocol.FindUser(number, name, {"service": service}))

    def redeem(self, ticket: str) -> Waiting:
        """Ask whose ticket it is."""
        number = self._next_id()
        return self._ask(number, protocol.RedeemTicket(number, ticket))

    def close(self) -> None:
        """Close; what is in flight fails."""
        if self._transport is not None:
            self._transport.close()

    def _next_id(self) -> int:
        self._last_id = self._last_id % 0x7FFFFFFF + 1
        return self._last_id

    def _ask(self, number: int, message: messages.Request) -> Waiting:
        waiting: Waiting = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            waiting.set_result(None)
            return waiting
        try:
            line = self._session.send(message)
        except ValueError:
            waiting.set_result(Rejected(_TOO_LONG))
            return waiting
        self._waiting[number] = waiting
        self._transport.write(line)
        return waiting

    def _abort(self, problem: str) -> None:
        self.problem = self.problem or problem
        if self._transport is not None:
            self._transport.abort()


def _read(answer: messages.Answer) -> Answer | Found | None:
    match answer:
        case protocol.Challenge():
            return Challenge(answer.data)
        case protocol.Succeeded():
            return Accepted(answer.user, answer.fields) if answer.user else Rejected(_BACKEND_ERROR)
        case protocol.Failed(fields=said):
            return Rejected(
                said.get("reason", ""), said.get("user", ""), answer.is_temporary, said.get("code", ""), said
            )  # fmt: skip
        case protocol.Found():
            return Found(answer.user, answer.fields)
        case protocol.NotFound():
            return None

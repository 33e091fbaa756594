"""One client: smtpd, pop3-login, a Postfix, whoever speaks Dovecot's auth protocol."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Final, Protocol, cast

from pyfix.base import clock
from pyfix.daemons.auth.desk import Crowded, Desk
from pyfix.daemons.auth.exchange import Exchange
from pyfix.daemons.auth.names import show
from pyfix.mail.auth.backend import BackendUnavailable, Place
from pyfix.mail.ipc.peer import credentials_of
from pyfix.proto.dovecot_auth import (
    Authenticate,
    Cancel,
    Continue,
    Failed,
    FindUser,
    Found,
    Malformed,
    Mechanism,
    NotFound,
    ProtocolError,
    RedeemTicket,
    ServerSession,
    greet,
)
from pyfix.proto.dovecot_auth.messages import Answer, Request, encode

_MOST_REQUESTS: Final = 5000
"""In flight on one connection."""


class Host(Protocol):
    """What a connection needs of the process."""

    desk: Desk
    offers: tuple[Mechanism, ...]

    def admits(self, uid: int) -> bool:
        """Return whether a user may ask."""

    def opened(self, connection: AuthConnection) -> int:
        """Count a connection; return its number."""

    def closed(self, connection: AuthConnection) -> None:
        """A connection has ended."""


class AuthConnection(asyncio.Protocol):
    """Requests in, answers out, in any order."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._session = ServerSession()
        self._exchanges: dict[int, Exchange] = {}
        self._questions: set[int] = set()
        """Ids of USER that are under way."""
        self._transport: asyncio.Transport | None = None
        self._is_trusted = False
        self._is_retiring = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet who may ask."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports share the methods, not the class
        number = self._host.opened(self)
        uid = credentials_of(transport.get_extra_info("socket")).uid
        self._is_trusted = uid in (0, os.getuid())
        if self._is_trusted or self._host.admits(uid):
            self._transport.write(greet(self._host.offers, os.getpid(), number, secrets.token_hex(16)))
        else:
            self._abort(f"user id {uid} may not ask; see auth_authorized_users")

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more for the answers."""
        self._transport = None
        for exchange in list(self._exchanges.values()):
            exchange.cancel()
        self._host.closed(self)

    def data_received(self, data: bytes) -> None:
        """Serve requests."""
        try:
            for request in self._session.receive(data):
                self._serve(request)
        except ProtocolError as error:
            self._abort(str(error))

    def retire(self) -> None:
        """Close as soon as nothing is under way."""
        self._is_retiring = True
        self._close_if_done()

    def _serve(self, request: Request | Malformed) -> None:
        match request:
            case Authenticate():
                self._begin(request)
            case Continue():
                if exchange := self._exchanges.get(request.id):
                    exchange.proceed(request.data)
                else:
                    self._send(Failed(request.id, {"reason": "Authentication request timed out"}))
            case Cancel():
                if exchange := self._exchanges.get(request.id):
                    exchange.cancel()
            case Malformed():
                self._reject(request)
            case RedeemTicket():
                self._redeem(request)
            case FindUser():
                self._find(request)

    def _begin(self, request: Authenticate) -> None:
        self._check_id(request.id)
        if request.mechanism not in self._host.desk.mechanisms:
            raise ProtocolError(f"unsupported authentication mechanism {show(request.mechanism)}")
        end = partial(self._ended, request.id)
        exchange = self._exchanges[request.id] = Exchange(self._host.desk, request, self._send, end)
        exchange.begin()

    def _reject(self, request: Malformed) -> None:
        if exchange := self._exchanges.get(request.id):
            exchange.malformed(request.reason)
        else:
            self._send(Failed(request.id, {"code": "invalid_base64", "reason": request.reason}))

    def _check_trust(self) -> None:
        if not self._is_trusted:
            raise ProtocolError("only root may ask where mail is")

    def _redeem(self, request: RedeemTicket) -> None:
        self._check_id(request.id)
        self._check_trust()
        earned = self._host.desk.tickets.redeem(request.ticket, clock.monotonic())
        if earned is None or earned.place is None:
            self._send(NotFound(request.id))
        else:
            self._send(Found(request.id, earned.user, describe(earned.place)))

    def _find(self, request: FindUser) -> None:
        self._check_id(request.id)
        self._check_trust()
        self._questions.add(request.id)
        self._host.desk.worker.spawn(self._answer(request))

    async def _answer(self, request: FindUser) -> None:
        desk = self._host.desk
        user = desk.names.normalise(request.name)
        answer: Answer
        try:
            place = await desk.in_thread(partial(desk.verifier.locate, user, request.fields.get("service", "")))
        except (BackendUnavailable, Crowded) as error:
            desk.worker.log.warning(f"user=<{show(user)}>: {error}")
            answer = Failed(request.id)
        else:
            answer = NotFound(request.id) if place is None else Found(request.id, user, describe(place))
        self._questions.discard(request.id)
        self._send(answer)
        self._close_if_done()

    def _check_id(self, number: int) -> None:
        if number in self._exchanges or number in self._questions:
            raise ProtocolError(f"a duplicate id {number}")
        if len(self._exchanges) + len(self._questions) >= _MOST_REQUESTS:
            raise ProtocolError(f"more than {_MOST_REQUESTS} requests at once")

    def _ended(self, number: int) -> None:
        del self._exchanges[number]
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._is_retiring and not self._exchanges and not self._questions and self._transport is not None:
            self._transport.close()

    def _send(self, answer: Answer) -> None:
        if self._transport is not None:
            self._transport.write(encode(answer))

    def _abort(self, problem: str) -> None:
        self._host.desk.worker.log.warning(
            f"{self._host.desk.worker.service}: bad request from a local client: {problem}"
        )
        if self._transport is not None:
            self._transport.abort()


def describe(place: Place) -> Mapping[str, str]:
    """Return the parameters of USER."""
    found = {"uid": str(place.uid), "gid": str(place.gid), "home": place.home, "mail": place.location}
    if place.groups:
        found["groups"] = ",".join(map(str, place.groups))
    if place.quota:
        found["quota"] = place.quota
    return found

"""Connections on which a client asks one question, gets the answer, and is parted from: the protocols of other mail
systems' password daemons.

    QuestionConnection(desk, QuestionReader())

A client that takes its time is cut off. No answer at all tells a client that nobody knows now.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from pyfix.mail.ipc.peer import credentials_of
from pyfix.service.worker import Worker

Q = TypeVar("Q")
Q_co = TypeVar("Q_co", covariant=True)
ASKING_S: Final = 10.0
"""How long a client may take to ask."""


class Reader(Protocol[Q_co]):
    """Takes the bytes of a question as they come."""

    def receive(self, data: bytes) -> Q_co | None:
        """Return the question once it is whole; raises the desk's `broken` for one that can't be one."""


@dataclass(frozen=True, slots=True)
class Desk(Generic[Q]):
    """What all connections of a process share."""

    worker: Worker
    admits: Callable[[int], bool]
    """Whether a Unix user may ask."""
    parameter: str
    """What says so, for the log."""
    answer: Callable[[Q], Coroutine[Any, Any, bytes]]
    """Gives the answer; b"" for none."""
    broken: type[Exception]


class QuestionConnection(asyncio.Protocol, Generic[Q]):
    """One client."""

    def __init__(self, desk: Desk[Q], reader: Reader[Q]) -> None:
        self._desk = desk
        self._reader = reader
        self._transport: asyncio.Transport | None = None
        self._is_asked = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Serve who may ask."""
        self._transport = cast(asyncio.Transport, transport)
        self._desk.worker.client_opened()
        uid = credentials_of(transport.get_extra_info("socket")).uid
        if uid in (0, os.getuid()) or self._desk.admits(uid):
            self._timer = asyncio.get_running_loop().call_later(ASKING_S, self._cut, "no question in time")
        else:
            self._cut(f"user id {uid} may not ask; see {self._desk.parameter}")

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone; what it asked is answered to nobody."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._desk.worker.client_closed()

    def data_received(self, data: bytes) -> None:
        """Take the question; what comes behind it says nothing."""
        if self._is_asked:
            return
        try:
            question = self._reader.receive(data)
        except self._desk.broken as error:
            self._cut(str(error))
            return
        if question is not None:
            self._is_asked = True
            if self._timer is not None:
                self._timer.cancel()
            self._desk.worker.spawn(self._answer(question))

    async def _answer(self, question: Q) -> None:
        answer = await self._desk.answer(question)
        if self._transport is not None:
            self._transport.write(answer)
            self._transport.close()

    def _cut(self, problem: str) -> None:
        worker = self._desk.worker
        worker.log.warning(f"{worker.service}: bad request from a local client: {problem}")
        self._is_asked = True
        if self._transport is not None:
            self._transport.abort()

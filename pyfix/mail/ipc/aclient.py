"""Clients of other pyfix processes, for asyncio code.

`AsyncChannel` pipelines calls on one kept connection; answers come in the order of the calls. Several channels, for
servers that block such as cleanup, are in pool.py.
"""

from __future__ import annotations

import asyncio
import collections
from typing import TypeVar

from pyfix.base.failure import words_for
from pyfix.mail.ipc.client import IpcError, check_hello
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import AnyMessage, Goodbye, Hello, Message, Refused

M = TypeVar("M", bound=Message)


_Waiting = collections.deque[asyncio.Future[AnyMessage]]


class _Watch:
    """Gives a connection up that brings no answer for `timeout` seconds while calls wait on it.

    Each connection has its own: one that has said goodbye still owes answers when another is in use.
    """

    __slots__ = ("_timeout", "_waiting", "has_answered", "timer")

    def __init__(self, waiting: _Waiting, timeout: float) -> None:
        self._waiting = waiting
        self._timeout = timeout
        self.has_answered = False
        self.timer: asyncio.TimerHandle | None = None
        """None while nobody has to look."""

    def start(self, connection: Connection) -> None:
        """Look after `timeout` seconds whether any answer has come meanwhile."""
        self.has_answered = False
        self.timer = asyncio.get_running_loop().call_later(self._timeout, self._check, connection)

    def stop(self) -> None:
        """The connection has ended."""
        if self.timer is not None:
            self.timer.cancel()

    def _check(self, connection: Connection) -> None:
        self.timer = None
        if self._waiting and not self.has_answered:
            connection.abort(f"no answer within {self._timeout:g} seconds")
        elif self._waiting:
            self.start(connection)


class AsyncChannel:
    """A kept connection to the service on the Unix socket `path`, shared by any number of tasks.

    A server that answers nothing for `timeout` seconds while calls wait is given up: they fail.
    """

    def __init__(self, path: str, timeout: float) -> None:
        self.path = path
        self._timeout = timeout
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: _Waiting = collections.deque()
        self._watch = _Watch(self._waiting, timeout)

    async def call(self, request: Message, expect: type[M]) -> M:
        """Send a request and return its answer; raise IpcError for no answer, a refusal or one of another type."""
        while (connection := self._connection) is None or not connection.is_open:
            await self.connect()
        answer: asyncio.Future[AnyMessage] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        if self._watch.timer is None:
            self._watch.start(connection)
        connection.send(request)
        reply = await answer
        if isinstance(reply, expect):
            return reply
        if isinstance(reply, Refused):
            raise IpcError(f"{self.path}: {reply.reason}")
        raise IpcError(f"{self.path}: unexpected answer {type(reply).__name__}")

    @property
    def load(self) -> int:
        """How many calls wait for their answers."""
        return len(self._waiting)

    def disconnect(self) -> None:
        """Close the connection; calls in flight fail."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def is_open(self) -> bool:
        """True when a server has greeted, and has not said goodbye."""
        return self._connection is not None and self._connection.is_open

    async def connect(self) -> None:
        """Wait for a server's greeting; raise IpcError. Whoever gives up waiting leaves the others to wait on."""
        if self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._establish())
            self._connecting.add_done_callback(_forget_failure)
        await asyncio.shield(self._connecting)

    async def _establish(self) -> None:
        try:
            self._connection = await self._open(asyncio.get_running_loop())
        except (OSError, IpcError) as error:
            raise IpcError(f"connect to {self.path}: {words_for(error)}") from error
        finally:
            self._connecting = None

    async def _open(self, loop: asyncio.AbstractEventLoop) -> Connection:
        greeting: asyncio.Future[AnyMessage] = loop.create_future()
        waiting: _Waiting = collections.deque([greeting])
        watch = _Watch(waiting, self._timeout)

        def receive(message: AnyMessage, connection: Connection) -> None:
            if isinstance(message, Goodbye):
                self._retire(connection)
            elif waiting:
                answer = waiting.popleft()
                watch.has_answered = True
                if not answer.done():
                    answer.set_result(message)
            else:
                connection.abort(f"unexpected message {type(message).__name__}")
            if connection is not self._connection and not waiting and not isinstance(message, Hello):
                connection.close()

        def end(connection: Connection, problem: str) -> None:
            watch.stop()
            if connection is self._connection:
                self._connection = None
            for answer in waiting:
                if not answer.done():
                    answer.set_exception(IpcError(f"{self.path}: {problem}"))
            waiting.clear()

        _, connection = await loop.create_unix_connection(lambda: Connection(receive, end), self.path)
        patience = loop.call_later(self._timeout, connection.abort, f"no greeting within {self._timeout:g} seconds")
        try:
            check_hello(await greeting, self.path)
        except (IpcError, asyncio.CancelledError):
            connection.close()
            raise
        finally:
            patience.cancel()
        self._waiting, self._watch = waiting, watch
        return connection

    def _retire(self, connection: Connection) -> None:
        """The server wants to go: new calls open a new connection; this one closes after its last answer."""
        if connection is self._connection:
            self._connection = None
            if not self._waiting:
                connection.close()


def _forget_failure(task: asyncio.Task[None]) -> None:
    """Those who wait are told; that there may be none any more is no fault."""
    if not task.cancelled():
        task.exception()

"""Clients of other pyfix processes, for asyncio code.

`AsyncChannel` pipelines calls on one kept connection; answers come in the order of the calls. `AsyncPool` has
several channels, for servers that block, such as cleanup.
"""

from __future__ import annotations

import asyncio
import collections
from typing import Final, TypeVar

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.mail.ipc.client import IpcError, check_hello
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import AnyMessage, Goodbye, Hello, Message, Refused

PATIENCE_S: Final = 0.2
"""How long a worker with several requests may give no answer before the next request goes elsewhere."""
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
        self._connecting: asyncio.Future[None] | None = None
        self._waiting: _Waiting = collections.deque()
        self._watch = _Watch(self._waiting, timeout)

    async def call(self, request: Message, expect: type[M]) -> M:
        """Send a request and return its answer; raise IpcError for no answer, a refusal or one of another type."""
        while (connection := self._connection) is None or not connection.is_open:
            await self._connect()
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

    async def _connect(self) -> None:
        if self._connecting is not None:
            await asyncio.shield(self._connecting)
            return
        loop = asyncio.get_running_loop()
        self._connecting = connecting = loop.create_future()
        try:
            self._connection = await self._open(loop)
        except (OSError, IpcError) as error:
            problem = IpcError(f"connect to {self.path}: {words_for(error)}")
            connecting.set_exception(problem)
            connecting.exception()  # others may wait for it, or nobody
            raise problem from error
        else:
            connecting.set_result(None)
        finally:
            self._connecting = None
            if not connecting.done():
                connecting.cancel()

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


class _Load:
    """What one channel of a pool has to do."""

    __slots__ = ("places", "since")

    def __init__(self, since: float) -> None:
        self.places = 1
        """Taken of its depth."""
        self.since = since
        """When it answered last, or got the first call after a rest (monotonic seconds)."""


class AsyncPool:
    """Up to `limit` channels to a service whose workers serve one connection at a time.

    A call goes to the fullest channel that has room, and to a further one when none has: a worker with many requests at
    hand makes them durable together, and its code stays in the processor's caches. Measured with 20 sessions: one
    worker with all of the messages took 0.35 ms of CPU less for each than two workers and four agents with a few. What
    takes long weighs more and fills its channel, and one that gave no answer for PATIENCE_S counts as full (a table
    that is slow, a disk that hangs), so that little waits behind it while there is another way. At the limit, calls
    wait their turn. A channel holds a worker of that service, so one that nobody used for `idle_s` seconds is closed.
    """

    def __init__(self, path: str, timeout: float, limit: int, depth: int = 1, idle_s: float = 5.0) -> None:
        """`depth` is the calls that a channel has room for."""
        self.path = path
        self._timeout = timeout
        self._limit = limit
        self._depth = depth
        self._idle_s = idle_s
        self._idle: list[tuple[AsyncChannel, float]] = []
        self._busy: dict[AsyncChannel, _Load] = {}
        """The channels in use."""
        self._trim_timer: asyncio.TimerHandle | None = None
        self._queue: collections.deque[asyncio.Future[AsyncChannel]] = collections.deque()

    async def call(self, request: Message, expect: type[M], weight: int = 1) -> M:
        """As AsyncChannel.call; `weight` is how many places of the depth the call takes."""
        channel = self._choose() or await self._wait_turn()
        self._busy[channel].places += weight - 1
        try:
            return await channel.call(request, expect)
        finally:
            self._release(channel, weight)

    def close(self) -> None:
        """Close all idle channels."""
        if self._trim_timer is not None:
            self._trim_timer.cancel()
            self._trim_timer = None
        while self._idle:
            self._idle.pop()[0].disconnect()

    def _choose(self) -> AsyncChannel | None:
        """Take a place on a channel, if there is one."""
        channel, places = None, 0
        now = clock.monotonic()
        for candidate, load in self._busy.items():
            if places < load.places < self._depth and now - load.since < PATIENCE_S:
                channel, places = candidate, load.places
        if channel is not None:
            self._busy[channel].places += 1
            return channel
        if self._idle:
            channel = self._idle.pop()[0]
        elif len(self._busy) < self._limit:
            channel = AsyncChannel(self.path, self._timeout)
        else:
            return None
        self._busy[channel] = _Load(now)
        return channel

    async def _wait_turn(self) -> AsyncChannel:
        turn: asyncio.Future[AsyncChannel] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(turn.result(), 1)
            raise

    def _release(self, channel: AsyncChannel, weight: int) -> None:
        """A call is done: its places go to who waits longest."""
        load = self._busy[channel]
        load.places -= weight
        load.since = clock.monotonic()
        while self._queue and load.places < self._depth:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(channel)
                load.places += 1
        if not load.places:
            del self._busy[channel]
            self._rest(channel)

    def _rest(self, channel: AsyncChannel) -> None:
        loop = asyncio.get_running_loop()
        self._idle.append((channel, loop.time()))
        if self._trim_timer is None:
            self._trim_timer = loop.call_later(self._idle_s, self._trim)

    def _trim(self) -> None:
        loop = asyncio.get_running_loop()
        self._trim_timer = None
        stale = loop.time() - self._idle_s * 0.9
        while self._idle and self._idle[0][1] < stale:
            self._idle.pop(0)[0].disconnect()
        if self._idle:
            self._trim_timer = loop.call_later(self._idle_s, self._trim)

"""Several channels to a service whose workers serve one connection at a time, for asyncio code.

A call goes to the fullest channel that has room, and a further one is opened only when none has: a worker with many
requests at hand makes them durable together, and its code stays in the processor's caches. Measured with 20 sessions:
one worker with all of the messages took 0.35 ms of CPU less for each than two workers and four agents with a few.

What takes long weighs more and fills its channel, and one that gave no answer for PATIENCE_S counts as full (a table
that is slow, a disk that hangs), so that little waits behind it while there is another way.

A channel counts from its greeting on: a connection that no worker has accepted yet, because master.cf allows no more
of them, gets no call. Calls that find no room wait their turn, whichever channel is ready first.
"""

from __future__ import annotations

import asyncio
import collections
from typing import Final, TypeVar

from pyfix.base import clock
from pyfix.mail.ipc.aclient import AsyncChannel
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import Message

PATIENCE_S: Final = 0.2
"""How long a worker with several requests may give no answer before the next request goes elsewhere."""
_OPENING_LIMIT: Final = 2
M = TypeVar("M", bound=Message)


class _Member:
    """A channel whose worker has greeted."""

    __slots__ = ("channel", "places", "since")

    def __init__(self, channel: AsyncChannel, now: float) -> None:
        self.channel = channel
        self.places = 0
        """Taken of its depth."""
        self.since = now
        """When it answered last, or got the first call after a rest (monotonic seconds)."""

    def is_slow(self, now: float) -> bool:
        return self.places > 0 and now - self.since >= PATIENCE_S

    def take(self, weight: int) -> None:
        if not self.places:
            self.since = clock.monotonic()
        self.places += weight


class AsyncPool:
    """The channels to one socket. A channel holds a worker, so one that nobody used for `idle_s` seconds is closed."""

    def __init__(
        self, path: str, timeout: float, limit: int, depth: int = 1, *, limit_when_slow: int = 0, idle_s: float = 5.0
    ) -> None:
        """`depth` is the calls that a channel has room for; there are up to `limit` channels that answer in time, and
        `limit_when_slow` in all."""
        self.path = path
        self._timeout = timeout
        self._limit = limit
        self._limit_in_all = max(limit, limit_when_slow)
        self._depth = depth
        self._idle_s = idle_s
        self._members: list[_Member] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._queue: collections.deque[tuple[asyncio.Future[_Member], int]] = collections.deque()
        """Calls that wait for a channel, with their weights."""
        self._trim_timer: asyncio.TimerHandle | None = None

    async def call(self, request: Message, expect: type[M], weight: int = 1) -> M:
        """As AsyncChannel.call; `weight` is how many places of the depth the call takes."""
        member = self._take(weight) or await self._wait_turn(weight)
        try:
            return await member.channel.call(request, expect)
        finally:
            self._release(member, weight)

    def close(self) -> None:
        """Close all idle channels, and open no more."""
        if self._trim_timer is not None:
            self._trim_timer.cancel()
            self._trim_timer = None
        for task in self._opening:
            task.cancel()
        for member in [member for member in self._members if not member.places]:
            self._drop(member)

    # --- places

    def _take(self, weight: int) -> _Member | None:
        """Take places on a channel, if there is one with room."""
        now = clock.monotonic()
        best: _Member | None = None
        for member in self._members:
            if (best is None or member.places > best.places) and self._has_room(member, now):
                best = member
        if best is not None:
            best.take(weight)
        return best

    def _has_room(self, member: _Member, now: float) -> bool:
        return member.places < self._depth and not member.is_slow(now) and member.channel.is_open

    async def _wait_turn(self, weight: int) -> _Member:
        """Wait for room; raise IpcError when nobody is there to have any."""
        while True:
            turn: asyncio.Future[_Member] = asyncio.get_running_loop().create_future()
            self._queue.append((turn, weight))
            self._grow()
            try:
                member = await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled() and turn.exception() is None:
                    self._release(turn.result(), weight)
                raise
            if member.channel.is_open:
                return member
            self._release(member, weight)  # it was closed in this very moment

    def _release(self, member: _Member, weight: int) -> None:
        """A call is done: its places go to who waits longest."""
        member.places -= weight
        member.since = clock.monotonic()
        self._serve_queue(member)
        if not member.places and not member.channel.is_open:
            self._drop(member)
        if self._queue:
            self._grow()
        elif self._trim_timer is None:
            self._trim_timer = asyncio.get_running_loop().call_later(self._idle_s, self._trim)

    def _serve_queue(self, member: _Member) -> None:
        while self._queue and member.places < self._depth and member.channel.is_open:
            turn, weight = self._queue.popleft()
            if not turn.done():
                member.take(weight)
                turn.set_result(member)

    # --- channels

    def _grow(self) -> None:
        """Open another channel for those who wait, as far as the limits go."""
        now = clock.monotonic()
        opening = len(self._opening)
        useful = sum(not member.is_slow(now) and member.channel.is_open for member in self._members) + opening
        in_all = len(self._members) + opening
        if opening < _OPENING_LIMIT and useful < self._limit and in_all < self._limit_in_all:
            task = asyncio.get_running_loop().create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        if self._queue and self._members:
            self._grow()

    async def _open(self) -> None:
        """Give those who wait a further channel, or the news that there is none."""
        channel = AsyncChannel(self.path, self._timeout)
        try:
            await channel.connect()
        except IpcError as error:
            if not any(member.channel.is_open for member in self._members):
                self._fail(error)
            return
        member = _Member(channel, clock.monotonic())
        self._members.append(member)
        self._serve_queue(member)

    def _fail(self, error: IpcError) -> None:
        """Nobody serves: those who wait have waited in vain."""
        while self._queue:
            turn, _ = self._queue.popleft()
            if not turn.done():
                turn.set_exception(IpcError(str(error)))

    def _drop(self, member: _Member) -> None:
        member.channel.disconnect()
        if member in self._members:
            self._members.remove(member)

    def _trim(self) -> None:
        """Close what was of no use for a while."""
        self._trim_timer = None
        stale = clock.monotonic() - self._idle_s * 0.9
        for member in [member for member in self._members if not member.places and member.since < stale]:
            self._drop(member)
        if self._members:
            self._trim_timer = asyncio.get_running_loop().call_later(self._idle_s, self._trim)

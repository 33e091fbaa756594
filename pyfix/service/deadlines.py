"""When sessions run out of time.

A timer for each session, set and cancelled with each command, would cost more than most commands. Instead a session
writes its deadline down, and stands in the slot of the tick in which that falls. A slot is looked at once, when its
time has come: who has spoken meanwhile moves on to the slot of its new deadline. So a session is looked at once a
timeout, ten thousand idle ones cost nothing, and none is told later than a tick after its deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final, Protocol

_TICK_LIMIT_S: Final = 1.0
_TICKS_A_TIMEOUT: Final = 20


class Timed(Protocol):
    """A session, as far as its timeout is concerned."""

    deadline: float

    def timed_out(self) -> None: ...


class Deadlines:
    """The sessions, by the tick in which they are to be looked at."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout_s: float) -> None:
        self._loop = loop
        self._tick_s = min(_TICK_LIMIT_S, timeout_s / _TICKS_A_TIMEOUT)
        self._slots: dict[int, set[Timed]] = {}
        self._slot_of: dict[Timed, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, session: Timed) -> None:
        """Call session.timed_out() each tick once its deadline has passed; the session may move it on, never back."""
        self._place(session, session.deadline)
        if self._timer is None:
            self._timer = self._loop.call_later(self._tick_s, self._tick)

    def forget(self, session: Timed) -> None:
        """The session has ended."""
        slot = self._slot_of.pop(session, None)
        if slot is not None and (sessions := self._slots.get(slot)) is not None:
            sessions.discard(session)
            if not sessions:
                del self._slots[slot]

    def __iter__(self) -> Iterator[Timed]:
        return iter(list(self._slot_of))

    def _place(self, session: Timed, due: float) -> None:
        slot = int(due / self._tick_s)
        self._slot_of[session] = slot
        self._slots.setdefault(slot, set()).add(session)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._tick_s, self._tick) if self._slot_of else None
        now = self._loop.time()
        current = int(now / self._tick_s)
        for slot in sorted(slot for slot in self._slots if slot < current):
            for session in self._slots.pop(slot):
                self._look_at(session, now)

    def _look_at(self, session: Timed, now: float) -> None:
        """Tell a session that has run out of time; one that is still there afterwards is looked at again."""
        if session.deadline <= now and session in self._slot_of:
            session.timed_out()
        if session in self._slot_of:
            self._place(session, max(session.deadline, now))

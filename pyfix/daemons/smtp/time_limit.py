"""The time that a server has for what comes next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class TimeLimit:
    """One timer for all limits of a connection, one after the other: it is set again only when it would be late."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_late: Callable[[], None]) -> None:
        self._loop = loop
        self._on_late = on_late
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = 0.0

    def start(self, seconds: float) -> None:
        """From now on there are so many seconds."""
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._deadline < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._set_timer()

    def suspend(self) -> None:
        """Nothing is expected: there is no limit."""
        self._deadline = 0.0

    def cancel(self) -> None:
        """The connection has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        self._timer_at = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._deadline:
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            self._on_late()

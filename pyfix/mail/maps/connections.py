"""Connections of a table to its server, kept between lookups.

Several threads may look up at once, each on a connection of its own: the one that was used last, so that as few as
possible are kept busy. One that has idled or lived for too long is closed. A server that was restarted has closed what
was kept, which nobody notices until a request fails; such a request is repeated once on a new connection.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pyfix.base import clock

C = TypeVar("C")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[C]):
    connection: C
    idle_until: float
    lives_until: float


class Connections(Generic[C]):
    """Those to one server."""

    def __init__(
        self,
        connect: Callable[[], C],
        close: Callable[[C], None],
        gone: type[Exception] | tuple[type[Exception], ...],
        idle_s: float,
        life_s: float = math.inf,
    ) -> None:
        """Connect nowhere yet. gone: what a request raises when the server has closed the connection."""
        self._connect = connect
        self._close = close
        self._gone = gone
        self._idle_s = idle_s
        self._life_s = life_s
        self._kept: deque[_Kept[C]] = deque()

    def call(self, request: Callable[[C], R]) -> R:
        """Return the result of a request on some connection, which is closed if the request raises anything."""
        kept = self._take()
        if kept is not None:
            try:
                return self._use(kept.connection, kept.lives_until, request)
            except self._gone:
                self.close_all()
        return self._use(self._connect(), clock.monotonic() + self._life_s, request)

    def _use(self, connection: C, lives_until: float, request: Callable[[C], R]) -> R:
        try:
            result = request(connection)
        except BaseException:
            self._close(connection)
            raise
        self._kept.append(_Kept(connection, clock.monotonic() + self._idle_s, lives_until))
        return result

    def _take(self) -> _Kept[C] | None:
        now = clock.monotonic()
        while (kept := self._pop()) is not None:
            if now < min(kept.idle_until, kept.lives_until):
                return kept
            self._close(kept.connection)
        return None

    def _pop(self) -> _Kept[C] | None:
        try:
            return self._kept.pop()
        except IndexError:
            return None

    def close_all(self) -> None:
        """Close what is kept."""
        while (kept := self._pop()) is not None:
            self._close(kept.connection)

    def __del__(self) -> None:
        """A table that nobody has any more leaves nothing open."""
        self.close_all()

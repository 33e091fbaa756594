"""Keep connections for a short while, for the next message to the same server.

A connection is worth keeping when its destination always is (smtp_connection_cache_destinations), or on demand: when
other mail for the same next hop is in progress in this process or has been within the time that a connection is kept.
Single messages say QUIT at once, so that no server holds idle connections of ours.

Kept are only connections in a clean state. Each is used by one message at a time, until its age or count limit.
"""

from __future__ import annotations

import asyncio
from collections import deque

from pyfix.daemons.smtp.connection import Connection
from pyfix.daemons.smtp.settings import CacheSettings

EndpointKey = tuple[str, int]
"""Address or path, and port."""


class ConnectionCache:
    """The idle connections of one process."""

    def __init__(self, settings: CacheSettings) -> None:
        self._settings = settings
        self._idle: dict[EndpointKey, deque[Connection]] = {}
        self._in_progress: dict[str, int] = {}
        self._last_end: dict[str, float] = {}
        self._loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_open = True

    # --- demand -----------------------------------------------------------------------------------------------

    def begin(self, nexthop: str) -> None:
        """A request for this next hop starts."""
        self._in_progress[nexthop] = self._in_progress.get(nexthop, 0) + 1

    def end(self, nexthop: str) -> None:
        """It is over."""
        count = self._in_progress[nexthop] - 1
        if count:
            self._in_progress[nexthop] = count
        else:
            del self._in_progress[nexthop]
        self._last_end[nexthop] = self._loop.time()
        self._sweep_later()

    def is_wanted(self, nexthop: str, connection: Connection) -> bool:
        """Return whether the connection should be kept after its present message."""
        settings = self._settings
        if not self._is_open:
            return False
        if settings.reuse_limit and connection.uses >= settings.reuse_limit:
            return False
        if self._loop.time() - connection.opened_at >= settings.reuse_limit_s:
            return False
        if settings.destinations and _bare(nexthop) in settings.destinations:
            return True
        if not settings.on_demand:
            return False
        if self._in_progress.get(nexthop, 0) > 1:
            return True
        last = self._last_end.get(nexthop)
        return last is not None and self._loop.time() - last < settings.idle_limit_s

    # --- connections --------------------------------------------------------------------------------------------

    def has(self, key: EndpointKey) -> bool:
        """Return whether a connection to this server is kept."""
        return bool(self._idle.get(key))

    def take(self, key: EndpointKey) -> Connection | None:
        """Return an idle connection to this server, the one used last."""
        idle = self._idle.get(key)
        while idle:
            connection = idle.pop()
            if connection.is_usable:
                return connection
            connection.abort()
        return None

    def keep(self, key: EndpointKey, connection: Connection) -> None:
        """Keep an idle connection."""
        if not self._is_open or not connection.is_usable:
            connection.quit()
            return
        connection.idle_until = self._loop.time() + self._settings.idle_limit_s
        idle = self._idle.get(key)
        if idle is None:
            idle = self._idle[key] = deque()
        idle.append(connection)
        self._sweep_later()

    def close(self) -> None:
        """Say QUIT on all idle connections and keep no more."""
        self._is_open = False
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for idle in self._idle.values():
            for connection in idle:
                connection.quit()
        self._idle.clear()

    def _sweep_later(self) -> None:
        if self._sweeper is None and self._is_open:
            self._sweeper = self._loop.call_later(min(self._settings.idle_limit_s, 1.0), self._sweep)

    def _sweep(self) -> None:
        """Leave the connections whose time is over; forget old demand."""
        self._sweeper = None
        now = self._loop.time()
        for key in list(self._idle):
            idle = self._idle[key]
            while idle and (idle[0].idle_until <= now or not idle[0].is_usable):
                idle.popleft().quit()
            if not idle:
                del self._idle[key]
        limit = now - self._settings.idle_limit_s
        for nexthop in [name for name, when in self._last_end.items() if when <= limit]:
            del self._last_end[nexthop]
        if self._idle or self._last_end:
            self._sweep_later()


def _bare(nexthop: str) -> str:
    """Return a next hop without brackets and port, as smtp_connection_cache_destinations lists it."""
    if nexthop.startswith("["):
        return nexthop[1:].partition("]")[0]
    return nexthop.removeprefix("unix:") if nexthop.startswith("unix:") else nexthop.partition(":")[0]

"""Several database servers with the same data: which of them is asked, and what happens when one is down.

The one that answered last is asked first; then those with a Unix socket before those over TCP, by chance among their
like, so that the load spreads; or all in their order, where somebody has thought about it. A server that cannot be
reached is left alone for a minute. When none is left, the lookup fails, which is temporary.
See: mysql_table(5) "hosts", pgsql_table(5) "hosts".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pyfix.base import clock
from pyfix.mail.maps.connections import Connections
from pyfix.mail.maps.table import TableError, Warn

C = TypeVar("C")
R = TypeVar("R")
IDLE_S: Final = 60.0
"""How long a connection is kept that nobody uses."""
SILENCE_S: Final = 60.0
"""How long a server is left alone that could not be reached."""


class ServerDown(Exception):
    """The server cannot be reached, or has closed the connection. The text is for the log."""


class QueryFailed(Exception):
    """The server has refused the query: it may be tried at another one. The text is for the log."""


@dataclass(slots=True)
class Host(Generic[C]):
    """One server."""

    name: str
    is_unix: bool
    connections: Connections[C]
    is_active: bool = False
    """It answered last time."""
    silent_until: float = 0.0


class Hosts(Generic[C]):
    """The servers of one table."""

    def __init__(self, hosts: Sequence[Host[C]], silence_s: float = SILENCE_S, *, in_order: bool = False) -> None:
        self._hosts = hosts
        self._in_order = in_order
        self._silence_s = silence_s
        self._last_problem = ""

    def call(self, request: Callable[[C], R], table: str, warn: Warn) -> R:
        """Return the result of a request to the first server that can carry it out; raises TableError.

        What goes wrong with a server before the last is told to `warn`.
        """
        problem = ""
        for host in self._usable():
            if problem:
                warn(problem)
            try:
                result = host.connections.call(request)
            except ServerDown as error:
                host.is_active = False
                host.silent_until = clock.monotonic() + self._silence_s
                self._last_problem = problem = str(error)
            except QueryFailed as error:
                problem = str(error)
            else:
                host.is_active = True
                return result
        raise TableError(f"{table}: {problem or f'no server to ask; the last one failed: {self._last_problem}'}")

    def close(self) -> None:
        """Close the connections that are kept."""
        for host in self._hosts:
            host.connections.close_all()

    def _usable(self) -> list[Host[C]]:
        now = clock.monotonic()
        usable = [host for host in self._hosts if host.silent_until <= now]
        if not self._in_order:
            random.shuffle(usable)
            usable.sort(key=lambda host: not host.is_unix)
        usable.sort(key=lambda host: not host.is_active)
        return usable

"""The watchdog: a process that is stuck in one request is ended, and the master tells of it and starts another.

A loop winds it up at each turn, about once a second; if no turn comes for the whole timeout, SIGALRM ends the process.
The signal keeps its default action, because a handler of our own would not run where it matters: Python calls handlers
between two instructions of its own, and a call into a C library that never returns (a name service, a database) has
none. So there is no last word of the process itself; the master's warning names the watchdog.
Postfix's counts steps so that a machine that was suspended kills nobody; this timer stands still while it is.
See: daemon_timeout, qmgr_daemon_timeout; setitimer(2).
"""

from __future__ import annotations

import signal
from typing import Final

from pyfix.base import clock

_TICK_S: Final = 1.0


class Watchdog:
    """Ends this process `timeout_s` seconds after it was last wound up."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self.tick_s: Final = min(_TICK_S, timeout_s / 4)
        """How long a loop may wait at a time for something to happen."""
        self._next = 0.0

    def wind(self, now: float | None = None) -> bool:
        """Postpone the end, unless that was done within the last tick: cheap enough for every request. Tell whether a
        tick has passed."""
        now = clock.monotonic() if now is None else now
        if now < self._next:
            return False
        self._next = now + self.tick_s
        signal.setitimer(signal.ITIMER_REAL, self._timeout_s)
        return True

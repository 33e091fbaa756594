"""The one place that asks what time it is.

Decisions take the time as an argument; only the code that performs them calls these.
"""

from __future__ import annotations

import time


def now() -> float:
    """Return the wall clock in seconds since the epoch: for queue files, headers and logs."""
    return time.time()


def monotonic() -> float:
    """Return seconds on a clock that never goes back: for timeouts and intervals."""
    return time.monotonic()

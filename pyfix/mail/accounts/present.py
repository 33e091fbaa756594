"""The present, as rows of accounts have it."""

from __future__ import annotations

import time
from datetime import date

from pyfix.base import clock


def today() -> date:
    """Return the present day, by which accounts end."""
    return date(*time.localtime(clock.now())[:3])


def now_text(ago_s: float = 0.0) -> str:
    """Return the present time, or one so long ago, as rows have it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(clock.now() - ago_s))

"""Dates as mail writes them (RFC 5322 section 3.3), in local time with the zone's name as a comment."""

from __future__ import annotations

import functools
import time
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def format_date(seconds: float) -> str:
    """Return "Sun, 22 Nov 2026 06:26:21 +0000 (UTC)" for a time since the epoch."""
    return _format(int(seconds))


@functools.lru_cache(maxsize=4)
def _format(seconds: int) -> str:
    t = time.localtime(seconds)
    hours, minutes = divmod(abs(t.tm_gmtoff) // 60, 60)
    return (
        f"{_DAYS[t.tm_wday]}, {t.tm_mday:2d} {_MONTHS[t.tm_mon - 1]} {t.tm_year} "
        f"{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} "
        f"{'-' if t.tm_gmtoff < 0 else '+'}{hours:02d}{minutes:02d} ({t.tm_zone})"
    )


def format_utc_stamp(seconds: float) -> str:
    """Return "20261122062621": the time in a Message-Id."""
    return _format_stamp(int(seconds))


@functools.lru_cache(maxsize=4)
def _format_stamp(seconds: int) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))

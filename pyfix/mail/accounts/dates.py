"""Days on which accounts end.

2027-01-31     the last day
never          stored as 0000-00-00; 1000-01-01 and NULL mean the same
1y, 3m, 10d    so long from now on
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Final

NEVER: Final = "0000-00-00"
_NEVERS: Final = (NEVER, "1000-01-01", "")
_SPAN: Final = re.compile(r"([0-9]{1,4})([ymwd])")
_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?: 00:00:00)?")


def parse_stored_day(text: str | None) -> date | None:
    """Return the day in a row, None for never; raises ValueError."""
    if text is None or text.removesuffix(" 00:00:00") in _NEVERS:
        return None
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError(f'bad date "{text[:40]}"; it is YYYY-MM-DD, or {NEVER} for never')
    return date(int(found[1]), int(found[2]), int(found[3]))


def stored_day(day: date | None) -> str:
    """Return what a row has."""
    return NEVER if day is None else day.isoformat()


def parse_typed_day(text: str, today: date) -> date | None:
    """Return the day that somebody has typed, None for never; raises ValueError."""
    if text.lower() in ("never", "none", ""):
        return None
    if _SPAN.fullmatch(text):
        return day_after(text, today)
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError(f'bad date "{text[:40]}"; specify YYYY-MM-DD, a time such as 1y, 3m or 10d, or never')
    return date(int(found[1]), int(found[2]), int(found[3]))


def check_span(text: str) -> str:
    """Return a time such as 1y, 3m, 10d, or empty; raises ValueError."""
    if text.lower() in ("never", "none", ""):
        return ""
    if not _SPAN.fullmatch(text):
        raise ValueError(f'bad time "{text[:40]}"; specify a number and y, m, w or d, such as 1y')
    return text


def day_after(span: str, today: date) -> date | None:
    """Return the day so long after today, None for an empty span and for one past the end of the calendar."""
    found = _SPAN.fullmatch(span)
    if found is None:
        return None
    count = int(found[1])
    try:
        match found[2]:
            case "y":
                return _months_after(today, 12 * count)
            case "m":
                return _months_after(today, count)
            case "w":
                return today + timedelta(weeks=count)
            case _:
                return today + timedelta(days=count)
    except (OverflowError, ValueError):
        return None


def _months_after(today: date, months: int) -> date:
    """Return the same day of a later month, or the month's last."""
    year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))

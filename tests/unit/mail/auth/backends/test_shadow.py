"""The days of shadow(5), and what a stored text that no password gives becomes."""

from __future__ import annotations

import pytest

from pyfix.base.shadow import ShadowEntry
from pyfix.mail.auth.backends.shadow import shadow_obstacle

TODAY = 20000


def entry(last_change: int = 19990, maximum: int = 99999, inactive: int = -1, expires: int = -1) -> ShadowEntry:
    """Return a line of shadow(5)."""
    return ShadowEntry("$1$x$y", last_change, maximum, inactive, expires)


@pytest.mark.parametrize(
    ("line", "obstacle"),
    [
        (entry(), ""),
        (entry(expires=TODAY), ""),
        (entry(expires=TODAY - 1), "the account has expired"),
        (entry(last_change=0), "the password has to be changed first"),
        (entry(last_change=-1, maximum=5), ""),
        (entry(maximum=10), ""),
        (entry(maximum=9), "the password has expired"),
        (entry(maximum=9, inactive=1), ""),
        (entry(maximum=8, inactive=1), "the password has expired"),
        (entry(maximum=-1), ""),
    ],
)
def test_days_of_a_line_decide(line: ShadowEntry, obstacle: str) -> None:
    """The last day itself is a good one."""
    assert shadow_obstacle(line, TODAY) == obstacle

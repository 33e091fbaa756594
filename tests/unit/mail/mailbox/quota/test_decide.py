"""Whether a message fits, and whom to believe."""

from __future__ import annotations

import pytest

from pyfix.mail.accounts.quota import Quota
from pyfix.mail.mailbox.quota import Usage, Verdict, judge, percents_crossed
from pyfix.mail.mailbox.quota.decide import STALE_AFTER_S, is_believable, percent_used
from pyfix.mail.mailbox.quota.sizefile import SizeFile

LIMIT = Quota(1000, 10)


@pytest.mark.parametrize(
    ("limit", "used", "added", "verdict"),
    [
        (LIMIT, Usage(900, 1), Usage(100, 1), Verdict.FITS),
        (LIMIT, Usage(900, 1), Usage(101, 1), Verdict.FULL),
        (LIMIT, Usage(1, 10), Usage(1, 1), Verdict.FULL),
        (LIMIT, Usage(0, 0), Usage(1001, 1), Verdict.NEVER),
        (Quota(0, 2), Usage(10**9, 1), Usage(10**9, 1), Verdict.FITS),
        (Quota(), Usage(10**12, 10**6), Usage(10**9, 1), Verdict.FITS),
    ],
)
def test_verdict(limit: Quota, used: Usage, added: Usage, verdict: Verdict) -> None:
    """The last byte still fits; a message larger than the limit never does."""
    assert judge(limit, used, added) is verdict


@pytest.mark.parametrize(
    ("found", "age_s", "believed"),
    [
        (None, 0, False),
        (SizeFile(Quota(1000), Usage(0, 0), 1), 0, False),
        (SizeFile(LIMIT, Usage(900, 1), 40), 10**6, True),
        (SizeFile(LIMIT, Usage(901, 1), 1), STALE_AFTER_S - 1, True),
        (SizeFile(LIMIT, Usage(901, 1), 1), STALE_AFTER_S, False),
        (SizeFile(LIMIT, Usage(901, 1), 1), -1, False),
        (SizeFile(LIMIT, Usage(901, 1), 2), 0, False),
    ],
    ids=["none", "another limit", "fits", "over, fresh recount", "over, stale", "over, of the future", "over, lines"],
)
def test_belief(found: SizeFile | None, age_s: float, believed: bool) -> None:
    """Nobody is refused mail because of an old sum."""
    assert is_believable(found, LIMIT, Usage(100, 1), age_s) is believed


def test_a_line_is_crossed_once() -> None:
    """On the way up, by the highest that was reached."""
    limit = Quota(100)
    assert percents_crossed(limit, Usage(79, 1), Usage(80, 2), [80, 95]) == 80
    assert percents_crossed(limit, Usage(80, 1), Usage(94, 2), [80, 95]) == 0
    assert percents_crossed(limit, Usage(10, 1), Usage(99, 2), [80, 95]) == 95
    assert percents_crossed(limit, Usage(99, 1), Usage(10, 2), [80, 95]) == 0
    assert percents_crossed(Quota(), Usage(), Usage(10**9, 1), [80]) == 0
    assert percent_used(Quota(1000, 10), Usage(100, 5)) == 50

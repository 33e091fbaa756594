"""Whether a message fits, whether a count can be believed, and when its owner is to be warned. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

from pyfix.mail.accounts.quota import Quota
from pyfix.mail.mailbox.quota.sizefile import SizeFile
from pyfix.mail.mailbox.quota.usage import Usage

STALE_AFTER_S: Final = 15 * 60


class Verdict(enum.Enum):
    """What becomes of a message."""

    FITS = "fits"
    FULL = "full"
    """Not now."""
    NEVER = "never"
    """Larger than all that the mailbox may hold."""


def judge(limit: Quota, used: Usage, added: Usage) -> Verdict:
    """Return whether `added` may come to what is there; a limit of 0 is none."""
    if limit.size and added.size > limit.size:
        return Verdict.NEVER
    after = used + added
    if (limit.size and after.size > limit.size) or (limit.messages and after.messages > limit.messages):
        return Verdict.FULL
    return Verdict.FITS


def is_believable(found: SizeFile | None, limit: Quota, added: Usage, age_s: float) -> bool:
    """Return whether maildirsize will do; if not, a recount has to.

    It has to be of this limit. Where it would refuse `added`, it is believed when it is a fresh recount itself: one
    line, younger than 15 minutes.
    """
    if found is None or found.limit != limit:
        return False
    if judge(limit, found.used, added) is not Verdict.FULL:
        return True
    return found.lines == 1 and 0 <= age_s < STALE_AFTER_S


def percent_used(limit: Quota, used: Usage) -> float:
    """Return how full a mailbox is, by bytes or by messages, whichever is more; 0 without a limit."""
    by_size = used.size * 100 / limit.size if limit.size else 0.0
    by_messages = used.messages * 100 / limit.messages if limit.messages else 0.0
    return max(by_size, by_messages)


def percents_crossed(limit: Quota, before: Usage, after: Usage, percents: Sequence[int]) -> int:
    """Return the highest of `percents` that a mailbox has reached on its way from `before` to `after`; 0 for none."""
    low, high = percent_used(limit, before), percent_used(limit, after)
    return max((percent for percent in percents if low < percent <= high), default=0)

"""Choose when a deferred message is tried again, and when to give it up.

The wait is the age of the message, within bounds: it doubles the age with each attempt, so a short outage is
noticed soon and a long one costs little. Pure: the caller passes the times. See: minimal_backoff_time,
maximal_backoff_time, maximal_queue_lifetime, bounce_queue_lifetime, delay_warning_time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffLimits:
    """The parameters, in seconds."""

    minimal: float
    maximal: float
    lifetime: float
    bounce_lifetime: float
    """For mail with the null sender."""
    warning: float
    """Age from which the sender is told once that mail is late; 0 for never."""


def next_wait(age_s: float, limits: BackoffLimits) -> float:
    """Return the seconds until the next attempt. A maximum below the minimum gives way to the minimum."""
    return max(limits.minimal, min(age_s, limits.maximal))


def is_expired(age_s: float, sender: str, limits: BackoffLimits) -> bool:
    """Tell whether a message of this age, not delivered now, is returned instead of tried again."""
    return age_s >= (limits.lifetime if sender else limits.bounce_lifetime)


def is_warning_due(age_s: float, warned: bool, limits: BackoffLimits) -> bool:
    """Tell whether the sender is to hear now that the message is late."""
    return limits.warning > 0 and not warned and age_s >= limits.warning

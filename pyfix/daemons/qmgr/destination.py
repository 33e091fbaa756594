"""How many deliveries to one destination may run at once: the concurrency window and its feedback.

A delivery without connection or handshake failure is positive feedback: enough of it widens the window by one, up
to the limit. A failure is negative feedback: the window shrinks by one at the beginning of each sequence of
1/feedback failures, never below 1. When as many failures as the window is wide (a pseudo-cohort) came
failed_cohort_limit times without a success, the destination is dead: nothing goes there until `revive_at`, or until
a delivery that was still under way succeeds. Pure: the caller passes the time.

See: default_destination_concurrency_positive_feedback and its neighbours in params.py.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyfix.mail.ipc.messages import Dsn

if TYPE_CHECKING:
    from pyfix.daemons.qmgr.scheduler import Job, Peer

_FORM = re.compile(r"\s*(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*(?:/\s*(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}|concurrency))?\s*")
_ROUNDING: Final = 1e-6


class FeedbackError(ValueError):
    """The text is none of the forms of a feedback parameter."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """How much one delivery counts: a constant, or a constant over the present window."""

    amount: float
    per_window: bool = False

    @classmethod
    def parse(cls, text: str) -> Feedback:
        """Return what "1", "1/5" or "1/concurrency" means; raise FeedbackError."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise FeedbackError(text)
        amount, divisor = float(match[1]), match[2]
        if divisor and divisor != "concurrency":
            if not float(divisor):
                raise FeedbackError(text)
            amount /= float(divisor)
        if amount > 1:
            raise FeedbackError(text)
        return cls(amount, divisor == "concurrency")

    def value(self, window: int) -> float:
        """Return what one delivery counts at this window."""
        return self.amount / window if self.per_window else self.amount


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """What the parameters say about all destinations of one transport."""

    initial: int = 5
    limit: int = 20
    """0 for none."""
    positive: Feedback = Feedback(1.0)
    negative: Feedback = Feedback(1.0)
    failed_cohorts: int = 1
    """0: never dead."""
    rate_delay: float = 0.0


class Destination:
    """One next hop of one transport (one recipient, where a transport takes one at a time)."""

    __slots__ = (
        "_credit", "_debt", "_failed_cohorts", "_limits", "busy", "granted", "held", "key", "nexthop", "peers",
        "reason", "revive_at", "waiting", "window",
    )  # fmt: skip

    def __init__(self, key: str, nexthop: str, limits: WindowLimits) -> None:
        self.key = key
        self.nexthop = nexthop
        self.window = 1 if limits.rate_delay else _cap(limits.initial, limits.limit)
        self.busy = 0
        """Deliveries under way."""
        self.granted = 0
        """Places in the window that are promised to peers which wait for an agent."""
        self.held = False
        """Between deliveries of a destination with a rate delay."""
        self.reason: Dsn | None = None
        """Why it is dead; None while it is alive."""
        self.revive_at = 0.0
        self.peers: dict[Job, Peer] = {}
        self.waiting: deque[Peer] = deque()
        self._limits = limits
        self._credit = 0.0
        self._debt = 0.0
        self._failed_cohorts = 0.0

    @property
    def has_room(self) -> bool:
        """True while another delivery may begin."""
        return self.busy + self.granted < self.window and not self.held

    @property
    def is_idle(self) -> bool:
        """True when nothing would be lost but what was learned about it."""
        return not self.peers and not self.busy and self.reason is None and not self.held

    def succeed(self) -> None:
        """A delivery ended without connection or handshake failure."""
        self._failed_cohorts = 0.0
        limits = self._limits
        if self.reason is not None:
            self._revive(max(self.busy, 1))
        elif not limits.rate_delay and (not limits.limit or self.window < limits.limit):
            self._widen(limits.positive.value(self.window))

    def _widen(self, feedback: float) -> None:
        """Grow no further than one initial window beyond what is in use: an idle destination proves nothing."""
        if self.window >= self.busy + self._limits.initial:
            return
        self._credit += feedback
        if self._credit >= 1 - _ROUNDING:
            self._credit -= 1
            self._debt = 0.0
            self.window += 1

    def fail(self, reason: Dsn, revive_at: float) -> bool:
        """A delivery met a destination out of order; return True when that makes it dead."""
        if self.reason is not None:
            return False
        self._failed_cohorts += 1 / self.window
        if self._limits.failed_cohorts and self._failed_cohorts >= self._limits.failed_cohorts - _ROUNDING:
            self.reason = reason
            self.revive_at = revive_at
            return True
        self._narrow(self._limits.negative.value(self.window))
        return False

    def _narrow(self, feedback: float) -> None:
        self._debt -= feedback
        if self._debt < -_ROUNDING:
            self._debt += 1
            self._credit = 0.0
            self.window = max(1, self.window - 1)

    def revive(self) -> None:
        """Forget that it was dead: its time is over, or somebody flushed the queue."""
        if self.reason is not None:
            self._revive(self._limits.initial)

    def _revive(self, window: int) -> None:
        self.reason = None
        self._credit = self._debt = self._failed_cohorts = 0.0
        self.window = 1 if self._limits.rate_delay else _cap(window, self._limits.limit)


def _cap(window: int, limit: int) -> int:
    return min(window, limit) if limit else window

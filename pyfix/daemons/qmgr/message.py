"""One message in the active queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyfix.mail.ipc.messages import Envelope, Recipient

if TYPE_CHECKING:
    from pyfix.daemons.qmgr.scheduler import Job


class Message:
    """What is known of it in memory. Twenty thousand of these may exist, so nothing is kept that the file has."""

    __slots__ = (
        "active_since", "bounced", "content_length", "content_offset", "corrupt", "deferred", "envelope", "expired",
        "flushed", "gone", "id", "jobs", "next_start", "pending", "refill_at", "scanned", "traced",
    )  # fmt: skip

    def __init__(
        self, queue_id: str, envelope: Envelope, content_offset: int, content_length: int, active_since: float
    ) -> None:
        self.id = queue_id
        self.envelope = envelope
        self.content_offset = content_offset
        self.content_length = content_length
        self.active_since = active_since
        self.scanned = False
        """Found by a scan: an earlier attempt may have left logs."""
        self.flushed = False
        """Somebody asked for an attempt now: defer_transports does not apply."""
        self.pending = 0
        """Recipients in memory without a result."""
        self.refill_at = 0
        """More recipients are read when so few are pending."""
        self.next_start: int | None = None
        """Position of the first recipient in the file that was not read; None when all were."""
        self.jobs: dict[str, Job] = {}
        """By the name of the transport."""
        self.bounced = False
        """The bounce log holds something."""
        self.traced = False
        """The trace log holds something."""
        self.deferred = False
        """Some recipient has to be tried again."""
        self.expired = False
        """Some recipient was given up because the message is too old."""
        self.gone = False
        """Its file is not in active/ any more, or not for us: leave whatever there is alone."""
        self.corrupt = ""
        """Why the file can't be used; it goes to corrupt/ when nothing is pending."""

    def age(self, now: float) -> float:
        """Return the seconds since it arrived."""
        return max(0.0, now - self.envelope.arrival)

    def is_last(self, recipients: list[Recipient]) -> bool:
        """Tell whether the file goes away once these have been delivered, so that marks in it need not be durable."""
        return self.next_start is None and self.pending == len(recipients) and not self.deferred

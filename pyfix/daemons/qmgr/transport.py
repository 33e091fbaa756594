"""One transport: its limits, its scheduler, its agents, and whether it works at all.

A transport whose socket is missing, or whose agents die before they say a word, is out of order for
transport_retry_time: its recipients are deferred with the reason instead of waiting in the active queue.
"""

from __future__ import annotations

from collections.abc import Callable

from pyfix.base.log import Log
from pyfix.daemons.qmgr.deliver import Pool
from pyfix.daemons.qmgr.destination import Destination, Feedback, FeedbackError, WindowLimits
from pyfix.daemons.qmgr.message import Message
from pyfix.daemons.qmgr.params import QmgrParameters
from pyfix.daemons.qmgr.scheduler import Job, Scheduler
from pyfix.mail.ipc.messages import Dsn

UNAVAILABLE = Dsn("4.3.0", "mail transport unavailable")
BROKEN = Dsn("4.3.0", "unknown mail transport error")
_SUSPENDED = "delivery temporarily suspended: "


class Transport:
    """See the module."""

    __slots__ = (
        "is_paused",
        "name",
        "pause",
        "pool",
        "rate_delay",
        "reason",
        "recipient_limit",
        "retry_at",
        "scheduler",
    )

    def __init__(self, name: str, limits: WindowLimits, recipient_limit: int, pause: float = 0.0) -> None:
        self.name = name
        self.recipient_limit = recipient_limit
        self.rate_delay = limits.rate_delay
        self.pause = pause
        """Seconds from the beginning of one delivery to that of the next."""
        self.is_paused = False
        self.scheduler = Scheduler(limits)
        self.pool: Pool
        self.reason: Dsn | None = None
        """Why it is out of order; None while it works."""
        self.retry_at = 0.0

    def job(self, message: Message) -> Job:
        """Return what this message has for the transport, which is made when it is new."""
        job = message.jobs.get(self.name)
        if job is None:
            job = message.jobs[self.name] = Job(message)
        return job

    def destination(self, nexthop: str, recipient: str) -> Destination:
        """Return the destination of a recipient: the recipient itself, where the agent takes one at a time."""
        key = recipient if self.recipient_limit == 1 else nexthop
        return self.scheduler.destination(key.lower(), nexthop)

    def obstacle(self, destination: Destination, now: float) -> Dsn | None:
        """Return why nothing can go there at present, None if it can."""
        if self.reason is not None:
            if now < self.retry_at:
                return self.reason
            self.reason = None
        if destination.reason is not None:
            if now < destination.revive_at:
                return suspended(destination.reason)
            destination.revive()
        return None

    def forgive(self) -> None:
        """Forget every failure: the queue was flushed."""
        self.reason = None
        for destination in self.scheduler.destinations.values():
            destination.revive()

    def sweep(self, now: float) -> None:
        """Forget what has passed, and let idle agents go."""
        for destination in self.scheduler.destinations.values():
            if destination.reason is not None and now >= destination.revive_at:
                destination.revive()
        self.scheduler.forget_idle()
        self.pool.close_idle(now)
        self.pool.close_silent(now)


def suspended(dsn: Dsn) -> Dsn:
    """Return the status of a recipient that was not tried because its destination is dead."""
    return Dsn(dsn.status, _SUSPENDED + dsn.reason, dsn.diagnostic_type, dsn.diagnostic, dsn.mta)


class Transports:
    """All transports that mail was routed to, made as they are met."""

    def __init__(self, params: QmgrParameters, log: Log, make_pool: Callable[[Transport], Pool]) -> None:
        self._params = params
        self._log = log
        self._make_pool = make_pool
        self._known: dict[str, Transport] = {}

    def get(self, name: str) -> Transport:
        """Return the transport of this name; master.cf may or may not have it."""
        transport = self._known.get(name)
        if transport is None:
            params = self._params
            transport = self._known[name] = Transport(
                name,
                window_limits(params, name, self._log),
                params.transport_destination_recipient_limit(name),
                params.transport_transport_rate_delay(name),
            )
            transport.pool = self._make_pool(transport)
        return transport

    def all(self) -> list[Transport]:
        """Return those that were met so far."""
        return list(self._known.values())

    @property
    def in_flight(self) -> int:
        """Requests that agents work on."""
        return sum(transport.pool.in_flight for transport in self._known.values())


def window_limits(params: QmgrParameters, name: str, log: Log) -> WindowLimits:
    """Return what the parameters say about the destinations of a transport."""
    positive = params.transport_destination_concurrency_positive_feedback(name)
    negative = params.transport_destination_concurrency_negative_feedback(name)
    return WindowLimits(
        initial=params.transport_initial_destination_concurrency(name),
        limit=params.transport_destination_concurrency_limit(name),
        positive=_feedback(positive, f"{name}_destination_concurrency_positive_feedback", log),
        negative=_feedback(negative, f"{name}_destination_concurrency_negative_feedback", log),
        failed_cohorts=params.transport_destination_concurrency_failed_cohort_limit(name),
        rate_delay=params.transport_destination_rate_delay(name),
    )


def _feedback(text: str, parameter: str, log: Log) -> Feedback:
    """As Postfix, go on with the default in place of a bad value: mail that waits is worse."""
    try:
        return Feedback.parse(text)
    except FeedbackError:
        log.warning(f"{parameter}: ignoring malformed or unreasonable feedback: {text}")
        return Feedback(1.0)

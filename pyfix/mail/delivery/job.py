"""One delivery request, from qmgr's Deliver message to the Delivered answer.

Every recipient ends in exactly one verb. A verb writes Postfix's one log line, marks a recipient that is done in the
queue file, and collects what qmgr has to act on; it never waits for another process. Recipients that the agent forgot
(an error in mid-delivery) are deferred by `finish`, and so are those for which `guard` caught an exception that nobody
foresaw: what is unknown is temporary. Text from outside may hold bytes that are no UTF-8; it is made valid here, before
it enters a message to qmgr.

Failures: JobError when the queue file can't be opened; the agent answers Refused and qmgr tries again.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.base.log import Log, one_line
from pyfix.mail.delivery.content import Content
from pyfix.mail.delivery.params import DeliveryParameters
from pyfix.mail.delivery.status_filter import StatusFilter
from pyfix.mail.ipc.messages import (
    NOTIFY_SUCCESS,
    TRACE_RECORD,
    TRACE_VERIFY,
    Deliver,
    Delivered,
    Dsn,
    Outcome,
    Recipient,
)
from pyfix.mail.maillog import Stages, delivery_status
from pyfix.mail.queue import CorruptFile, Queue

UNKNOWN_ERROR = Dsn("4.3.0", "unknown mail system error")


class JobError(Exception):
    """The queue file is gone or unreadable; the text fits a Refused message."""


class Guard:
    """See Job.guard. A class, since a generator costs three times as much, and every recipient has one or more."""

    __slots__ = ("_job", "_recipients")

    def __init__(self, job: Job, recipients: Sequence[Recipient]) -> None:
        self._job = job
        self._recipients = recipients

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._job.broke(error, self._recipients)
        return True


class Job:
    """The work on one request. Use as a context manager, or call finish."""

    def __init__(
        self, request: Deliver, queue: Queue, log: Log, params: DeliveryParameters, relay: str = "none",
        status_filter: StatusFilter | None = None,
    ) -> None:  # fmt: skip
        self.request = request
        self.envelope = request.envelope
        self.relay = relay
        self.stages = Stages(request.envelope.arrival, request.active_since, clock.now())
        self._log = log
        self._params = params
        self._filter = status_filter
        self._outcomes: list[Outcome] = []
        self._open = {rcpt.position: rcpt for rcpt in request.recipients}
        self._all_done = True
        self._has_marks = False
        try:
            content_end = request.content_offset + request.content_length
            self._file = queue.hold("active", request.queue_id, content_end, request.envelope.recipient_count)
        except (OSError, CorruptFile) as error:
            raise JobError(f"open file active/{request.queue_id}: {words_for(error)}") from error
        self.content = Content(self._file.fd, request.content_offset, request.content_length)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the queue file; a second call does nothing."""
        self._file.close()

    @property
    def is_trace_only(self) -> bool:
        """True for sendmail -bv: decide and say "delivers to ...", deliver nothing."""
        return bool(self.envelope.trace & TRACE_VERIFY)

    @property
    def open_recipients(self) -> Sequence[Recipient]:
        """The recipients without a verdict."""
        return list(self._open.values())

    def connected(self, uses: int = 1) -> None:
        """Note that the connection to the next host stands now and serves its `uses`th delivery."""
        self.stages.connected = clock.now()
        self.stages.uses = uses

    def guard(self, *recipients: Recipient) -> Guard:
        """Let an exception that nobody foresaw defer these recipients; the process and the others go on."""
        return Guard(self, recipients)

    def broke(self, error: Exception, recipients: Sequence[Recipient]) -> None:
        """An exception that nobody foresaw ended the work on these recipients."""
        self._log.warning(f"{self.request.queue_id}: unexpected error: {one_line(error)}")
        for rcpt in recipients:
            if rcpt.position in self._open:
                self.deferred(rcpt, UNKNOWN_ERROR)

    # --- verbs: each ends one recipient -----------------------------------------------------------------------

    def sent(
        self, rcpt: Recipient, text: str, dsn: str = "2.0.0", relay: str | None = None, *,
        action: str = "delivered", reported: bool = False, mta: str = "", diagnostic: str = "",
    ) -> None:  # fmt: skip
        """The recipient has the message, durably.

        `action` is "delivered" or "relayed" (RFC 3464 section 2.3.3); `reported` when the next host has taken over to
        send success notices; mta and diagnostic name the remote host and its reply.
        """
        status = Dsn(dsn, text, "smtp" if diagnostic else "", diagnostic, mta)
        self._settle(rcpt, [self.note_sent(rcpt, status, relay, action=action, reported=reported)])

    def expanded(self, rcpt: Recipient, text: str, dsn: str = "2.0.0") -> None:
        """The recipient became other addresses, which are queued durably as a message of their own."""
        self._settle(rcpt, [self.note_sent(rcpt, Dsn(dsn, text), None, action="expanded")])

    def deferred(self, rcpt: Recipient, dsn: Dsn, relay: str | None = None) -> None:
        """Try again later."""
        self._settle(rcpt, [self.note_deferred(rcpt, dsn, relay)])

    def bounced(self, rcpt: Recipient, dsn: Dsn, relay: str | None = None) -> None:
        """Give up on this recipient; with soft_bounce try again later."""
        self._settle(rcpt, [self.note_bounced(rcpt, dsn, relay)])

    def failed(self, rcpt: Recipient, dsn: Dsn, relay: str | None = None) -> None:
        """Bounce or defer, as the first digit of the status says."""
        if dsn.status.startswith("5"):
            self.bounced(rcpt, dsn, relay)
        else:
            self.deferred(rcpt, dsn, relay)

    def settle(self, rcpt: Recipient, notes: Sequence[Outcome | None]) -> None:
        """End a recipient that local expanded to several deliveries, each of which was noted.

        While one of them is to be tried again the recipient as a whole is; bounces wait for the attempt that has no
        deferral, or the sender would be told once an attempt.
        """
        outcomes = [note for note in notes if note is not None]
        waiting = [note for note in outcomes if note.verb == "deferred"]
        self._settle(rcpt, waiting[:1] or outcomes)

    # --- notes: the log line and the outcome of one delivery, for `settle` ------------------------------------------

    def note_sent(
        self, rcpt: Recipient, dsn: Dsn, relay: str | None = None, *, action: str = "delivered", reported: bool = False
    ) -> Outcome | None:
        """Log one success; return what qmgr has to report to the sender, if anything."""
        dsn = self._filter.apply(dsn) if self._filter is not None else dsn
        if self.is_trace_only:
            return self._note(rcpt, "deliverable", "deliverable", dsn, relay)
        if (rcpt.notify & NOTIFY_SUCCESS and not reported) or self.envelope.trace & TRACE_RECORD:
            return self._note(rcpt, "sent", action, dsn, relay)
        self._log_status(rcpt, "sent", dsn, self.relay if relay is None else relay)
        return None

    def note_deferred(self, rcpt: Recipient, dsn: Dsn, relay: str | None = None) -> Outcome:
        """Log one temporary failure, which a filter may make permanent."""
        return self._note_failed(rcpt, self._checked(dsn, "4"), relay)

    def note_bounced(
        self, rcpt: Recipient, dsn: Dsn, relay: str | None = None, *, sender: str | None = None
    ) -> Outcome:
        """Log one permanent failure, temporary with soft_bounce; `sender` is told in place of the message's own."""
        return self._note_failed(rcpt, self._checked(dsn, "5"), relay, sender)

    def _note_failed(self, rcpt: Recipient, dsn: Dsn, relay: str | None, sender: str | None = None) -> Outcome:
        dsn = self._filter.apply(dsn) if self._filter is not None else dsn
        if self.is_trace_only:
            return self._note(rcpt, "undeliverable", "undeliverable", dsn, relay)
        if dsn.status.startswith("4"):
            return self._note(rcpt, "deferred", "deferred", dsn, relay)
        if self._params.soft_bounce:
            soft = Dsn(f"4{dsn.status[1:]}", dsn.reason, dsn.diagnostic_type, dsn.diagnostic, dsn.mta)
            return self._note(rcpt, "SOFTBOUNCE", "deferred", soft, relay)
        outcome = self._note(rcpt, "bounced", "bounced", dsn, relay)
        outcome.sender = sender
        return outcome

    # --- the end ----------------------------------------------------------------------------------------------

    def finish(self, dead: Dsn | None = None) -> Delivered:
        """Defer what has no verdict, make the marks stable, release the file, return the answer for qmgr.

        The marks need no sync when qmgr removes the file next: no crash of a process in between loses them.
        """
        for rcpt in list(self._open.values()):
            self.deferred(rcpt, dead or UNKNOWN_ERROR)
        if self._has_marks and not (self.request.last and self._all_done):
            self._sync_marks()
        self.close()
        return Delivered(self.request.seq, self._outcomes, dead)

    def _sync_marks(self) -> None:
        try:
            self._file.sync()
        except OSError as error:
            self._log.warning(f"{self.request.queue_id}: recipients may get this message again: {error.strerror}")

    def _note(self, rcpt: Recipient, status: str, verb: str, dsn: Dsn, relay: str | None) -> Outcome:
        """Log a verdict and return it for qmgr."""
        relay = self.relay if relay is None else relay
        if not dsn.reason.isascii() or not dsn.diagnostic.isascii():
            dsn = Dsn(dsn.status, valid_text(dsn.reason), dsn.diagnostic_type, valid_text(dsn.diagnostic), dsn.mta)
        self._log_status(rcpt, status, dsn, relay)
        if verb not in ("bounced", "deferred"):  # a report tells the way of the mail, too
            reason = f"delivery via {relay}: {dsn.reason}"
            dsn = Dsn(dsn.status, reason, dsn.diagnostic_type, dsn.diagnostic, dsn.mta)
        return Outcome(rcpt.position, verb, dsn, valid_text(rcpt.address))

    def _log_status(self, rcpt: Recipient, status: str, dsn: Dsn, relay: str) -> None:
        delivery_status(
            self._log,
            self.request.queue_id,
            rcpt.address,
            rcpt.original,
            relay,
            self.stages.text(clock.now(), self._params.delay_logging_resolution_limit),
            dsn.status,
            status,
            dsn.reason,
            uses=self.stages.uses,
        )

    def _settle(self, rcpt: Recipient, outcomes: Sequence[Outcome | None]) -> None:
        del self._open[rcpt.position]
        is_done = True
        for outcome in outcomes:
            if outcome is not None:
                self._outcomes.append(outcome)
                is_done = is_done and outcome.verb not in ("bounced", "deferred")
        if is_done and rcpt.position >= 0:
            self._file.mark_done(rcpt.position)
            self._has_marks = True
        elif not is_done:
            self._all_done = False

    def _checked(self, dsn: Dsn, digit: str) -> Dsn:
        """A status of the wrong class would make qmgr do the wrong thing: replace it by the general one."""
        if dsn.status.startswith(f"{digit}."):
            return dsn
        self._log.warning(f'ignoring dsn code "{dsn.status}"')
        return Dsn(f"{digit}.0.0", dsn.reason, dsn.diagnostic_type, dsn.diagnostic, dsn.mta)


def valid_text(text: str) -> str:
    """Return text as valid UTF-8: bytes that were none (surrogates in a str) become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()

"""The process: tables, rights and the two mailbox formats put together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from pyfix.base import clock
from pyfix.daemons.virtual.params import VirtualParameters
from pyfix.mail.delivery import Job, JobError
from pyfix.mail.delivery.status_filter import StatusFilter
from pyfix.mail.ipc.messages import AnyMessage, Deliver, Dsn, Message, Recipient, Refused
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.mailbox import (
    Draft,
    LockPolicy,
    MailboxError,
    MaildirWriter,
    Mbox,
    check_limit,
    delivery_headers,
    from_line,
)
from pyfix.mail.mailbox.locate import LookupFailed, Mailbox, open_locator
from pyfix.mail.queue import Queue
from pyfix.service.rights import RightsError
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage

_MISCONFIGURED = Dsn("4.3.5", "mail system configuration error")
_BATCH = 32
"""How many files are open at once."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient of one request, and its mailbox."""

    job: Job
    writer: MaildirWriter
    """Writes the content of the job's message."""
    rcpt: Recipient
    mailbox: Mailbox


class VirtualDaemon(OneClientDaemon[VirtualParameters]):
    """Delivers the requests that are there together."""

    depth = 32

    def before_jail(self) -> None:
        """Open the tables."""
        params = self.params
        check_limit("virtual_mailbox_limit", params.virtual_mailbox_limit, params.message_size_limit)
        self._locator = open_locator(self.config, params, with_ids=self.worker.rights.can_switch)
        self._lock = LockPolicy.from_params(params, params.virtual_mailbox_lock, "virtual_mailbox_lock")
        self._queue = Queue.from_params(params)
        name = "virtual_delivery_status_filter"
        self._filter = StatusFilter.open(params.virtual_delivery_status_filter, name, self.config, self.log)

    def find_changed(self) -> Iterator[str]:
        yield from self._filter.find_changed()
        yield from (maps.name for maps in self._locator.maps if maps.has_changed())

    def handle_all(self, requests: Sequence[AnyMessage], peer: Peer) -> Iterator[Message]:
        """Deliver small requests that are there together, a large one by itself: see `_deliver_batch`."""
        for group in grouped(_deliveries(requests), _BATCH):
            yield from self._deliver_group(group)

    def _deliver_group(self, requests: list[Deliver]) -> Iterator[Message]:
        answers: list[Message | Job] = [self._open(request) for request in requests]
        with contextlib.ExitStack() as jobs:
            found: list[Delivery] = []
            for job in answers:
                if isinstance(job, Job):
                    jobs.enter_context(job)
                    found += self._find(job)
            self._deliver_all(found)
            yield from [answer.finish() if isinstance(answer, Job) else answer for answer in answers]

    def _open(self, request: Deliver) -> Job | Refused:
        try:
            return Job(request, self._queue, self.log, self.params, self.worker.service, self._filter)
        except JobError as error:
            self.log.warning(str(error))
            return Refused(str(error))

    def _find(self, job: Job) -> list[Delivery]:
        """Return a delivery for each recipient that has a mailbox; the others end here."""
        writer = MaildirWriter(job.content, self.params.virtual_mailbox_limit, warn=self.log.warning)
        found: list[Delivery] = []
        for rcpt in job.request.recipients:
            with job.guard(rcpt):
                if mailbox := self._locate(job, rcpt):
                    found.append(Delivery(job, writer, rcpt, mailbox))
        return found

    def _locate(self, job: Job, rcpt: Recipient) -> Mailbox | None:
        """Return the mailbox, or end the recipient here."""
        address = rcpt.address.lower()
        try:
            mailbox = self._locator.find(address)
        except LookupFailed as problem:
            self.log.warning(str(problem))
            job.deferred(rcpt, _MISCONFIGURED)
            return None
        if mailbox is None:
            job.bounced(rcpt, Dsn("5.1.1", f'unknown user: "{address}"'))
        return mailbox

    def _deliver_all(self, found: list[Delivery]) -> None:
        """Deliver in the order of owners: taking on other rights costs more than a small delivery's preparation."""
        rights = self.worker.rights
        found.sort(key=_owner)
        try:
            for (uid, gid), group in groupby(found, key=_owner):
                try:
                    if rights.can_switch:
                        rights.switch(uid, gid)
                except RightsError as error:
                    self.log.warning(str(error))  # Job.finish defers who has no verdict
                    continue
                for batch in batched(list(group), _BATCH):
                    self._deliver_batch(batch)
        finally:
            rights.restore()

    def _deliver_batch(self, batch: list[Delivery]) -> None:
        """Write all messages for Maildirs before the first is made durable: see maildir.py."""
        drafts: list[tuple[Delivery, Draft]] = []
        for delivery in batch:
            with delivery.job.guard(delivery.rcpt):
                draft = self._begin(delivery, in_batch=len(batch) > 1)
                if draft is not None:
                    drafts.append((delivery, draft))
        for delivery, draft in drafts:
            with delivery.job.guard(delivery.rcpt):
                try:
                    delivery.writer.finish(draft)
                except MailboxError as error:
                    self._fail(delivery, error)
                else:
                    delivery.job.sent(delivery.rcpt, "delivered to maildir")

    def _begin(self, delivery: Delivery, *, in_batch: bool) -> Draft | None:
        """Return what is written for a Maildir; deliver to an mbox, or fail, at once."""
        job, rcpt, mailbox = delivery.job, delivery.rcpt, delivery.mailbox
        if job.is_trace_only:
            job.sent(rcpt, f"delivers to {mailbox.form}")
            return None
        head = delivery_headers(job.envelope.sender, rcpt.original, rcpt.address)
        try:
            if mailbox.is_maildir:
                return delivery.writer.begin(mailbox.path, head, in_batch=in_batch)
            self._deliver_mbox(job, rcpt, mailbox, head)
        except MailboxError as error:
            self._fail(delivery, error)
        else:
            job.sent(rcpt, "delivered to mailbox")
        return None

    def _fail(self, delivery: Delivery, error: MailboxError) -> None:
        job, rcpt, mailbox = delivery.job, delivery.rcpt, delivery.mailbox
        if not mailbox.is_maildir:
            job.failed(rcpt, Dsn(error.status, f"delivery failed to mailbox {mailbox.path}: {error.reason}"))
            return
        if error.is_access_problem:
            self.log.warning(f"maildir access problem for UID/GID={mailbox.uid}/{mailbox.gid}: {error.reason}")
            self.log.warning("perhaps you need to create the maildirs in advance")
        job.failed(rcpt, Dsn(error.status, f"maildir delivery failed: {error.reason}"))

    def _deliver_mbox(self, job: Job, rcpt: Recipient, mailbox: Mailbox, head: bytes) -> None:
        with Mbox.open(mailbox.path, self._lock, otherwise="4.2.0") as box:
            if not box.is_regular:
                self.log.warning(f"recipient {rcpt.address}: destination {mailbox.path} is not a regular file")
                raise MailboxError(_MISCONFIGURED.status, _MISCONFIGURED.reason)
            self._check_owner(box, mailbox)
            line = from_line(job.envelope.sender, clock.now())
            box.append(line, head, job.content, self.params.virtual_mailbox_limit)

    def _check_owner(self, box: Mbox, mailbox: Mailbox) -> None:
        if self.params.strict_mailbox_ownership and mailbox.uid >= 0 and box.owner_uid != mailbox.uid:
            self.log.warning('specify "strict_mailbox_ownership = no" to ignore mailbox ownership mismatch')
            raise MailboxError("4.2.0", f"destination {mailbox.path} is not owned by recipient")


def _deliveries(requests: Sequence[AnyMessage]) -> list[Deliver]:
    """Return the requests; raise UnexpectedMessage before any of them is begun."""
    deliveries = []
    for request in requests:
        if not isinstance(request, Deliver):
            raise UnexpectedMessage(request)
        deliveries.append(request)
    return deliveries


def grouped(requests: list[Deliver], size: int) -> Iterator[list[Deliver]]:
    """Yield runs of requests with at most `size` recipients together, or one request that has more."""
    group: list[Deliver] = []
    count = 0
    for request in requests:
        count += len(request.recipients)
        if group and count > size:
            yield group
            group, count = [], len(request.recipients)
        group.append(request)
    if group:
        yield group


def _owner(delivery: Delivery) -> tuple[int, int]:
    return delivery.mailbox.uid, delivery.mailbox.gid


def batched(items: list[Delivery], size: int) -> Iterator[list[Delivery]]:
    """Yield the items `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


SERVICE = Service("virtual", VirtualDaemon, VirtualParameters)

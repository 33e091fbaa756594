"""The process: tables, rights and the two mailbox formats put together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import assert_never

from pyfix.base import clock
from pyfix.daemons.virtual.delivery import Delivery, as_deliveries, batched, grouped, owner
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
from pyfix.mail.mailbox.filter import Filters, Verb, header_key
from pyfix.mail.mailbox.locate import LookupFailed, Mailbox, open_locator
from pyfix.mail.mailbox.quota.account import Account, OverQuota, Policy, read_percents
from pyfix.mail.mailbox.quota.limits import Limits
from pyfix.mail.mailbox.quota.notice import deliver_notice
from pyfix.mail.mailbox.quota.warning import State, WarningText
from pyfix.mail.queue import Queue
from pyfix.service.rights import RightsError
from pyfix.service.service import OneClientDaemon, Service

_MISCONFIGURED = Dsn("4.3.5", "mail system configuration error")
_BATCH = 32
"""How many files are open at once."""


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
        self._limits = Limits.open(self.config, params, self.log.warning)
        self._filters = Filters.open(self.config, params, self._locator.maildir_suffix, self.log.warning)
        self._policy = Policy.from_params(params, read_percents(self.config, params.virtual_quota_warning_percents))
        self._warning = WarningText.open(self.config, params.virtual_quota_warning_file, params.myhostname)
        name = "virtual_delivery_status_filter"
        self._filter = StatusFilter.open(params.virtual_delivery_status_filter, name, self.config, self.log)

    def find_changed(self) -> Iterator[str]:
        yield from self._filter.find_changed()
        maps = [*self._locator.maps, *(self._limits.maps if self._limits else ())]
        maps += [self._filters.maps] if self._filters else []
        yield from (table.name for table in maps if table.has_changed())

    def handle_all(self, requests: Sequence[AnyMessage], peer: Peer) -> Iterator[Message]:
        """Deliver small requests that are there together, a large one by itself: see `_deliver_batch`."""
        for group in grouped(as_deliveries(requests), _BATCH):
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
        writer = MaildirWriter(
            job.content, self.params.virtual_mailbox_limit, warn=self.log.warning,
            names_sizes=self.params.virtual_maildir_extended,
        )  # fmt: skip
        found: list[Delivery] = []
        for rcpt in job.request.recipients:
            with job.guard(rcpt):
                if delivery := self._locate(job, writer, rcpt):
                    found.append(delivery)
        return found

    def _locate(self, job: Job, writer: MaildirWriter, rcpt: Recipient) -> Delivery | None:
        """Return the delivery to the recipient's mailbox, or end the recipient here."""
        address = rcpt.address.lower()
        try:
            mailbox = self._locator.find(address)
            limit = self._limits.find(address) if self._limits and mailbox else None
        except LookupFailed as problem:
            self.log.warning(str(problem))
            job.deferred(rcpt, _MISCONFIGURED)
            return None
        if mailbox is None:
            job.bounced(rcpt, Dsn("5.1.1", f'unknown user: "{address}"'))
            return None
        account = Account(mailbox.path, limit.quota, self._policy, self.log.warning) if limit else None
        return Delivery(job, writer, rcpt, mailbox, limit, account if mailbox.is_maildir else None, mailbox.path)

    def _deliver_all(self, found: list[Delivery]) -> None:
        """Deliver in the order of owners: taking on other rights costs more than a small delivery's preparation."""
        rights = self.worker.rights
        found.sort(key=owner)
        try:
            for (uid, gid), group in groupby(found, key=owner):
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
                    delivery.writer.finish(draft, delivery.account)
                except MailboxError as error:
                    self._fail(delivery, error)
                else:
                    delivery.job.sent(delivery.rcpt, "delivered to maildir")
                    if delivery.account is not None and delivery.account.crossed:
                        self._warn_owner(delivery, delivery.account)

    def _warn_owner(self, delivery: Delivery, account: Account) -> None:
        """Tell the owner how full the mailbox is; the message that made it so is delivered in any case."""
        percent, address = account.crossed, delivery.rcpt.address
        state = State(address, account.limit, account.used)
        unique = f"{delivery.job.request.queue_id}.{delivery.rcpt.position}.quota"
        try:
            deliver_notice(delivery.mailbox.path, account, self._warning.compose(state, clock.now(), unique))
        except (OSError, MailboxError) as error:
            self.log.warning(f"quota warning for <{address}> not delivered: {error}")
        else:
            self.log.info(f"quota warning: to=<{address}>, percent={percent}, maildir={delivery.mailbox.path}")

    def _begin(self, delivery: Delivery, *, in_batch: bool) -> Draft | None:
        """Return what is written for a Maildir; deliver to an mbox, or fail, at once."""
        job, rcpt, mailbox = delivery.job, delivery.rcpt, delivery.mailbox
        if job.is_trace_only:
            job.sent(rcpt, f"delivers to {mailbox.form}")
            return None
        head = delivery_headers(job.envelope.sender, rcpt.original, rcpt.address)
        try:
            if mailbox.is_maildir:
                if self._filters is not None and not self._obey(self._filters, delivery, head):
                    return None
                if delivery.account is not None:
                    delivery.account.check(delivery.writer.size(head))
                return delivery.writer.begin(delivery.place, head, in_batch=in_batch)
            self._deliver_mbox(delivery, head)
        except MailboxError as error:
            self._fail(delivery, error)
        else:
            job.sent(rcpt, "delivered to mailbox")
        return None

    def _obey(self, filters: Filters, delivery: Delivery, head: bytes) -> bool:
        """Do what the owner's filter says; return whether the message is to be delivered."""
        job, rcpt, path = delivery.job, delivery.rcpt, delivery.mailbox.path
        action = filters.decide(rcpt.address.lower(), path, header_key(head, job.content))
        if action is None:
            return True
        text = action.text or f"User filter - {action.verb.value}"
        match action.verb:
            case Verb.REJECT:
                job.bounced(rcpt, Dsn("5.0.0", f"maildir delivery failed: {text}"))
                return False
            case Verb.DISCARD:
                job.sent(rcpt, f"discarded by the filter of its recipient: {text}")
                return False
            case Verb.MOVE if self.params.virtual_maildir_extended:
                delivery.move_to(action.text, self._policy.scope)
            case Verb.MOVE:
                self.log.warning(f"maildirfilter of <{rcpt.address}>: MOVE needs virtual_maildir_extended = yes")
            case Verb.WARN:
                self.log.warning(f"{job.request.queue_id}: to=<{rcpt.address}>: header check warning: {text}")
            case Verb.INFO:
                self.log.info(f"{job.request.queue_id}: to=<{rcpt.address}>: header check info: {text}")
            case _:
                assert_never(action.verb)
        return True

    def _fail(self, delivery: Delivery, error: MailboxError) -> None:
        job, rcpt, mailbox = delivery.job, delivery.rcpt, delivery.mailbox
        if not mailbox.is_maildir:
            job.failed(rcpt, Dsn(error.status, f"delivery failed to mailbox {mailbox.path}: {error.reason}"))
            return
        if error.is_access_problem:
            self.log.warning(f"maildir access problem for UID/GID={mailbox.uid}/{mailbox.gid}: {error.reason}")
            self.log.warning("perhaps you need to create the maildirs in advance")
        reason = self._limit_message(rcpt) if isinstance(error, OverQuota) else error.reason
        job.failed(rcpt, Dsn(error.status, f"maildir delivery failed: {reason}"))

    def _limit_message(self, rcpt: Recipient) -> str:
        """Return what senders are told of a full mailbox."""
        if self._limits is None:
            return self.params.virtual_maildir_limit_message
        try:
            return self._limits.message(rcpt.address.lower())
        except LookupFailed as problem:
            self.log.warning(str(problem))
            return self.params.virtual_maildir_limit_message

    def _deliver_mbox(self, delivery: Delivery, head: bytes) -> None:
        job, rcpt, mailbox = delivery.job, delivery.rcpt, delivery.mailbox
        limit = delivery.limit.quota.size if delivery.limit else self.params.virtual_mailbox_limit
        with Mbox.open(mailbox.path, self._lock, otherwise="4.2.0") as box:
            if not box.is_regular:
                self.log.warning(f"recipient {rcpt.address}: destination {mailbox.path} is not a regular file")
                raise MailboxError(_MISCONFIGURED.status, _MISCONFIGURED.reason)
            self._check_owner(box, mailbox)
            line = from_line(job.envelope.sender, clock.now())
            box.append(line, head, job.content, limit)

    def _check_owner(self, box: Mbox, mailbox: Mailbox) -> None:
        if self.params.strict_mailbox_ownership and mailbox.uid >= 0 and box.owner_uid != mailbox.uid:
            self.log.warning('specify "strict_mailbox_ownership = no" to ignore mailbox ownership mismatch')
            raise MailboxError("4.2.0", f"destination {mailbox.path} is not owned by recipient")


SERVICE = Service("virtual", VirtualDaemon, VirtualParameters)

"""The process: tables, rights and the two mailbox formats put together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pyfix.base import clock
from pyfix.daemons.virtual.locate import Locator, LookupFailed, Mailbox
from pyfix.daemons.virtual.params import VirtualParameters
from pyfix.mail.config import ConfigError
from pyfix.mail.delivery import Job, JobError
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
from pyfix.mail.maps import Maps, open_maps
from pyfix.mail.queue import Queue
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage

_MISCONFIGURED = Dsn("4.3.5", "mail system configuration error")
_BATCH = 32
"""How many files are open at once."""


class VirtualDaemon(OneClientDaemon[VirtualParameters]):
    """Delivers one request after the other."""

    depth = 8

    def before_jail(self) -> None:
        """Open the tables."""
        params = self.params
        if self.worker.argv:
            raise ConfigError(f"unexpected command-line argument: {self.worker.argv[0]}")
        check_limit("virtual_mailbox_limit", params.virtual_mailbox_limit, params.message_size_limit)
        self._maps = [
            open_maps(getattr(params, name), name, self.config)
            for name in ("virtual_mailbox_maps", "virtual_uid_maps", "virtual_gid_maps")
        ]
        mailboxes, uids, gids = self._maps
        ids: tuple[Maps | None, Maps | None] = (uids, gids) if self.worker.rights.can_switch else (None, None)
        self._locator = Locator(
            params.virtual_mailbox_base, mailboxes, *ids, params.virtual_minimum_uid, params.recipient_delimiter
        )
        self._lock = LockPolicy.from_params(params, params.virtual_mailbox_lock, "virtual_mailbox_lock")
        self._queue = Queue.from_params(params)

    def idle(self) -> None:
        """End when a table has changed: a fresh process reads it."""
        for maps in self._maps:
            if maps.has_changed() and not self.worker.is_retiring:
                self.log.info(f"table {maps.name} has changed -- restarting")
                self.worker.retire()

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Deliver to every recipient of the request."""
        if not isinstance(request, Deliver):
            raise UnexpectedMessage(request)
        try:
            job = Job(request, self._queue, self.log, self.params, self.worker.service)
        except JobError as error:
            self.log.warning(str(error))
            return Refused(str(error))
        with job:
            found: list[tuple[Recipient, Mailbox]] = []
            for rcpt in request.recipients:
                with job.guard(rcpt):
                    if mailbox := self._locate(job, rcpt):
                        found.append((rcpt, mailbox))
            found.sort(key=_owner)
            self._deliver_all(job, found)
            return job.finish()

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

    def _deliver_all(self, job: Job, found: list[tuple[Recipient, Mailbox]]) -> None:
        """Deliver in the order of owners: taking on other rights costs more than a small delivery's preparation."""
        rights = self.worker.rights
        writer = MaildirWriter(job.content, self.params.virtual_mailbox_limit, warn=self.log.warning)
        try:
            for (uid, gid), group in groupby(found, key=_owner):
                members = list(group)
                with job.guard(*(rcpt for rcpt, _ in members)):
                    if rights.can_switch:
                        rights.switch(uid, gid)
                    for batch in batched(members, _BATCH):
                        self._deliver_batch(job, batch, writer)
        finally:
            rights.restore()

    def _deliver_batch(self, job: Job, batch: list[tuple[Recipient, Mailbox]], writer: MaildirWriter) -> None:
        """Write all messages for Maildirs before the first is made durable: see maildir.py."""
        drafts: list[tuple[Recipient, Mailbox, Draft]] = []
        for rcpt, mailbox in batch:
            with job.guard(rcpt):
                draft = self._begin(job, rcpt, mailbox, writer, in_batch=len(batch) > 1)
                if draft is not None:
                    drafts.append((rcpt, mailbox, draft))
        for rcpt, mailbox, draft in drafts:
            with job.guard(rcpt):
                try:
                    writer.finish(draft)
                except MailboxError as error:
                    self._fail(job, rcpt, mailbox, error)
                else:
                    job.sent(rcpt, "delivered to maildir")

    def _begin(
        self, job: Job, rcpt: Recipient, mailbox: Mailbox, writer: MaildirWriter, *, in_batch: bool
    ) -> Draft | None:
        """Return what is written for a Maildir; deliver to an mbox, or fail, at once."""
        if job.is_trace_only:
            job.sent(rcpt, f"delivers to {mailbox.form}")
            return None
        head = delivery_headers(job.envelope.sender, rcpt.original, rcpt.address)
        try:
            if mailbox.is_maildir:
                return writer.begin(mailbox.path, head, in_batch=in_batch)
            self._deliver_mbox(job, rcpt, mailbox, head)
        except MailboxError as error:
            self._fail(job, rcpt, mailbox, error)
        else:
            job.sent(rcpt, "delivered to mailbox")
        return None

    def _fail(self, job: Job, rcpt: Recipient, mailbox: Mailbox, error: MailboxError) -> None:
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


def _owner(pair: tuple[Recipient, Mailbox]) -> tuple[int, int]:
    return pair[1].uid, pair[1].gid


def batched(items: list[tuple[Recipient, Mailbox]], size: int) -> Iterator[list[tuple[Recipient, Mailbox]]]:
    """Yield the items `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


SERVICE = Service("virtual", VirtualDaemon, VirtualParameters)

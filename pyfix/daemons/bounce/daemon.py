"""The requests of qmgr: record a recipient, send the notices of a message, drop a log."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from msgspec import structs

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.daemons.bounce import log as events
from pyfix.daemons.bounce.decide import Addresses, Plan, Role, Withheld, plan_notices
from pyfix.daemons.bounce.notice import About, Notice, applicable
from pyfix.daemons.bounce.original import Original
from pyfix.daemons.bounce.params import BounceParameters
from pyfix.daemons.bounce.recipient_log import RecipientLog, Selection
from pyfix.daemons.bounce.submission import Submission, SubmissionError
from pyfix.mail.config import ConfigError
from pyfix.mail.ipc.client import Channel
from pyfix.mail.ipc.messages import (
    CLEANUP_FILTER,
    CLEANUP_LOCAL,
    CLEANUP_MAP,
    CLEANUP_NOTICE,
    AnyMessage,
    Done,
    DropLog,
    Envelope,
    LogRecipient,
    Message,
    Refused,
    SendNotice,
)
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.notices.template import (
    BUILT_IN,
    Kind,
    Template,
    TemplateError,
    default_sender,
    expand_text,
    read_templates,
    times_of,
)
from pyfix.mail.queue import CorruptFile, Queue
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage


class BounceDaemon(OneClientDaemon[BounceParameters]):
    """One process of the bounce, defer or trace service."""

    depth = 32

    def before_jail(self) -> None:
        """Find out what this process is for, and read the template file, which a jail may hide."""
        self._role = self._find_role()
        self._templates: dict[Kind, Template] = dict(BUILT_IN)
        if path := self.params.bounce_template_file:
            self._read_templates(path)

    def _find_role(self) -> Role:
        params = self.params
        roles = {
            params.bounce_service_name: Role.BOUNCE,
            params.defer_service_name: Role.DEFER,
            params.trace_service_name: Role.TRACE,
        }
        try:
            return roles[self.worker.service]
        except KeyError:
            raise ConfigError(
                f"service {self.worker.service}: no such name in bounce_service_name, defer_service_name or "
                "trace_service_name; set one of them, or remove the service from master.cf"
            ) from None

    def _read_templates(self, path: str) -> None:
        found = read_templates(path)
        self._templates = found.by_kind
        for problem in found.problems:
            self.log.warning(problem)
        if found.fatal:
            self.log.warning(f"bounce_template_file: {found.fatal}; using the built-in texts")

    def after_jail(self) -> None:
        """Get ready; cleanup is connected to when the first notice is due."""
        params = self.params
        self._queue = Queue.from_params(params)
        channel = Channel(f"public/{params.cleanup_service_name}", params.ipc_timeout)
        filtered = CLEANUP_FILTER if "bounce" in params.internal_mail_filter_classes else 0
        self._submission = Submission(self._queue, channel, CLEANUP_NOTICE | CLEANUP_LOCAL | CLEANUP_MAP | filtered)
        self._addresses = Addresses(
            f"{params.double_bounce_sender}@{params.myhostname}",
            params.bounce_notice_recipient,
            params.double_bounce_notice_recipient,
            params.delay_notice_recipient,
        )

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Carry a request out, or refuse it: every error is temporary for qmgr."""
        if not isinstance(request, LogRecipient | SendNotice | DropLog):
            raise UnexpectedMessage(request)
        try:
            self._carry_out(request, RecipientLog(self._queue.path(self._role.value, request.queue_id)))
        except (OSError, SubmissionError, ValueError) as error:
            events.request_failed(self.log, request.queue_id, words_for(error))
            return Refused(words_for(error))
        return Done()

    def _carry_out(self, request: LogRecipient | SendNotice | DropLog, log: RecipientLog) -> None:
        match request:
            case LogRecipient():
                log.append(request.recipient, request.outcome)
            case DropLog():
                log.remove()
            case SendNotice():
                self._notify(request, log)

    def _notify(self, request: SendNotice, log: RecipientLog) -> None:
        """Send all notices about a message; then its log is done with, except that of the defer service.

        A log that is missing was dealt with before: its notice was confirmed, and the answer lost.
        """
        try:
            with log.open() as entries, self._original(request) as original:
                for offset in entries.damaged:
                    events.record_damaged(self.log, log.path, offset)
                for owner in entries.told_to():
                    self._tell(request, original, entries.of(owner))
        except FileNotFoundError:
            self.log.debug(f"{request.queue_id}: no log, so nobody to tell")
        if self._role is not Role.DEFER:
            log.remove()

    def _say_withheld(self, queue_id: str, reason: Withheld) -> None:
        if reason is Withheld.NOT_WANTED:
            return
        if self._role is Role.TRACE:
            events.report_withheld(self.log, queue_id, reason.value)
        else:
            events.postmaster_notice_discarded(self.log, queue_id)

    def _tell(self, request: SendNotice, original: Original, entries: Selection) -> None:
        """Tell one owner, or the sender, of the entries that are theirs."""
        envelope = request.envelope
        if entries.owner is not None:
            envelope = structs.replace(envelope, sender=entries.owner, ret=0, envid="")
        plans = plan_notices(self._role, envelope, self._addresses, self.params.notify_classes)
        if isinstance(plans, Withheld):
            self._say_withheld(request.queue_id, plans)
            return
        about = self._about(request, envelope, original, entries)
        for plan in plans:
            if not len(entries.log) or any(applicable(entries, plan.notify)):
                self._send(about, plan)

    def _about(self, request: SendNotice, envelope: Envelope, original: Original, entries: Selection) -> About:
        params = self.params
        return About(
            request.queue_id,
            envelope,
            params.myhostname,
            params.mail_name,
            original,
            entries,
            retry_until=request.envelope.arrival + params.maximal_queue_lifetime,
            size_limit=params.bounce_size_limit,
            eight_bit=params.smtputf8_enable,
            threaded=params.enable_threaded_bounces,
        )

    @contextlib.contextmanager
    def _original(self, request: SendNotice) -> Iterator[Original]:
        """Open the message; what can't be opened is left out of the notice."""
        try:
            file = self._queue.open(request.queue_name, request.queue_id)
        except (OSError, CorruptFile) as error:
            events.message_unreadable(self.log, request.queue_id, str(error))
            yield Original(None, 0)
            return
        with file:
            yield Original(file.read_content, file.content_length)

    def _send(self, about: About, plan: Plan) -> None:
        """Submit one notice; the failure of an optional one is only logged."""
        now = clock.now()
        notice = Notice(about, plan, self._template(plan), now)
        envelope = Envelope(
            plan.sender, now, 0, encoding=about.encoding, smtputf8=about.envelope.smtputf8, rewrite_context="local"
        )
        try:
            notice_id = self._submission.submit(envelope, plan.recipient, notice.pieces)
        except SubmissionError as error:
            if not plan.is_optional:
                raise
            events.postmaster_copy_failed(self.log, about.queue_id, about.envelope.sender, str(error))
        else:
            events.notice_sent(self.log, about.queue_id, plan.event, notice_id)

    def _template(self, plan: Plan) -> Template:
        """Return the template with its text ready to be sent; a postmaster's copy has none."""
        template = self._templates[plan.kind]
        text = "" if plan.is_postmaster_copy else self._text(template)
        sender = template.sender or default_sender(self.params)
        return replace(template, text=text, sender=sender)

    def _text(self, template: Template) -> str:
        """Return the text with its names replaced; a notice with a strange text is better than none."""
        try:
            return expand_text(template, self.config.get, times_of(self.params), self.log.warning)
        except TemplateError as error:
            self.log.warning(f"{error}; sending it as it is")
            return template.text


SERVICE = Service("bounce", BounceDaemon, BounceParameters)

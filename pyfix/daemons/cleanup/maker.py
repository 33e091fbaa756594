"""Make one queued message: the order of everything that cleanup does.

Nothing is written before every decision is made. The last step, `finish`, is of its own: several messages are written
before the first is made durable, so that the disk works on all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from pyfix.base.log import Log
from pyfix.daemons.cleanup import refusal
from pyfix.daemons.cleanup.addresses import AddressStage
from pyfix.daemons.cleanup.content import Content
from pyfix.daemons.cleanup.copies import Copies
from pyfix.daemons.cleanup.headers import Findings, HeaderPass, RewriteHeader
from pyfix.daemons.cleanup.missing import Origin, make_missing_headers
from pyfix.daemons.cleanup.params import CleanupParameters
from pyfix.daemons.cleanup.recipients import RecipientList
from pyfix.daemons.cleanup.refusal import Refusal
from pyfix.daemons.cleanup.trace import TraceLog
from pyfix.mail.ipc.messages import (
    CLEANUP_BCC,
    CLEANUP_BOUNCE,
    CLEANUP_EXTRACT,
    CLEANUP_MAP,
    CLEANUP_NOTICE,
    CLEANUP_SMTPUTF8_AUTODETECT,
    NOTIFY_NEVER,
    Arrived,
    Envelope,
    Recipient,
    Submit,
    Trigger,
)
from pyfix.mail.message.flaws import find_flaw
from pyfix.mail.queue import NewFile, QueueFileInfo
from pyfix.mail.rewrite.aliases import VirtualAliases
from pyfix.mail.rewrite.mapping import Mapper, Mappings, Warn

HINT_RECIPIENTS: Final = 250
"""More than these are not sent along with the hint: qmgr reads them from the file."""


@dataclass(frozen=True, slots=True)
class Written:
    """A message that is written and not yet on stable storage."""

    file: NewFile
    queue: str
    """Where it goes: incoming or hold."""
    expanded: list[Recipient]
    """The recipients whose success notice is in the trace log."""
    hint: Arrived | Trigger
    """What qmgr is told once the message is durable."""


class MessageMaker:
    """Turns a submission and its queue file into a message; raises Refusal, OSError, IpcError."""

    def __init__(
        self,
        params: CleanupParameters,
        log: Log,
        stage: AddressStage,
        mappings: Mappings,
        aliases: VirtualAliases | None,
        copies: Copies,
        trace: TraceLog,
    ) -> None:
        self._params = params
        self._log = log
        self._stage = stage
        self._mappings = mappings
        self._aliases = aliases
        self._copies = copies
        self._trace = trace
        self._pass = HeaderPass(
            dropped=frozenset(name.lower().encode() for name in params.message_drop_headers),
            size_limit=params.header_size_limit,
        )

    def write(self, request: Submit, file: NewFile) -> Written:
        """Do everything but the last step, in this order."""
        envelope = request.envelope
        self._check(envelope, request.recipients)
        content = Content(file, request.body, replace_cr=self._params.cleanup_replace_stray_cr_lf)
        mapper = self._choose_mapper(request)
        findings = self._pass_headers(request, content, mapper)
        envelope.sender = self._stage.prepare_sender(envelope.sender, mapper)
        head = [*findings.segments, self._add_headers(request, findings)]
        problem = self._find_problem(request, findings, content)
        if problem is not None and not (problem.is_permanent and request.flags & CLEANUP_BOUNCE):
            raise problem
        rcpts = self._list_recipients(request, findings, mapper)
        if not rcpts.recipients:
            raise refusal.no_recipients()
        self._check(envelope, rcpts.recipients)
        if problem is not None:
            envelope.filter = f"error:{problem.status} {problem.reason.removeprefix('Error: ')}"
        if request.flags & CLEANUP_SMTPUTF8_AUTODETECT and not envelope.smtputf8:
            envelope.smtputf8 = _needs_smtputf8(envelope.sender, rcpts.recipients, head)
        info = content.write(envelope, rcpts.recipients, head)
        queue = "hold" if request.hold else "incoming"
        return Written(file, queue, rcpts.expanded, _hint(request, rcpts, info))

    def finish(self, written: Written) -> None:
        """The last step. After it the message is the queue's; with an OSError it was never there."""
        file, expanded = written.file, written.expanded
        self._trace.record(file.id, expanded)
        try:
            file.complete(written.queue)
        except OSError:
            if expanded:
                self._trace.drop(file.id)
            raise

    @staticmethod
    def _check(envelope: Envelope, recipients: list[Recipient]) -> None:
        """What is given has been checked where it came in; what is found in headers is checked here only."""
        flaw = find_flaw(envelope, recipients)
        if flaw is not None:
            raise refusal.bad_envelope(flaw)

    # --- headers

    def _choose_mapper(self, request: Submit) -> Mapper | None:
        if not self._mappings or not request.flags & CLEANUP_MAP:
            return None
        return Mapper(self._mappings, self._warn_about(request))

    def _warn_about(self, request: Submit) -> Warn:
        return lambda text: self._log.warning(f"{request.queue_id}: {text}")

    def _pass_headers(self, request: Submit, content: Content, mapper: Mapper | None) -> Findings:
        extract = bool(request.flags & CLEANUP_EXTRACT)
        rewrite = self._choose_rewrite(request, extract, mapper)
        return self._pass.run(content.data, content.block, rewrite, extract)

    def _choose_rewrite(self, request: Submit, extract: bool, mapper: Mapper | None) -> RewriteHeader | None:
        """Mail of strangers keeps its header addresses (local_header_rewrite_clients)."""
        context = request.envelope.rewrite_context
        if not extract and context != "local" and not self._params.remote_header_rewrite_domain:
            return None
        warn = self._warn_about(request)
        return partial(self._stage.rewrite_header, context=context, mapper=mapper, extract=extract, warn=warn)

    def _add_headers(self, request: Submit, findings: Findings) -> bytes:
        """Return the headers to add, and log the message ids: each line of the log needs one to be found by."""
        envelope = request.envelope
        lines = ""
        if self._is_completed(envelope.rewrite_context):
            params = self._params
            added = make_missing_headers(
                findings.seen,
                findings.is_resent,
                Origin(
                    request.queue_id,
                    params.myhostname,
                    envelope.arrival,
                    envelope.sender,
                    params.enable_long_queue_ids,
                    params.undisclosed_recipients_header,
                ),
            )
            lines = added.lines
            if added.message_id:
                findings.message_ids.append((findings.is_resent, added.message_id.encode()))
        self._log_message_ids(request.queue_id, findings)
        return lines.encode("utf-8", "surrogateescape")

    def _is_completed(self, context: str) -> bool:
        return (
            context == "local"
            or self._params.always_add_missing_headers
            or bool(self._params.remote_header_rewrite_domain)
        )

    def _log_message_ids(self, queue_id: str, findings: Findings) -> None:
        for is_resent, value in findings.message_ids:
            name = "resent-message-id" if is_resent else "message-id"
            self._log.info(f"{queue_id}: {name}={value.decode('utf-8', 'replace')}")
        if all(is_resent for is_resent, _ in findings.message_ids):
            self._log.info(f"{queue_id}: message-id=<>")

    def _find_problem(self, request: Submit, findings: Findings, content: Content) -> Refusal | None:
        if findings.hops >= self._params.hopcount_limit:
            self._log.warning(f"{request.queue_id}: message rejected: hopcount exceeded")
            return refusal.too_many_hops()
        if 0 < self._params.message_size_limit < content.size and not request.flags & CLEANUP_NOTICE:
            self._log.warning(f"{request.queue_id}: queue file size limit exceeded")
            return refusal.too_big()
        return None

    # --- recipients

    def _list_recipients(self, request: Submit, findings: Findings, mapper: Mapper | None) -> RecipientList:
        is_mapped = bool(request.flags & CLEANUP_MAP)
        rcpts = RecipientList(
            expand=self._aliases.expand if is_mapped and self._aliases is not None else None,
            keep_original=self._params.enable_original_recipient,
            duplicate_limit=self._params.duplicate_filter_limit,
            is_remote=bool(request.envelope.client.protocol),
        )
        given = [*request.recipients, *map(Recipient, findings.extracted())]
        addresses = [recipient.address or self._params.empty_address_recipient for recipient in given]
        prepared = self._stage.prepare(addresses, mapper)
        for recipient, address in zip(given, prepared, strict=True):
            rcpts.add(address, recipient.original or recipient.address, recipient.orcpt, recipient.notify)
        if request.flags & CLEANUP_BCC and rcpts.recipients:
            copies = self._copies.find(request.envelope.sender, prepared)
            for address in self._stage.prepare(copies, mapper):
                rcpts.add(address, address, notify=NOTIFY_NEVER)
        return rcpts


def _hint(request: Submit, rcpts: RecipientList, info: QueueFileInfo) -> Arrived | Trigger:
    if rcpts.expanded:  # a message that qmgr finds by itself is one whose trace log it looks for
        return Trigger("scan")
    known = rcpts.recipients if len(rcpts.recipients) <= HINT_RECIPIENTS else None
    return Arrived(request.queue_id, request.envelope, known, info.content_offset, info.content_length)


def _needs_smtputf8(sender: str, recipients: list[Recipient], head: list[bytes]) -> bool:
    """True when an address or a header is not ASCII (RFC 6531)."""
    return not (
        sender.isascii()
        and all(recipient.address.isascii() for recipient in recipients)
        and all(part.isascii() for part in head)
    )

"""DATA and BDAT, and the end of a message: the moment in which the server takes responsibility for it."""

from __future__ import annotations

from typing import Final

from pyfix.daemons.smtpd import log
from pyfix.daemons.smtpd.connection import AFTER_MESSAGE
from pyfix.daemons.smtpd.content import ChunkReceiver, DataReceiver, Receiver, Skipper
from pyfix.daemons.smtpd.dataend import ChunkReader
from pyfix.daemons.smtpd.encryption import Encryption
from pyfix.daemons.smtpd.envelope import EnvelopeVerbs
from pyfix.daemons.smtpd.received import make_received
from pyfix.daemons.smtpd.transaction import Transaction
from pyfix.daemons.smtpd.trouble import trouble_of_command, trouble_of_message
from pyfix.mail.ipc.messages import Client
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.restrictions.evaluate import knows_certificate
from pyfix.mail.restrictions.questions import Stage
from pyfix.mail.smtp import replies

_CHUNK_DIGITS: Final = 18


class MessageVerbs(EnvelopeVerbs, Encryption):
    """Commands that carry content."""

    async def smtp_DATA(self, argument: str) -> bool | None:
        transaction = self.transaction
        if self._chunks is not None:
            return await self._refuse(replies.DATA_AFTER_BDAT)
        if transaction is None or not transaction.recipients:
            return await self._refuse(replies.NEED_RCPT if transaction is None else replies.NO_VALID_RECIPIENTS)
        if argument:
            return await self._refuse(replies.SYNTAX_DATA)
        if refusal := await self._evaluate(Stage.DATA, ""):
            return await self._deny(refusal)
        strict, detect = self._newline_rules()
        transaction.has_lines = True
        self._receiver = DataReceiver(transaction, strict=strict, detect_bare_newline=detect)
        self._has_content = True
        await self.push(replies.START_DATA)
        return None

    def _newline_rules(self) -> tuple[bool, bool]:
        """Return (end of data only at CRLF.CRLF, bare line feeds are refused) for this client."""
        rule = self.params.smtpd_forbid_bare_newline
        if rule == "no" or self.peer.may_send_bare_newline:
            return False, False
        return True, rule == "reject"

    async def smtp_BDAT(self, argument: str) -> bool | None:
        transaction = self.transaction
        if not self.extensions.chunking:
            return await self._refuse(replies.BDAT_DISABLED)
        words = argument.split()
        count = self._chunk_size(words)
        queue_id = transaction.queue_id if transaction is not None else ""
        if count < 0:
            log.bad_chunk(
                self.server.log,
                queue_id,
                self.peer.label,
                "malformed BDAT command syntax from {client}: " + " ".join(["BDAT", *words]),
            )
            return await self._refuse(replies.SYNTAX_BDAT)
        is_last = len(words) == 2
        self._begin_chunks()
        if not count and not is_last:
            log.bad_chunk(self.server.log, queue_id, self.peer.label, "null BDAT request from {client}")
            self._chunk_was_refused = True
            return await self._refuse(replies.NULL_CHUNK)
        if refusal := await self._refuse_chunk(count):
            self._receiver = Skipper(count, is_last, refusal)
        else:
            assert transaction is not None and self._chunks is not None
            self._receiver = ChunkReceiver(transaction, self._chunks, count, is_last)
            self._has_content = True
        if not count:
            receiver, self._receiver = self._receiver, None
            receiver.take(b"")
            return await self._content_outcome(receiver)
        return None

    def _begin_chunks(self) -> None:
        """From here to the end of the message, content comes in chunks and nothing else."""
        if self._chunks is None:
            strict, detect = self._newline_rules()
            self._chunks = ChunkReader(strict=strict, detect_bare_newline=detect)
            self._passed_data_stage = False

    @staticmethod
    def _chunk_size(words: list[str]) -> int:
        """Return the size that BDAT announces, -1 for bad syntax."""
        if not words or len(words) > 2 or (len(words) == 2 and words[1].upper() != "LAST"):
            return -1
        digits = words[0]
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _CHUNK_DIGITS else -1

    async def _refuse_chunk(self, count: int) -> str:
        """Return the reply to a chunk that will be thrown away, "" for one that is welcome."""
        if self._chunk_was_refused:
            return replies.chunk_discarded(count)
        transaction, limit = self.transaction, self.params.message_size_limit
        refusal = ""
        if transaction is None:
            refusal = replies.NEED_RCPT
        elif not transaction.recipients:
            refusal = replies.NO_VALID_RECIPIENTS
        elif limit and count > limit:
            problem = "BDAT request from {client} exceeds message size limit"
            log.bad_chunk(self.server.log, transaction.queue_id, self.peer.label, problem)
            refusal = replies.CHUNK_TOO_BIG
        if refusal:
            self._trouble |= trouble_of_command(refusal)
        elif not self._passed_data_stage:
            refusal = await self._evaluate(Stage.DATA, "BDAT")
            self._passed_data_stage = True
        self._chunk_was_refused = bool(refusal)
        return refusal

    async def _content_complete(self, receiver: Receiver) -> None:
        """Content that a DATA or BDAT command waited for is there."""
        if await self._content_outcome(receiver):
            self._pending_count[0] += 1
        else:
            self.error_count += 1

    async def _content_outcome(self, receiver: Receiver) -> bool:
        """Answer DATA or BDAT now that its content is there; True for success."""
        match receiver:
            case Skipper(reply=reply, is_last=is_last):
                if is_last:
                    self._reset()
                return await self._deny(reply)
            case DataReceiver(reader=reader):
                return await self._end_message(reader.bare_newline, None)
            case ChunkReceiver(transaction=transaction, count=count):
                if not receiver.is_last and not transaction.failure:
                    await self.push(replies.chunk_ok(count))
                    return True
                if not receiver.is_last:
                    self._chunk_was_refused = True
                    return await self._refuse(transaction.failure)
                return await self._end_message(receiver.reader.bare_newline, transaction.size)

    async def _end_message(self, bare_newline: bool, chunk_size: int | None) -> bool:
        """The whole message is there: hand it on and answer for it."""
        transaction, threshold = self.transaction, self.params.smtpd_history_flush_threshold
        assert transaction is not None
        self.where = AFTER_MESSAGE
        reply = await self._hand_on(transaction, bare_newline)
        queue_id = transaction.queue_id
        self._reset()
        if not reply:
            self.error_count = self.junk_count = 0
            self._trouble = Trouble.NONE
        await self.push(reply or replies.queued(queue_id, chunk_size))
        self._report(threshold)
        return not reply

    async def _hand_on(self, transaction: Transaction, bare_newline: bool) -> str:
        """Return the reply that refuses the message, "" when the queue has it."""
        params = self.params
        if bare_newline:
            self._log_refusal(AFTER_MESSAGE, "bare <LF> received")
            self._trouble |= Trouble.PROTOCOL
            return replies.bare_newline(params.smtpd_forbid_bare_newline_reject_code, params.myhostname)
        reply = transaction.failure
        if not reply:
            if refusal := await self._evaluate(Stage.END_OF_MESSAGE, ""):
                return refusal
            self.server.log.flush()
            head = self._received_header(transaction)
            reply = await transaction.submit(head, self._client(transaction), await self._rewrite_context())
        if reply:
            self._trouble |= trouble_of_message(reply)
        return reply

    def _client(self, transaction: Transaction) -> Client:
        peer, context = self.peer, self.context
        return Client(
            peer.name, peer.address, self._port, context.helo, self.protocol, peer.reverse_name, context.sasl_method,
            context.sasl_username or "", transaction.mail.auth,
        )  # fmt: skip

    async def _rewrite_context(self) -> str:
        """Return whose domain completes the headers: "local" for ours (local_header_rewrite_clients)."""
        server = self.server
        if server.rewrites_headers_of_logins and self.context.is_authenticated:
            return "local"
        if server.rewrites_headers_of_certificates and self.tls is not None and self.tls.peer is not None:
            for kind in server.rewrites_headers_of_certificates:
                if await server.answers.decide(knows_certificate(kind, server.rules, self.context)):
                    return "local"
        return self.peer.rewrite_context

    def _received_header(self, transaction: Transaction) -> bytes:
        params = self.params
        recipients = [recipient.address for recipient in transaction.recipients[:2]]
        return make_received(
            self._client(transaction), transaction.queue_id, recipients, transaction.arrival, params.myhostname,
            params.mail_name, transaction.mail.smtputf8, self.tls, tells_tls=params.smtpd_tls_received_header,
            show_login=params.smtpd_sasl_authenticated_header,
        )  # fmt: skip

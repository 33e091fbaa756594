"""What each SMTP command does.

Handlers are aiosmtpd's `smtp_*` coroutines. They answer with `push` and return True when the command succeeded,
False when it counts as an error, None when the rest of it (content) is still to come. ORDER is that of the counts
in the log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from pyfix.base import clock
from pyfix.daemons.smtpd import log, replies
from pyfix.daemons.smtpd.commands import CommandError, parse_mail, parse_rcpt
from pyfix.daemons.smtpd.connection import AFTER_MESSAGE, Connection
from pyfix.daemons.smtpd.content import ChunkReceiver, DataReceiver, Receiver, Skipper
from pyfix.daemons.smtpd.dataend import ChunkReader
from pyfix.daemons.smtpd.path import BadPath, take_path
from pyfix.daemons.smtpd.received import make_received
from pyfix.daemons.smtpd.restrictions.evaluate import evaluate, has_rules
from pyfix.daemons.smtpd.restrictions.questions import Context, Stage
from pyfix.daemons.smtpd.server import Server
from pyfix.daemons.smtpd.transaction import Transaction
from pyfix.mail.address.valid import is_valid_hostname, is_valid_mailhost_literal
from pyfix.mail.ipc.messages import Client, Recipient

_HELO_TROUBLE: Final = str.maketrans(dict.fromkeys(' <>()\\";@\t', "?"))
_CHUNK_DIGITS: Final = 18


class Verbs(Connection):
    """The commands; session.py calls them."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.context = Context("unknown", "unknown")
        self.protocol = "SMTP"
        self.transaction: Transaction | None = None
        self.is_refused = False
        """smtpd_client_restrictions refused the client at connect time."""
        self.error_count = 0
        self.junk_count = 0
        self.counts: dict[str, list[int]] = {}
        self._noop_commands = server.noop_commands
        self._receiver: Receiver | None = None
        self._chunks: ChunkReader | None = None
        """The reader of a message that comes in chunks; not None from the first BDAT to RSET or the end."""
        self._chunk_was_refused = False
        self._passed_data_stage = False
        """The data restrictions have been asked about the message that comes in chunks."""
        self._has_content = False
        """The last command was DATA or BDAT, and its content is or was welcome."""
        self._pending_count: list[int] = [0, 0]
        self._overlong = b""
        self._logged_early_input = False

    # --- state

    @property
    def may_pipeline(self) -> bool:
        """True when the client has been told that it may send commands ahead."""
        return self.protocol == "ESMTP" and self.server.extensions.pipelining

    def _reset(self) -> None:
        """Forget the message in hand (RFC 5321 section 4.1.1.5)."""
        if self.transaction is not None:
            self.transaction.abandon()
            self.transaction = None
            self.context.sender = self.context.recipient = None
        self._receiver = None
        self._chunks = None
        self._chunk_was_refused = False

    async def _evaluate(self, stage: Stage, where: str) -> str:
        """Apply the restrictions of a stage; return the reply that refuses, "" for none."""
        server = self.server
        if not has_rules(stage, server.rules):
            return ""
        decision = await server.answers.decide(evaluate(stage, server.rules, self.context))
        transaction, where = self.transaction, where or stage.value
        queue_id = transaction.queue_id if transaction is not None else ""
        for note in decision.notes:
            if note.verb == "hold" and transaction is not None and transaction.hold:
                continue
            log.noted(server.log, queue_id, where, self.context, self.protocol, note)
        if decision.hold and transaction is not None:
            transaction.hold = decision.hold
        if decision.rejection is None:
            return ""
        reply = decision.rejection.reply
        self._log_refusal(where, reply)
        return reply

    def _log_refusal(self, where: str, text: str) -> None:
        queue_id = self.transaction.queue_id if self.transaction is not None else ""
        log.refused(self.server.log, queue_id, where, self.context, self.protocol, text)

    async def _refuse(self, reply: str) -> bool:
        """Answer a command that fails; a return value for handlers."""
        await self.push(reply)
        return False

    # --- greeting

    async def smtp_HELO(self, argument: str) -> bool:
        if not argument:
            return await self._refuse(replies.SYNTAX_HELO)
        if refusal := await self._take_helo(argument, "HELO"):
            return await self._refuse(refusal)
        await self.push(f"250 {self.server.params.myhostname}")
        return True

    async def smtp_EHLO(self, argument: str) -> bool:
        if not argument:
            return await self._refuse(replies.SYNTAX_EHLO)
        if refusal := await self._take_helo(argument, "EHLO"):
            return await self._refuse(refusal)
        self.protocol = "ESMTP"
        extensions = self.server.extensions
        if extensions.discarded:
            log.discarded_keywords(self.server.log, extensions.discarded)
        await self.push(extensions.reply)
        return True

    async def _take_helo(self, argument: str, where: str) -> str:
        """Note the client's name for itself; return the reply that refuses it, if any."""
        old = self.context.helo
        self.context.helo = argument.translate(_HELO_TROUBLE)
        if refusal := await self._evaluate(Stage.HELO, where):
            self.context.helo = old
            return refusal
        self._reset()
        return ""

    # --- envelope

    async def smtp_MAIL(self, argument: str) -> bool:
        server, params = self.server, self.server.params
        if params.smtpd_helo_required and not self.context.helo:
            return await self._refuse(replies.NEED_HELO)
        if self.transaction is not None:
            return await self._refuse(replies.NESTED_MAIL)
        if self._chunks is not None:
            return await self._refuse(replies.MAIL_AFTER_BDAT)
        try:
            mail = parse_mail(argument, server.extensions.features)
        except CommandError as error:
            return await self._refuse_arguments(error, "MAIL")
        self.context.sender = mail.sender
        refusal = ""
        if params.message_size_limit and mail.size > params.message_size_limit:
            refusal = replies.SIZE_EXCEEDS_LIMIT
        elif not server.has_room():
            refusal = replies.NO_STORAGE
        if refusal:
            self._log_refusal("MAIL", refusal)
        elif not (refusal := await self._evaluate(Stage.MAIL, "")):
            self.transaction = Transaction(server, mail, clock.now())
            await self.push(replies.SENDER_OK)
            return True
        self.context.sender = None
        return await self._refuse(refusal)

    async def _refuse_arguments(self, error: CommandError, command: str) -> bool:
        if error.bad_address:
            log.bad_address(self.server.log, self.peer.label, command, error.bad_address)
        return await self._refuse(error.reply)

    async def smtp_RCPT(self, argument: str) -> bool:
        transaction, params = self.transaction, self.server.params
        if transaction is None:
            return await self._refuse(replies.NEED_MAIL)
        if self._chunks is not None:
            return await self._refuse(replies.RCPT_AFTER_BDAT)
        try:
            rcpt = parse_rcpt(argument, self.server.extensions.features)
        except CommandError as error:
            return await self._refuse_arguments(error, "RCPT")
        if len(transaction.recipients) >= params.smtpd_recipient_limit:
            transaction.over_limit += 1
            await self.push(replies.TOO_MANY_RECIPIENTS)
            return transaction.over_limit <= params.smtpd_recipient_overshoot_limit
        self.context.recipient = rcpt.recipient
        if refusal := await self._evaluate(Stage.RCPT, ""):
            self.context.recipient = None
            return await self._refuse(refusal)
        if transaction.file is None and not self._open_file(transaction):
            return await self._refuse(transaction.failure)
        transaction.recipients.append(Recipient(rcpt.recipient, rcpt.recipient, rcpt.orcpt, rcpt.notify))
        await self.push(replies.RCPT_OK)
        return True

    def _open_file(self, transaction: Transaction) -> bool:
        if not transaction.create_file():
            return False
        transaction.failure = ""
        log.accepted_client(self.server.log, transaction.queue_id, self.peer.label)
        return True

    # --- content

    async def smtp_DATA(self, argument: str) -> bool | None:
        transaction = self.transaction
        if self._chunks is not None:
            return await self._refuse(replies.DATA_AFTER_BDAT)
        if transaction is None or not transaction.recipients:
            return await self._refuse(replies.NEED_RCPT if transaction is None else replies.NO_VALID_RECIPIENTS)
        if argument:
            return await self._refuse(replies.SYNTAX_DATA)
        if refusal := await self._evaluate(Stage.DATA, ""):
            return await self._refuse(refusal)
        strict, detect = self._newline_rules()
        self._receiver = DataReceiver(transaction, strict=strict, detect_bare_newline=detect)
        self._has_content = True
        await self.push(replies.START_DATA)
        return None

    def _newline_rules(self) -> tuple[bool, bool]:
        """Return (end of data only at CRLF.CRLF, bare line feeds are refused) for this client."""
        rule = self.server.params.smtpd_forbid_bare_newline
        if rule == "no" or self.peer.may_send_bare_newline:
            return False, False
        return True, rule == "reject"

    async def smtp_BDAT(self, argument: str) -> bool | None:
        transaction = self.transaction
        if not self.server.extensions.chunking:
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
        transaction, limit = self.transaction, self.server.params.message_size_limit
        refusal = ""
        if transaction is None:
            refusal = replies.NEED_RCPT
        elif not transaction.recipients:
            refusal = replies.NO_VALID_RECIPIENTS
        elif limit and count > limit:
            problem = "BDAT request from {client} exceeds message size limit"
            log.bad_chunk(self.server.log, transaction.queue_id, self.peer.label, problem)
            refusal = replies.CHUNK_TOO_BIG
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
                return await self._refuse(reply)
            case DataReceiver(reader=reader):
                return await self._end_message(reader.bare_newline, "")
            case ChunkReceiver(transaction=transaction, count=count):
                if not receiver.is_last and not transaction.failure:
                    await self.push(replies.chunk_ok(count))
                    return True
                if not receiver.is_last:
                    self._chunk_was_refused = True
                    return await self._refuse(transaction.failure)
                size = transaction.size
                return await self._end_message(receiver.reader.bare_newline, f"{size} bytes ")

    async def _end_message(self, bare_newline: bool, chunk_size: str) -> bool:
        """The whole message is there: hand it on and answer for it."""
        transaction, server = self.transaction, self.server
        assert transaction is not None
        self.where = AFTER_MESSAGE
        params = server.params
        if bare_newline:
            self._log_refusal(AFTER_MESSAGE, "bare <LF> received")
            reply = replies.bare_newline(params.smtpd_forbid_bare_newline_reject_code, params.myhostname)
        elif transaction.failure:
            reply = transaction.failure
        elif not (reply := await self._evaluate(Stage.END_OF_MESSAGE, "")):
            server.log.flush()
            head = self._received_header(transaction)
            reply = await transaction.submit(head, self._client(), self.peer.rewrite_context)
        queue_id = transaction.queue_id
        self._reset()
        if reply:
            return await self._refuse(reply)
        self.error_count = self.junk_count = 0
        await self.push(f"250 2.0.0 Ok: {chunk_size}queued as {queue_id}")
        return True

    def _client(self) -> Client:
        peer = self.peer
        return Client(peer.name, peer.address, self._port, self.context.helo, self.protocol, peer.reverse_name)

    def _received_header(self, transaction: Transaction) -> bytes:
        params = self.server.params
        recipients = [recipient.address for recipient in transaction.recipients[:2]]
        return make_received(
            self._client(), transaction.queue_id, recipients, transaction.arrival, params.myhostname, params.mail_name,
            transaction.mail.smtputf8,
        )  # fmt: skip

    # --- the rest

    async def smtp_RSET(self, argument: str) -> bool:
        if argument:
            return await self._refuse(replies.SYNTAX_RSET)
        self._reset()
        await self.push(replies.OK)
        return True

    async def smtp_NOOP(self, argument: str) -> bool:
        await self.push(replies.OK)
        return True

    async def smtp_VRFY(self, argument: str) -> bool:
        if self.server.params.disable_vrfy_command:
            return await self._refuse(replies.VRFY_DISABLED)
        if not argument:
            return await self._refuse(replies.SYNTAX_VRFY)
        try:
            address, rest = take_path(argument)
        except BadPath:
            address, rest = "", " "
        if not address or rest.strip().upper() not in ("", "SMTPUTF8"):
            log.bad_address(self.server.log, self.peer.label, "VRFY", argument)
            return await self._refuse(replies.BAD_RCPT)
        kept = self.context.recipient
        self.context.recipient = address
        refusal = await self._evaluate(Stage.RCPT, "VRFY")
        self.context.recipient = kept
        if refusal:
            return await self._refuse(refusal)
        await self.push(replies.vrfy_ok(argument[: len(argument) - len(rest)]))
        return True

    async def smtp_ETRN(self, argument: str) -> bool:
        if self.server.params.smtpd_helo_required and not self.context.helo:
            return await self._refuse(replies.NEED_HELO)
        if not argument or len(argument.split()) != 1:
            return await self._refuse(replies.SYNTAX_ETRN)
        domain = argument.lstrip("@#")
        if not is_valid_hostname(domain) and not is_valid_mailhost_literal(domain):
            return await self._refuse(replies.BAD_ETRN)
        log.etrn_refused(self.server.log, self.peer.label, argument)
        return await self._refuse(replies.etrn_refused(argument))

    async def smtp_QUIT(self, argument: str) -> bool:
        self._has_ended = True
        await self.push(replies.BYE)
        self._close()
        return True

    async def smtp_HELP(self, argument: str) -> bool:
        return await self._refuse(replies.NOT_IMPLEMENTED)

    async def smtp_STARTTLS(self, argument: str) -> bool:
        return await self._refuse(replies.SYNTAX_STARTTLS if argument else replies.NOT_IMPLEMENTED)

    async def smtp_AUTH(self, argument: str) -> bool:
        return await self._refuse(replies.NO_AUTH)

    async def smtp_XCLIENT(self, argument: str) -> bool:
        return await self._refuse(replies.NO_AUTHORIZATION if argument else replies.SYNTAX_XCLIENT)

    async def smtp_XFORWARD(self, argument: str) -> bool:
        return await self._refuse(replies.NO_AUTHORIZATION if argument else replies.SYNTAX_XFORWARD)

    async def smtp_unknown(self, argument: str) -> bool:
        return await self._refuse(replies.UNKNOWN_COMMAND)


Handler = Callable[[Verbs, str], Awaitable[bool | None]]


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the command table."""

    name: str
    """In the log, as `lost connection after NAME`; in lower case in the counts."""
    handler: Handler
    is_last: bool = False
    """Must be the last of a pipelined group (RFC 2920 section 3.1)."""
    is_junk: bool = False
    """Counts against smtpd_junk_command_limit."""


UNKNOWN: Final = Command("UNKNOWN", Verbs.smtp_unknown)
_TABLE: Final = (
    Command("HELO", Verbs.smtp_HELO, is_last=True, is_junk=True),
    Command("EHLO", Verbs.smtp_EHLO, is_last=True, is_junk=True),
    Command("XCLIENT", Verbs.smtp_XCLIENT),
    Command("XFORWARD", Verbs.smtp_XFORWARD),
    Command("STARTTLS", Verbs.smtp_STARTTLS),
    Command("AUTH", Verbs.smtp_AUTH),
    Command("MAIL", Verbs.smtp_MAIL),
    Command("RCPT", Verbs.smtp_RCPT),
    Command("DATA", Verbs.smtp_DATA, is_last=True),
    Command("BDAT", Verbs.smtp_BDAT),
    Command("RSET", Verbs.smtp_RSET, is_junk=True),
    Command("NOOP", Verbs.smtp_NOOP, is_last=True, is_junk=True),
    Command("VRFY", Verbs.smtp_VRFY, is_last=True, is_junk=True),
    Command("ETRN", Verbs.smtp_ETRN, is_junk=True),
    Command("QUIT", Verbs.smtp_QUIT),
    UNKNOWN,
)
COMMANDS: Final = {command.name: command for command in _TABLE if command is not UNKNOWN} | {
    "HELP": Command(UNKNOWN.name, Verbs.smtp_HELP)
}
ORDER: Final = tuple(command.name for command in _TABLE)

"""What a session knows of its client and of the message in hand, and how it applies restrictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyfix.daemons.smtpd import log
from pyfix.daemons.smtpd.connection import Connection
from pyfix.daemons.smtpd.dataend import ChunkReader
from pyfix.daemons.smtpd.limits import Event
from pyfix.daemons.smtpd.server import Server
from pyfix.daemons.smtpd.transaction import Transaction
from pyfix.daemons.smtpd.trouble import trouble_of_command
from pyfix.mail.notices.transcript import server_transcript
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.restrictions.evaluate import evaluate
from pyfix.mail.restrictions.questions import Context, Note, Stage
from pyfix.mail.smtp import replies

if TYPE_CHECKING:
    from pyfix.daemons.smtpd.auth import Login


class State(Connection):
    """The memory of a session."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.extensions = server.extensions
        self._needs_tls = server.tls.is_mandatory
        """The client has to encrypt before it may say what is not for that."""
        self.context = Context("unknown", "unknown")
        self.protocol = "SMTP"
        self.transaction: Transaction | None = None
        self.is_refused = False
        """smtpd_client_restrictions refused the client at connect time."""
        self.error_count = 0
        self.junk_count = 0
        self.counts: dict[str, list[int]] = {}
        self._soft_limit = server.soft_limit
        self._hard_limit = self.params.smtpd_hard_error_limit
        self._noop_commands = server.noop_commands
        self._login: Login | None = None
        """A login that waits for the client's response: the next line is that."""
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
        self._is_counted = False
        """anvil knows of the connection."""

    @property
    def may_pipeline(self) -> bool:
        """True when the client has been told that it may send commands ahead."""
        return self.protocol == "ESMTP" and self.extensions.pipelining

    def _reset(self) -> None:
        """Forget the message in hand (RFC 5321 section 4.1.1.5)."""
        if self.transaction is not None:
            self.transaction.abandon()
            self.transaction = None
            self.context.sender = self.context.recipient = None
            self.context.size = 0
        self._receiver = None
        self._chunks = None
        self._chunk_was_refused = False

    async def _exceeds(self, event: Event, what: str) -> str:
        """Count what the client does; return the reply that refuses it, "" for none."""
        limits = self.server.limits
        if limits is None or not await limits.exceeds(event, self.peer):
            return ""
        return replies.too_much(what, self.peer.address)

    async def _exceeds_login(self, event: Event, what: str) -> str:
        """The same for who has logged in; where such mail is placed on hold, it is marked so, and not refused."""
        limits, login = self.server.limits, self.context.sasl_username
        if limits is None or login is None or not await limits.login_exceeds(event, login, self.peer):
            return ""
        if limits.holds and self.transaction is not None:
            self.transaction.fate.hold = self.transaction.fate.hold or f"login {login} sends too much"
            return ""
        return replies.too_much(what, login)

    def _forget_login(self) -> None:
        """The client is nobody again, as after STARTTLS (RFC 3207 section 4.2)."""
        self.context.sasl_username = None
        self.context.sasl_method = ""

    async def _evaluate(self, stage: Stage, where: str) -> str:
        """Apply the restrictions of a stage; return the reply that refuses, "" for none."""
        server = self.server
        if stage not in server.stages or self._is_discarded():
            return ""
        decision = await server.answers.decide(evaluate(stage, server.rules, self.context))
        transaction, where = self.transaction, where or stage.value
        queue_id = transaction.queue_id if transaction is not None else ""
        for note in decision.notes:
            if note.verb == "hold" and transaction is not None and transaction.fate.hold:
                continue
            if note.verb == "reject_warning":
                note = Note(note.verb, self._as_sent(note.text))
            log.noted(server.log, queue_id, where, self.context, self.protocol, note)
        if decision.fate is not None and transaction is not None:
            transaction.fate.add(decision.fate)
        if decision.trouble is not Trouble.NONE:
            self._trouble |= decision.trouble
        if decision.rejection is None:
            return ""
        reply = decision.rejection.reply
        self._log_refusal(where, reply)
        return reply

    def _is_discarded(self) -> bool:
        """True when an access table wants the message in hand to vanish: nothing can be said against it any more."""
        return self.transaction is not None and self.transaction.fate.is_discarded

    def _log_refusal(self, where: str, text: str) -> None:
        queue_id = self.transaction.queue_id if self.transaction is not None else ""
        log.refused(self.server.log, queue_id, where, self.context, self.protocol, self._as_sent(text))

    def _as_sent(self, reply: str) -> str:
        """Return a reply as the client sees it: soft_bounce shows in the log, too."""
        return replies.soften(reply) if self.params.soft_bounce else reply

    async def _refuse(self, reply: str) -> bool:
        """Answer a command that fails; a return value for handlers."""
        self._trouble |= trouble_of_command(reply)
        return await self._deny(reply)

    async def _deny(self, reply: str) -> bool:
        """The same where the class of the trouble is known already, as with all that _evaluate refuses."""
        await self.push(reply)
        return False

    def _report(self, threshold: int = 0) -> None:
        """Begin a new dialogue if this one has more lines than that; tell the postmaster if there was trouble in it."""
        dialogue = self._dialogue
        if dialogue is None or dialogue.line_count <= threshold:
            return
        mailer = self.server.mailer
        if self._trouble & mailer.wanted:
            transcript = server_transcript(self.peer.label, dialogue, self._reason, self._as_sent)
            mailer.send(transcript, self._trouble)
        self._trouble = Trouble.NONE
        dialogue.clear()

"""HELO, EHLO, MAIL, RCPT and VRFY: who is there, and who is to get what from whom."""

from __future__ import annotations

from pyfix.base import clock
from pyfix.daemons.smtpd import log
from pyfix.daemons.smtpd.auth import AuthVerbs
from pyfix.daemons.smtpd.limits import MESSAGE, RECIPIENT
from pyfix.daemons.smtpd.transaction import Transaction
from pyfix.mail.address.rewrite import STANDARD
from pyfix.mail.ipc.messages import Recipient
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.restrictions.questions import Stage
from pyfix.mail.smtp import replies
from pyfix.mail.smtp.commands import CommandError, clean_helo, names_address, parse_mail, parse_rcpt
from pyfix.mail.smtp.path import BadPath, take_path


class EnvelopeVerbs(AuthVerbs):
    """Commands up to the content."""

    async def smtp_HELO(self, argument: str) -> bool:
        if not argument:
            return await self._refuse(replies.SYNTAX_HELO)
        if refusal := await self._take_helo(argument, "HELO"):
            return await self._deny(refusal)
        await self.push(f"250 {self.params.myhostname}")
        return True

    async def smtp_EHLO(self, argument: str) -> bool:
        if not argument:
            return await self._refuse(replies.SYNTAX_EHLO)
        if refusal := await self._take_helo(argument, "EHLO"):
            return await self._deny(refusal)
        self.protocol = "ESMTP"
        extensions = self.extensions
        if extensions.discarded:
            log.discarded_keywords(self.server.log, extensions.discarded)
        await self.push(extensions.reply(*await self._offers()))
        return True

    async def _offers(self) -> tuple[str, ...]:
        """Return the lines of the EHLO reply that depend on the client."""
        return await self._login_lines()

    async def _take_helo(self, argument: str, where: str) -> str:
        """Note the client's name for itself; return the reply that refuses it, if any."""
        old = self.context.helo
        self.context.helo = clean_helo(argument)
        if refusal := await self._evaluate(Stage.HELO, where):
            self.context.helo = old
            return refusal
        self._report(self.params.smtpd_history_flush_threshold)
        self._reset()
        return ""

    async def smtp_MAIL(self, argument: str) -> bool:
        server, params = self.server, self.params
        if params.smtpd_helo_required and not self.context.helo:
            return await self._refuse(replies.NEED_HELO)
        if self.transaction is not None:
            return await self._refuse(replies.NESTED_MAIL)
        if self._chunks is not None:
            return await self._refuse(replies.MAIL_AFTER_BDAT)
        if names_address(argument, "FROM:") and (refusal := await self._exceeds(MESSAGE, "mail")):
            return await self._refuse(refusal)
        try:
            mail = parse_mail(argument, self.extensions.features)
        except CommandError as error:
            return await self._refuse_arguments(error, "MAIL")
        if mail.sender and await self._is_malformed(mail.sender, smtputf8=mail.smtputf8):
            return await self._refuse_arguments(CommandError(replies.BAD_SENDER, mail.written), "MAIL")
        self._tell_old_default("sender", mail.sender)
        self.context.sender = mail.sender
        self.context.size = mail.size
        refusal = ""
        if params.message_size_limit and mail.size > params.message_size_limit:
            refusal = replies.SIZE_EXCEEDS_LIMIT
        elif not server.has_room():
            refusal = replies.NO_STORAGE
        if refusal:
            self._log_refusal("MAIL", refusal)
            self.context.sender = None
            return await self._refuse(refusal)
        self.transaction = Transaction(server, mail, clock.now())
        if refusal := await self._exceeds_login(MESSAGE, "mail"):
            self.transaction = self.context.sender = None
            return await self._refuse(refusal)
        if refusal := await self._evaluate(Stage.MAIL, ""):
            self.transaction = self.context.sender = None
            return await self._deny(refusal)
        await self.push(replies.SENDER_OK)
        return True

    async def _is_malformed(self, address: str, *, smtputf8: bool) -> bool:
        """True for a domain that only SMTPUTF8 allows, and for what trivial-rewrite can't take for an address."""
        if not smtputf8 and self.params.smtputf8_enable and not address.rpartition("@")[2].isascii():
            return True
        if STANDARD.match(address) and not address.startswith("-"):
            return False
        return await self.server.answers.is_malformed(address)

    def _tell_old_default(self, kind: str, address: str) -> None:
        if not address.isascii() and "smtputf8_enable" in self.server.rules.old:
            log.old_default(self.server.log, kind, address, self.peer.label)

    async def _refuse_arguments(self, error: CommandError, command: str) -> bool:
        if error.bad_address:
            log.bad_address(self.server.log, self.peer.label, command, error.bad_address)
        return await self._refuse(error.reply)

    async def smtp_RCPT(self, argument: str) -> bool:
        transaction, params = self.transaction, self.params
        if transaction is None:
            return await self._refuse(replies.NEED_MAIL)
        if self._chunks is not None:
            return await self._refuse(replies.RCPT_AFTER_BDAT)
        if names_address(argument, "TO:") and (refusal := await self._exceeds(RECIPIENT, "recipients")):
            return await self._refuse(refusal)
        try:
            rcpt = parse_rcpt(argument, self.extensions.features)
        except CommandError as error:
            return await self._refuse_arguments(error, "RCPT")
        if await self._is_malformed(rcpt.recipient, smtputf8=transaction.mail.smtputf8):
            return await self._refuse_arguments(CommandError(replies.BAD_RCPT, rcpt.written), "RCPT")
        self._tell_old_default("recipient", rcpt.recipient)
        if len(transaction.recipients) >= params.smtpd_recipient_limit:
            transaction.over_limit += 1
            is_tolerable = transaction.over_limit <= params.smtpd_recipient_overshoot_limit
            if not is_tolerable:
                self._trouble |= Trouble.POLICY
            await self.push(replies.TOO_MANY_RECIPIENTS)
            return is_tolerable
        if refusal := await self._exceeds_login(RECIPIENT, "recipients"):
            return await self._refuse(refusal)
        self.context.recipient = rcpt.recipient
        if refusal := await self._evaluate(Stage.RCPT, ""):
            self.context.recipient = None
            return await self._deny(refusal)
        if transaction.file is None and not self._open_file(transaction):
            return await self._refuse(transaction.failure)
        transaction.recipients.append(Recipient(rcpt.recipient, rcpt.recipient, rcpt.orcpt, rcpt.notify))
        await self.push(replies.RCPT_OK)
        return True

    def _open_file(self, transaction: Transaction) -> bool:
        if not transaction.create_file():
            return False
        transaction.failure = ""
        log.accepted_client(
            self.server.log, transaction.queue_id, self.peer.label, self._login_facts(transaction.mail.auth)
        )
        return True

    async def smtp_VRFY(self, argument: str) -> bool:
        if self.params.disable_vrfy_command:
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
            return await self._deny(refusal)
        await self.push(replies.vrfy_ok(argument[: len(argument) - len(rest)]))
        return True

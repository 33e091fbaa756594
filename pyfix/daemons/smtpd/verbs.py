"""The commands that need little, and the table of all.

Handlers are aiosmtpd's `smtp_*` coroutines. They answer with `push` and return True when the command succeeded, False
when it counts as an error, None when the rest of it (content) is still to come. ORDER is that of the counts in the log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from pyfix.daemons.smtpd import log
from pyfix.daemons.smtpd.limits import NEW_TLS
from pyfix.daemons.smtpd.message import MessageVerbs
from pyfix.mail.address.valid import is_valid_hostname, is_valid_mailhost_literal
from pyfix.mail.smtp import replies


class Verbs(MessageVerbs):
    """All commands; session.py calls them."""

    async def smtp_RSET(self, argument: str) -> bool:
        if argument:
            return await self._refuse(replies.SYNTAX_RSET)
        self._report(self.params.smtpd_history_flush_threshold)
        self._reset()
        await self.push(replies.OK)
        return True

    async def smtp_NOOP(self, argument: str) -> bool:
        await self.push(replies.OK)
        return True

    async def smtp_ETRN(self, argument: str) -> bool:
        if self.params.smtpd_helo_required and not self.context.helo:
            return await self._refuse(replies.ETRN_NEED_HELO)
        if self.transaction is not None:
            return await self._refuse(replies.ETRN_IN_MAIL)
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
        if argument:
            return await self._refuse(replies.SYNTAX_STARTTLS)
        if self.tls is not None:
            return await self._refuse(replies.TLS_ACTIVE)
        if not self.extensions.starttls:
            return await self._refuse(replies.NOT_IMPLEMENTED)
        if self.server.tls.context is None:
            return await self._refuse(replies.NO_TLS)
        if await self._exceeds(NEW_TLS, ""):
            return await self._refuse(replies.too_many_tls_sessions(self.peer.address))
        self._forget()
        await self.push(replies.READY_FOR_TLS)
        self._flush()
        self._input, self._at = b"", 0  # in the clear: perhaps not the client's
        if not await self._begin_tls(b""):
            return False
        self._needs_tls = False
        return True

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
    is_before_tls: bool = False
    """May be said in the clear where TLS is mandatory."""


UNKNOWN: Final = Command("UNKNOWN", Verbs.smtp_unknown, is_before_tls=True)
_TABLE: Final = (
    Command("HELO", Verbs.smtp_HELO, is_last=True, is_junk=True, is_before_tls=True),
    Command("EHLO", Verbs.smtp_EHLO, is_last=True, is_junk=True, is_before_tls=True),
    Command("XCLIENT", Verbs.smtp_XCLIENT, is_before_tls=True),
    Command("XFORWARD", Verbs.smtp_XFORWARD),
    Command("STARTTLS", Verbs.smtp_STARTTLS, is_before_tls=True),
    Command("AUTH", Verbs.smtp_AUTH),
    Command("MAIL", Verbs.smtp_MAIL),
    Command("RCPT", Verbs.smtp_RCPT),
    Command("DATA", Verbs.smtp_DATA, is_last=True),
    Command("BDAT", Verbs.smtp_BDAT),
    Command("RSET", Verbs.smtp_RSET, is_junk=True),
    Command("NOOP", Verbs.smtp_NOOP, is_last=True, is_junk=True, is_before_tls=True),
    Command("VRFY", Verbs.smtp_VRFY, is_last=True, is_junk=True),
    Command("ETRN", Verbs.smtp_ETRN, is_junk=True),
    Command("QUIT", Verbs.smtp_QUIT, is_before_tls=True),
    UNKNOWN,
)
COMMANDS: Final = {command.name: command for command in _TABLE if command is not UNKNOWN} | {
    "HELP": Command(UNKNOWN.name, Verbs.smtp_HELP, is_before_tls=True)
}
ORDER: Final = tuple(command.name for command in _TABLE)

"""The dialogue with one client.

`_handle_client` takes one line after the other from the input, finds the command in a table that is made once a
process, and counts how it went; what the commands themselves do is in verbs.py. A line is cut at line_length_limit,
a session ends at smtpd_hard_error_limit errors, and pays with its time from smtpd_soft_error_limit on. What is no
SMTP ends it at once.
See: smtpd(8), RFC 5321 section 4.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, Final

from pyfix.daemons.smtpd import log
from pyfix.daemons.smtpd.auth import Login
from pyfix.daemons.smtpd.connection import guarded
from pyfix.daemons.smtpd.content import Receiver
from pyfix.daemons.smtpd.peername import Peer
from pyfix.daemons.smtpd.trouble import trouble_of_command
from pyfix.daemons.smtpd.verbs import COMMANDS, ORDER, UNKNOWN, Command, Verbs
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.restrictions.questions import Stage
from pyfix.mail.smtp import replies

_HEADER: Final = re.compile(r"[^\s:]+:")
_INITIAL_RESPONSE: Final = re.compile(rb"(?i)\A(\s*AUTH\s+\S+)\s+\S.*")
_HIDDEN: Final = b"*****"


class Session(Verbs):
    """One client, from greeting to goodbye."""

    # --- the beginning

    async def _begin(self, address: str) -> None:
        server = self.server
        self.peer: Peer = await server.peers.find(address)
        self.context.name, self.context.address = self.peer.name, address
        log.connected(server.log, self.peer.label)
        if self._lost:
            return
        if refusal := await self._count_connection():
            await self.push(refusal)
            return
        if server.tls.settings.wrapper and not await self._wrap():
            return
        refusal = await self._evaluate(Stage.CONNECT, "")
        if self._input and self._is_early_input():
            return
        self.is_refused = bool(refusal)
        await self.push(refusal or server.greeting)
        await self._handle_client()

    async def _count_connection(self) -> str:
        """Have the connection counted; return the reply that ends it, "" for none."""
        limits = self.server.limits
        if limits is None or not limits.counts_connections or self.peer.is_unlimited:
            return ""
        refusal = await limits.started(self.peer)
        self._is_counted = refusal is not None
        if refusal:
            self._trouble |= Trouble.POLICY
        return refusal or ""

    def _uncount(self) -> None:
        if self._is_counted and self.server.limits is not None:
            self._is_counted = False
            self.server.worker.spawn(self.server.limits.ended(self.peer))

    async def _wrap(self) -> bool:
        """Encrypt before the first word; False when that is not possible, and the session over."""
        if self.server.tls.context is None:
            log.wrapper_dropped(self.server.log, self.peer.label, self.server.worker.service)
            self._has_ended = True
            self._close()
            return False
        early = self._input
        self._forget()
        self._needs_tls = False
        return await self._begin_tls(early) and not self._is_closing

    # --- the loop

    async def _handle_client(self) -> None:
        while self._at < len(self._input) and not self._is_closing:
            if self._receiver is not None:
                await self._receive(self._receiver)
            else:
                line = self._take_line()
                if line is None:
                    break
                if self._login is not None:
                    await self._respond(self._login, line)
                else:
                    await self._dispatch(line)
            if self.error_count >= self._hard_limit and not self._is_closing:
                self._end_offender()
            if self.server.common.is_stopping and self.transaction is None:
                self.say_goodbye()

    async def _receive(self, receiver: Receiver) -> None:
        """Pass input on to the content that is being received."""
        data = self._input[self._at :] if self._at else self._input
        self._input, self._at = b"", 0
        rest = receiver.take(data)
        if rest is None:
            transaction = self.transaction
            if transaction is not None and transaction.must_spool:
                await transaction.spool(self._received_header(transaction))
            return
        self._input = rest + self._input
        self._receiver = None
        if self._data_rate:
            self._begin_request()
        await self._content_complete(receiver)

    def _take_line(self) -> bytes | None:
        """Return the next line without its line feed, cut to line_length_limit; None while it is not complete."""
        start, limit = self._at, self.params.line_length_limit
        if self._login is not None:
            limit = self.params.smtpd_sasl_response_limit
        end = self._input.find(b"\n", start)
        if end < 0:
            self._keep_beginning(limit)
            return None
        self._at = end + 1
        if self._data_rate:
            self._begin_request()
        line = self._input[start:end]
        if self._overlong:
            line, self._overlong = self._overlong, b""
        elif len(line) <= limit:
            return line
        log.line_too_long(self.server.log, self.peer.label, limit, line)
        return line[:limit] + b"\r"

    def _begin_request(self) -> None:
        """What was asked for is there; from now on the client has the whole timeout for what comes next."""
        self.deadline = self.loop.time() + self._timeout

    def _keep_beginning(self, limit: int) -> None:
        """Of a line that is too long already, keep no more than its beginning."""
        if self._overlong:
            self._input, self._at = b"", 0
        elif len(self._input) - self._at > limit + 1:
            self._overlong = self._input[self._at : self._at + limit]
            self._input, self._at = b"", 0

    def _respond(self, login: Login, line: bytes) -> Coroutine[Any, Any, None]:
        """Return what the response to a challenge wants to be done. The postmaster gets no secrets to read."""
        if self._dialogue is not None:
            self._dialogue.heard(_HIDDEN)
        if not line.endswith(b"\r") and self._forbids_bare_newline():
            return self._end_bare_newline()
        return self._take_response(login, line)

    def _dispatch(self, line: bytes) -> Coroutine[Any, Any, None]:
        """Return what one line wants to be done."""
        if self._dialogue is not None:
            self._dialogue.heard(_INITIAL_RESPONSE.sub(rb"\1 " + _HIDDEN, line))
        if not line.endswith(b"\r") and self._forbids_bare_newline():
            return self._end_bare_newline()
        try:
            text = line.decode()
        except UnicodeDecodeError:
            if self.params.smtputf8_enable:
                return self._fail(replies.BAD_UTF8)
            text = line.decode("utf-8", "replace")
        text = text.partition("\0")[0].strip(" \t\r\n")
        verb, _, argument = text.partition(" ")
        if not verb:
            return self._fail(replies.BAD_SYNTAX)
        if "\t" in verb or "\r" in verb:
            verb = verb.replace("\r", "\t").partition("\t")[0]
            argument = text[len(verb) + 1 :]
        command = COMMANDS.get(verb) or COMMANDS.get(verb.upper())
        if command is not None and not self._noop_commands:
            return self._run(command, argument.strip(" \t"))
        return self._handle_other(text, verb, argument.strip(" \t"), command)

    async def _handle_other(self, text: str, verb: str, argument: str, command: Command | None) -> None:
        """A command that is not in the table, or may be declared to do nothing."""
        if verb.upper() in self._noop_commands:
            self._count_junk()
            await self.push(replies.OK)
        elif command is not None:
            await self._run(command, argument)
        elif _HEADER.match(verb) or await self.server.answers.is_listed(verb, self.server.forbidden):
            self.where = UNKNOWN.name
            self._count(UNKNOWN)
            log.not_smtp(self.server.log, self.peer.label, text)
            await self.push(replies.NOT_SMTP)
            self._has_ended = True
            self._close()
        else:
            await self._run(UNKNOWN, argument)

    async def _run(self, command: Command, argument: str) -> None:
        """Carry a command out and count how it went."""
        self.where = command.name
        self._has_content = False
        count = self._count(command)
        if self.is_refused and command.name != "QUIT":
            await self._fail(replies.access_denied(self.peer.label))
            return
        if self._at < len(self._input) and (command.is_last or not self.may_pipeline) and self._is_early_input():
            return
        if command.is_junk:
            self._count_junk()
        if self._needs_tls and not command.is_before_tls:
            await self._fail(replies.NEED_TLS)
            return
        outcome = await command.handler(self, argument)
        if outcome is None:
            self._pending_count = count
        elif outcome:
            count[0] += 1
        else:
            self.error_count += 1

    def _count(self, command: Command) -> list[int]:
        """Note one more of a command; return its [successes, total]."""
        count = self.counts.get(command.name)
        if count is None:
            count = self.counts[command.name] = [0, 0]
        count[1] += 1
        return count

    def _count_junk(self) -> None:
        self.junk_count += 1
        if self.junk_count > self.params.smtpd_junk_command_limit + 1:
            self.error_count += 1

    # --- misconduct

    async def _fail(self, reply: str) -> None:
        self.error_count += 1
        self._trouble |= trouble_of_command(reply)
        await self.push(reply)

    async def push(self, status: str) -> None:  # type: ignore[override]  # as in connection.py
        """Queue a reply; an offender waits for it. 421 and 521 end the session."""
        if self.error_count >= self._soft_limit and not self._is_closing:
            self._flush()
            await asyncio.sleep(self.params.smtpd_error_sleep_time)
        self._output.append(status)
        if self._dialogue is not None:
            self._dialogue.said(status)
        if replies.is_final(status):
            self._has_ended = True
            self._close()
        elif self._writable is not None:
            self._flush()
            await self._writable

    def _end_offender(self) -> None:
        """smtpd_hard_error_limit is reached."""
        self._reason = "too many errors"
        self._log_end(self._reason)
        self._has_ended = True
        self._trouble |= Trouble.PROTOCOL
        self._say(replies.too_many_errors(self.params.myhostname))
        self._close()

    def _is_early_input(self) -> bool:
        """Log input that came before the reply it should have waited for; end the session if so configured."""
        data = self._input[self._at :]
        if data in (b"\n", b"\r\n"):
            return False
        if not self._logged_early_input:
            self._logged_early_input = True
            log.early_input(self.server.log, self.peer.label, self.where, data)
        if not self.params.smtpd_forbid_unauth_pipelining:
            return False
        self._has_ended = True
        self._say(replies.PIPELINING)
        self._close()
        return True

    def _forbids_bare_newline(self) -> bool:
        """True when this client must end its lines with carriage return and line feed."""
        return self.params.smtpd_forbid_bare_newline == "reject" and not self.peer.may_send_bare_newline

    async def _end_bare_newline(self) -> None:
        """End a session that does not."""
        params = self.params
        self._log_refusal(self.where, "bare <LF> received")
        self._has_ended = True
        self._trouble |= Trouble.PROTOCOL
        self._say(replies.bare_newline(params.smtpd_forbid_bare_newline_reject_code, params.myhostname))
        self._close()

    # --- the end

    @property
    def is_idle(self) -> bool:
        """True between messages."""
        return self.transaction is None and not self._is_working

    @guarded
    def say_goodbye(self) -> None:
        """The mail system stops: an idle client is told so."""
        if not self._is_closing:
            self._has_ended = True
            self._say(replies.shutting_down(self.params.myhostname))
            self._close()

    def _log_end(self, reason: str) -> None:
        where, transaction = self.where, self.transaction
        if transaction is not None and self._has_content:
            where = f"{where} ({transaction.size} bytes)"
        log.ended(self.server.log, reason, where, self.peer.label)

    def _release(self) -> None:
        self._cancel_login()
        self._reset()
        self._report()
        self._uncount()
        log.disconnected(self.server.log, self.peer.label, self.counts, ORDER)

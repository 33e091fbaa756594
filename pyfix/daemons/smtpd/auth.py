"""AUTH: clients log in (RFC 4954).

The credentials go to the auth service as they come; nothing here looks at them. While a challenge waits for its
response, the next line of the client is that, whatever it says. Until the end of the session, or STARTTLS, a client
that has logged in is who it is.
See: smtpd_sasl_auth_enable, mail/sasl.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from pyfix.base.log import sanitize
from pyfix.daemons.smtpd import log
from pyfix.daemons.smtpd.limits import AUTH
from pyfix.daemons.smtpd.logins import Logins, Words
from pyfix.daemons.smtpd.state import State
from pyfix.daemons.smtpd.trouble import trouble_of_command
from pyfix.mail.sasl.answers import Accepted, Answer, AuthUnavailable, Challenge, Rejected, Request
from pyfix.mail.sasl.client import UNREACHABLE, Exchange
from pyfix.mail.smtp import replies

_NO_UTF8: Final = re.compile("[\ud800-\udfff]")
"""Bytes that are none, as surrogateescape has them."""
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


@dataclass(frozen=True, slots=True)
class Login:
    """One that waits for a response."""

    exchange: Exchange
    words: Words
    mechanism: str
    """As the client wrote it."""
    count: list[int]
    """Of AUTH commands, for the log."""


def decode_response(text: bytes) -> bytes | None:
    """Return what a client's base64 says; None where it is none."""
    return base64.b64decode(text) if len(text) % 4 == 0 and _BASE64.fullmatch(text) else None


def printable(text: str) -> str:
    """Return a text of the service as one line, as Postfix writes it."""
    return sanitize(_NO_UTF8.sub("?", text))


class AuthVerbs(State):
    """The command, and what the other commands want to know of who has logged in."""

    async def _login_lines(self) -> tuple[str, ...]:
        """Return the lines about AUTH of the EHLO reply."""
        logins = self._available_logins()
        if logins is None or not self.peer.is_told_of_auth:
            return ()
        return await logins.lines(is_encrypted=self.is_encrypted)

    def _available_logins(self) -> Logins | None:
        """Return what there is for this client now."""
        demands_tls = self.params.smtpd_tls_auth_only or self.server.tls.is_mandatory
        if not self.extensions.auth or (demands_tls and not self.is_encrypted):
            return None
        return self.server.logins

    async def smtp_AUTH(self, argument: str) -> bool | None:
        if refusal := await self._exceeds(AUTH, "AUTH commands"):
            return await self._refuse(refusal)
        if self.params.smtpd_helo_required and not self.context.helo:
            return await self._refuse(replies.NEED_HELO)
        logins = self._available_logins()
        if logins is None:
            return await self._refuse(replies.NO_AUTH)
        if self.transaction is not None:
            return await self._refuse(replies.AUTH_IN_MAIL)
        if self.context.sasl_username is not None:
            return await self._refuse(replies.ALREADY_AUTHENTICATED)
        mechanism, *initial = argument.split() or [""]
        if not mechanism or len(initial) > 1:
            return await self._refuse(replies.SYNTAX_AUTH)
        return await self._begin_login(logins, mechanism, initial[0] if initial else None)

    async def _begin_login(self, logins: Logins, mechanism: str, initial: str | None) -> bool | None:
        try:
            names = await logins.mechanisms(is_encrypted=self.is_encrypted)
        except AuthUnavailable:
            return await self._end_login(mechanism, Rejected(UNREACHABLE, is_temporary=True))
        if mechanism.upper() not in names:
            return await self._end_login(mechanism, Rejected(logins.words.bad_mechanism))
        response = None
        if initial is not None:
            # A lone = is the empty response (RFC 4954 section 4).
            response = b"" if initial == "=" else decode_response(initial.encode())
            if response is None:
                return await self._end_login(mechanism, Rejected(logins.words.bad_initial))
        exchange = logins.client.exchange(self._login_request(logins, mechanism, response))
        return await self._take_answer(
            Login(exchange, logins.words, mechanism, self.counts["AUTH"]), await exchange.begin()
        )

    def _login_request(self, logins: Logins, mechanism: str, response: bytes | None) -> Request:
        return Request(
            mechanism.upper(), self.params.smtpd_sasl_service, self.peer.address, local=self._own_address,
            is_secured=self.is_encrypted, response=response,
        )  # fmt: skip

    async def _take_answer(self, login: Login, answer: Answer) -> bool | None:
        """Tell the client what the service says; None while a response is to come."""
        if not isinstance(answer, Challenge):
            self._login = None
            return await self._end_login(login.mechanism, answer)
        self._login = login
        await self.push(replies.challenge(answer.data))
        return None

    async def _end_login(self, mechanism: str, answer: Accepted | Rejected) -> bool:
        if isinstance(answer, Accepted):
            self.context.sasl_username = self._login_name(answer.user)
            self.context.sasl_method = mechanism
            await self.push(replies.AUTHENTICATED)
            return True
        logins = self.server.logins
        reason = printable(answer.reason) or (logins.words.rejected if logins is not None else "")
        user = self._login_name(answer.user) if answer.user or "user" in answer.fields else None
        log.login_failed(self.server.log, self.peer.label, mechanism, reason, user)
        return await self._refuse(replies.login_failed(reason, is_temporary=answer.is_temporary))

    def _login_name(self, user: str) -> str:
        """Return a login as log, tables and headers have it: with smtpd_sasl_local_domain where it has no domain."""
        name, logins = printable(user), self.server.logins
        return f"{name}@{logins.realm}" if name and "@" not in name and logins is not None and logins.realm else name

    # --- responses

    async def _take_response(self, login: Login, line: bytes) -> None:
        """Take the line that follows a challenge, without its line feed."""
        outcome = await self._response_outcome(login, line)
        if outcome:
            login.count[0] += 1
        elif outcome is not None:
            self.error_count += 1

    async def _response_outcome(self, login: Login, line: bytes) -> bool | None:
        if len(line) > self.params.smtpd_sasl_response_limit:
            return await self._give_login_up(login, replies.RESPONSE_TOO_LONG)
        text = line.removesuffix(b"\r").partition(b"\0")[0]
        if text == b"*":
            log.login_aborted(self.server.log, self.peer.label, login.mechanism)
            return await self._give_login_up(login, replies.AUTH_ABORTED)
        response = decode_response(text)
        if response is None:
            self._cancel_login()
            return await self._end_login(login.mechanism, Rejected(login.words.bad_response))
        return await self._take_answer(login, await login.exchange.respond(response))

    async def _give_login_up(self, login: Login, reply: str) -> bool:
        self._cancel_login()
        self._trouble |= trouble_of_command(reply)
        await self.push(reply)
        return False

    # --- the end

    def _cancel_login(self) -> None:
        """A login under way comes to nothing."""
        if self._login is not None:
            self._login.exchange.cancel()
            self._login = None

    def _login_facts(self, claimed: str) -> dict[str, str]:
        """Return what the log says of who sent a message; claimed: AUTH= of MAIL."""
        return {
            "sasl_method": printable(self.context.sasl_method),
            "sasl_username": self.context.sasl_username or "",
            "sasl_sender": printable(claimed),
        }

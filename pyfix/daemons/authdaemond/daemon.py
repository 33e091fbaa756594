"""The authdaemond process."""

from __future__ import annotations

import asyncio

from pyfix.daemons.authdaemond.params import AuthdaemondParameters
from pyfix.mail.sasl.answers import Accepted, AuthUnavailable, Found, Rejected
from pyfix.mail.sasl.client import AuthClient
from pyfix.mail.sasl.courier import describe_account
from pyfix.mail.sasl.passwords import AUTH_SOCKET, ask_password, service_name, user_ids
from pyfix.proto.authdaemond import FAIL, AuthdaemondError, Login, Lookup, Question, QuestionReader, encode_account
from pyfix.service.one_question import Desk, QuestionConnection
from pyfix.service.service import ManyClientsDaemon, Service
from pyfix.service.worker import Listener


class AuthdaemondDaemon(ManyClientsDaemon[AuthdaemondParameters]):
    """Questions on an event loop."""

    open_to_all = True
    shares_processes = True
    is_prompt = True

    def before_jail(self) -> None:
        """Find out who may ask."""
        name = "authdaemond_authorized_users"
        known = user_ids(self.params.authdaemond_authorized_users, self.params.mail_owner, name, self.config)
        self._desk: Desk[Question] = Desk(self.worker, known.__contains__, name, self._answer, AuthdaemondError)

    async def start(self) -> None:
        """Connect nowhere yet."""
        self._auth = AuthClient(AUTH_SOCKET, self.log)

    def protocol(self, listener: Listener) -> asyncio.BaseProtocol:
        """Return the protocol for a new client."""
        return QuestionConnection(self._desk, QuestionReader())

    async def _answer(self, question: Question) -> bytes:
        try:
            match question:
                case Login():
                    return await self._log_in(question)
                case Lookup():
                    return _known(await self._auth.find_user(question.user, service_name(question.service)))
        except AuthUnavailable as error:
            self.log.warning(f"auth: {error}")
            return b""
        return FAIL

    async def _log_in(self, question: Login) -> bytes:
        """Return the account; raises AuthUnavailable."""
        login = question.user.encode("utf-8", "surrogateescape")
        service = service_name(question.service)
        answer = await ask_password(self._auth, login, question.password, service, wants_ticket=True)
        match answer:
            case Accepted():
                found = await self._auth.redeem(answer.fields.get("ticket", ""))
                return _known(found or Found(answer.user, {}))
            case Rejected(is_temporary=False):
                return FAIL
        return b""

    async def stop(self) -> None:
        """All clients have gone."""
        self._auth.close()


def _known(found: Found | None) -> bytes:
    return FAIL if found is None else encode_account(describe_account(found))


SERVICE = Service("authdaemond", AuthdaemondDaemon, AuthdaemondParameters)

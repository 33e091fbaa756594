"""The saslauthd process."""

from __future__ import annotations

import asyncio

from pyfix.daemons.saslauthd.params import SaslauthdParameters
from pyfix.mail.sasl.answers import Accepted, Rejected
from pyfix.mail.sasl.client import AuthClient
from pyfix.mail.sasl.passwords import AUTH_SOCKET, ask_password, service_name, user_ids
from pyfix.proto.saslauthd import Question, QuestionReader, SaslauthdError, encode_answer
from pyfix.service.one_question import Desk, QuestionConnection
from pyfix.service.service import ManyClientsDaemon, Service
from pyfix.service.worker import Listener


class SaslauthdDaemon(ManyClientsDaemon[SaslauthdParameters]):
    """Questions on an event loop."""

    open_to_all = True
    shares_processes = True
    is_prompt = True

    def before_jail(self) -> None:
        """Find out who may ask."""
        name = "saslauthd_authorized_users"
        known = user_ids(self.params.saslauthd_authorized_users, self.params.mail_owner, name, self.config)
        self._desk: Desk[Question] = Desk(self.worker, known.__contains__, name, self._answer, SaslauthdError)

    async def start(self) -> None:
        """Connect nowhere yet."""
        self._auth = AuthClient(AUTH_SOCKET, self.log)

    def protocol(self, listener: Listener) -> asyncio.BaseProtocol:
        """Return the protocol for a new client."""
        return QuestionConnection(self._desk, QuestionReader())

    async def _answer(self, question: Question) -> bytes:
        service = service_name(question.service.decode("ascii", "replace"))
        answer = await ask_password(self._auth, login_of(question), question.password, service)
        match answer:
            case Accepted():
                return encode_answer()
            case Rejected(is_temporary=False):
                return encode_answer("authentication failed")
        return b""

    async def stop(self) -> None:
        """All clients have gone."""
        self._auth.close()


def login_of(question: Question) -> bytes:
    """Return the login: the library of Cyrus splits user@domain, and it is put together again."""
    if question.realm and b"@" not in question.login and question.login:
        return question.login + b"@" + question.realm
    return question.login


SERVICE = Service("saslauthd", SaslauthdDaemon, SaslauthdParameters)

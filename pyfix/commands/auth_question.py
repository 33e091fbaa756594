"""Ask auth who somebody is, for commands: one question, and the answer to it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click

from pyfix.base.log import Log, StderrSink
from pyfix.commands.outcome import CommandError
from pyfix.mail.config import Config, CoreParameters
from pyfix.mail.passwords import LONGEST_PASSWORD
from pyfix.mail.sasl.answers import Accepted, Answer, AuthUnavailable, Challenge, Found, Rejected, Request
from pyfix.mail.sasl.client import AuthClient
from pyfix.mail.sasl.passwords import AUTH_SOCKET

T = TypeVar("T")


def ask_auth(config: Config, program: str, question: Callable[[AuthClient], Coroutine[Any, Any, T]]) -> T:
    """Return what a question to auth gives; raises CommandError where it can't be asked."""
    folder = config.read(CoreParameters).queue_directory

    async def run() -> T:
        log = Log(StderrSink(), program)
        client = AuthClient(os.path.join(folder, AUTH_SOCKET), log)
        try:
            return await question(client)
        except AuthUnavailable as error:
            raise CommandError(f"{error}; start the mail system, and be root", os.EX_TEMPFAIL) from error
        finally:
            client.close()
            log.flush()

    return asyncio.run(run())


async def log_in(client: AuthClient, user: str, password: bytes, service: str, mechanism: str) -> Answer:
    """Return what auth says to a login; mechanism: PLAIN, LOGIN or CRAM-MD5."""
    login = os.fsencode(user)
    responses = {
        "PLAIN": [lambda challenge: b"\0%s\0%s" % (login, password)],
        "LOGIN": [lambda challenge: login, lambda challenge: password],
        "CRAM-MD5": [lambda challenge: b"%s %s" % (login, _digest(password, challenge))],
    }[mechanism]
    initial = responses.pop(0)(b"") if mechanism == "PLAIN" else None
    exchange = client.exchange(Request(mechanism, service, is_secured=True, response=initial, wants_ticket=True))
    answer = await exchange.begin()
    while isinstance(answer, Challenge) and responses:
        answer = await exchange.respond(responses.pop(0)(answer.data))
    return answer


def _digest(password: bytes, challenge: bytes) -> bytes:
    """Return a response of CRAM-MD5 (RFC 2195)."""
    return hmac.new(password, challenge, hashlib.md5).hexdigest().encode()


async def find_account(client: AuthClient, answer: Accepted) -> Found:
    """Return where the mail of somebody is who has logged in; nothing about it where nobody knows."""
    found = await client.redeem(answer.fields.get("ticket", ""))
    return found or Found(answer.user, {})


def reason_of(answer: Rejected) -> str:
    """Return why auth can't tell now."""
    return answer.reason or "auth can't tell now; its log says why"


def typed_password(password: str | None) -> bytes:
    """Return the password of the command line, else one that is typed or the first line of standard input."""
    if password is not None:
        return os.fsencode(password)
    if sys.stdin.isatty():
        return os.fsencode(str(click.prompt("Password", hide_input=True)))
    return sys.stdin.buffer.readline(LONGEST_PASSWORD + 2).rstrip(b"\r\n")

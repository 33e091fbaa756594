"""The back end `dovecot:/socket`: a Dovecot, asked as its own login processes ask it.

It says who somebody is, and nothing of the mailbox: that is where mail is delivered.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from pyfix.base.stream import Stream
from pyfix.mail.auth.backend import Account, Attempt, BackendUnavailable, Place, VerifyBackend
from pyfix.mail.auth.backends.context import Context, is_askable
from pyfix.mail.auth.backends.unix_peer import connected
from pyfix.proto.dovecot_auth import LINE_LIMIT, Authenticate, ClientSession, Failed, ProtocolError, Succeeded

_ID: Final = 1


class DovecotSocketBackend(VerifyBackend):
    """Asks with PLAIN."""

    name = "dovecot"

    def __init__(self, path: str, context: Context) -> None:
        self._path = path
        self._places = context.places
        self._timeout_s = context.timeout_s

    def verify(self, attempt: Attempt, password: bytes) -> Account | None:
        """Ask the server; its own name for the user counts."""
        if not is_askable(attempt.login) or not password or b"\0" in password:
            return None
        session = ClientSession()
        request = Authenticate(_ID, "PLAIN", _parameters(attempt), b"\0%s\0%s" % (attempt.login.encode(), password))
        with connected(self._path, "Dovecot", self._timeout_s) as stream:
            try:
                stream.send(session.open(os.getpid()) + session.send(request))
                return self._result(next(_answers(stream, session)), attempt)
            except ValueError:
                return None
            except ProtocolError as error:
                raise BackendUnavailable(
                    f"Dovecot at {self._path}: {error}; specify a socket of clients (auth-client, private/auth)"
                ) from error

    def locate(self, user: str, service: str) -> Place | None:
        """Return where the mail is delivered."""
        return self._places.find(user)

    def _result(self, answer: object, attempt: Attempt) -> Account | None:
        match answer:
            case Succeeded():
                return Account(answer.user or attempt.login)
            case Failed() if answer.is_temporary:
                raise BackendUnavailable(f"Dovecot at {self._path}: temporary failure; see its log")
            case Failed():
                return None
        raise BackendUnavailable(f"Dovecot at {self._path}: unexpected {type(answer).__name__}")


def _parameters(attempt: Attempt) -> dict[str, str]:
    found = {"service": attempt.service, "lip": attempt.local, "rip": attempt.remote}
    flags = {"secured": ""} if attempt.is_secured else {}
    return {name: value for name, value in found.items() if value} | flags


def _answers(stream: Stream, session: ClientSession) -> Iterator[object]:
    """Yield answers to the request; what else is said is of no interest."""
    while True:
        line = stream.line(LINE_LIMIT)
        yield from (answer for answer in session.receive(line + b"\n"))


def open_dovecot(name: str, context: Context) -> DovecotSocketBackend:
    """Return the back end; raises ConfigError."""
    path = name if name.startswith("/") else os.path.join(context.queue_directory, name)
    if not name:
        raise context.refuse('dovecot: need the path of a socket: "dovecot:/run/dovecot/auth-client"')
    return DovecotSocketBackend(path, context)

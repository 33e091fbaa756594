"""The back end `saslauthd:/socket`: a saslauthd that runs, or what it would do if none runs.

    pwcheck_method: saslauthd        in smtpd.conf

Tutorials have people start `saslauthd -a shadow` or `-a pam`. Where its socket is not there, the same is done here: the
mechanism is that of the configuration file which the service script of a distribution reads. A mechanism that is not
built is not guessed at: the login is a temporary failure, whose log line says so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Final

from pyfix.mail.address.split import split_address
from pyfix.mail.auth.backend import Account, Attempt, Backend, BackendUnavailable, LookupBackend, Place, VerifyBackend
from pyfix.mail.auth.backends.context import Context, is_askable
from pyfix.mail.auth.backends.pam import PamBackend
from pyfix.mail.auth.backends.present_files import read_present
from pyfix.mail.auth.backends.shadow import ShadowBackend
from pyfix.mail.auth.backends.unix_peer import connected
from pyfix.mail.passwords import UnusableHash, verify_password
from pyfix.mail.sasl.params import ForeignDaemonParameters
from pyfix.proto.saslauthd import Question, SaslauthdError, answer_length, parse_answer

USUAL: Final = ("/run/saslauthd/mux", "/var/run/saslauthd/mux", "/var/state/saslauthd/mux")
"""Where saslauthd listens unless told otherwise, in one distribution or another."""
_MECHANISM: Final = re.compile(r"""^[ \t]*(?:MECH|MECHANISMS)=["']?([A-Za-z0-9_-]*)""", re.MULTILINE)
_DEFAULT: Final = "pam"
_SENDING: Final = frozenset({"smtp", "submission"})


class SaslauthdBackend(VerifyBackend):
    """Asks the daemon; without one, itself."""

    name = "saslauthd"

    def __init__(self, paths: Sequence[str], context: Context) -> None:
        """paths: the first one that is there is asked."""
        self._paths = paths
        self._places = context.places
        self._files = context.config.read(ForeignDaemonParameters).saslauthd_config_files
        self._timeout_s = context.timeout_s
        self._stand_ins: dict[str, LookupBackend | VerifyBackend] = {
            "shadow": ShadowBackend(context),
            "pam": PamBackend("", context),
        }

    def verify(self, attempt: Attempt, password: bytes) -> Account | None:
        """Ask for the name without domain, and with the domain as realm, as Cyrus' library does."""
        if not is_askable(attempt.login) or not password or b"\0" in password:
            return None
        path = next(filter(os.path.exists, self._paths), "")
        if not path:
            return verify_with(self._own(), attempt, password)
        return self._ask(path, attempt, password)

    def locate(self, user: str, service: str) -> Place | None:
        """Return where the mail is delivered."""
        return self._places.find(user)

    def _ask(self, path: str, attempt: Attempt, password: bytes) -> Account | None:
        login, realm = self._name_of(attempt)
        try:
            data = Question(login.encode(), password, attempt.service.encode(), (realm or "").encode()).encode()
        except ValueError:
            return None
        with connected(path, "saslauthd", self._timeout_s) as stream:
            stream.send(data)
            answer = stream.exactly(answer_length(stream.exactly(2)))
        try:
            return Account(attempt.login) if parse_answer(answer) else None
        except SaslauthdError as error:
            raise BackendUnavailable(f"saslauthd at {path}: {error}") from error

    def _name_of(self, attempt: Attempt) -> tuple[str, str | None]:
        """Return login and realm. Most saslauthd ignore the realm: to open a mailbox, who is not delivered to as a
        Unix user needs more than the password of the Unix user with the same name. To send, it is as with Cyrus."""
        if attempt.service not in _SENDING and self._places.unix_name(attempt.login) is None:
            return attempt.login, None
        return split_address(attempt.login)

    def _own(self) -> LookupBackend | VerifyBackend:
        """Return what checks passwords in the daemon's place; raises BackendUnavailable."""
        mechanism, file = configured_mechanism(self._files)
        if mechanism in self._stand_ins:
            return self._stand_ins[mechanism]
        raise BackendUnavailable(
            f"{file}: saslauthd's mechanism {mechanism} is not built, and no saslauthd listens at"
            f" {' or '.join(self._paths)}; start it, or specify shadow or pam"
        )


def verify_with(backend: Backend, attempt: Attempt, password: bytes) -> Account | None:
    """Return whom a back end of either kind takes the password for; None: nobody."""
    if isinstance(backend, VerifyBackend):
        return backend.verify(attempt, password)
    assert isinstance(backend, LookupBackend)
    account = backend.find(attempt)
    if account is None:
        return None
    try:
        known = any(
            verify_password(password, secret.stored, default_scheme=secret.default_scheme, user=attempt.login)
            for secret in account.secrets
        )
    except UnusableHash as error:
        raise BackendUnavailable(f"{backend.name}: {account.user}: {error}") from error
    return account if known else None


def configured_mechanism(files: Sequence[str]) -> tuple[str, str]:
    """Return the mechanism that the first of the files says, and that file; raises BackendUnavailable."""
    for file, text in read_present(files):
        found = _MECHANISM.findall(text)
        if found and found[-1]:
            return found[-1], file
    return _DEFAULT, ""


def open_saslauthd(name: str, context: Context) -> SaslauthdBackend:
    """Return the back end; raises ConfigError."""
    if name and not name.startswith("/"):
        raise context.refuse(f'saslauthd:{name}: need the path of a socket that begins with "/"')
    return SaslauthdBackend([name] if name else USUAL, context)

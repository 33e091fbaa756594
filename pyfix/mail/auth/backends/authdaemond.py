"""The back end `authdaemond:/socket`: Courier's authdaemond that runs, or what it would do if none runs.

    pwcheck_method: authdaemond        in smtpd.conf

Where its socket is not there, authmodulelist of its configuration file counts: authmysql with authmysqlrc beside that
file, authpam and authshadow. Other modules are left out with a warning; with none left a login is a temporary failure.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from typing import Final

from pyfix.base.stream import Stream
from pyfix.mail.auth.backend import Account, Attempt, Backend, BackendUnavailable, Place, VerifyBackend
from pyfix.mail.auth.backends.authmysqlrc import open_authmysqlrc
from pyfix.mail.auth.backends.context import Context, is_askable
from pyfix.mail.auth.backends.courier import courier_obstacle, courier_place
from pyfix.mail.auth.backends.pam import PamBackend
from pyfix.mail.auth.backends.present_files import read_present
from pyfix.mail.auth.backends.saslauthd import verify_with
from pyfix.mail.auth.backends.shadow import ShadowBackend
from pyfix.mail.auth.backends.unix_peer import connected
from pyfix.mail.config import ConfigError
from pyfix.mail.sasl.params import ForeignDaemonParameters
from pyfix.proto.authdaemond import LONGEST, encode_login, encode_lookup, parse_account

USUAL: Final = (
    "/run/courier/authdaemon/socket", "/var/run/courier/authdaemon/socket", "/var/spool/authdaemon/socket",
    "/usr/local/var/spool/authdaemon/socket", "/usr/local/courier-authlib/var/spool/authdaemon/socket",
)  # fmt: skip
"""Where authdaemond listens, as packages and tutorials build it."""
_MODULES: Final = re.compile(r"""^[ \t]*authmodulelist=["']?([A-Za-z0-9_ \t]*)""", re.MULTILINE)
_ANSWER_LINES: Final = 100


class AuthdaemondBackend(VerifyBackend):
    """Asks the daemon; without one, itself."""

    name = "authdaemond"

    def __init__(self, paths: Sequence[str], context: Context) -> None:
        """paths: the first one that is there is asked."""
        self._paths = paths
        self._context = context
        self._places = context.places
        self._files = context.config.read(ForeignDaemonParameters).authdaemond_config_files
        self._timeout_s = context.timeout_s
        self._own: list[Backend] | None = None
        self._lock = threading.Lock()

    def verify(self, attempt: Attempt, password: bytes) -> Account | None:
        """Ask for the login; ADDRESS of the answer is its canonical name."""
        if not is_askable(attempt.login) or not password or b"\0" in password or b"\n" in password:
            return None
        if not self._path():
            return self._verify_here(attempt, password)
        try:
            question = encode_login(attempt.service, attempt.login, password)
        except ValueError:
            return None
        known = self._ask(question)
        if known is None:
            return None
        obstacle = courier_obstacle(known.get("OPTIONS", ""), attempt.service)
        return Account(known.get("ADDRESS") or attempt.login, obstacle=obstacle)

    def locate(self, user: str, service: str) -> Place | None:
        """Return what the daemon knows of the account, else where the mail is delivered."""
        if not is_askable(user):
            return None
        if not self._path():
            places = (backend.locate(user, service) for backend in self._backends())
            return next((place for place in places if place is not None), None)
        try:
            known = self._ask(encode_lookup(service, user))
        except ValueError:
            return None
        if known is None:
            return None
        return courier_place(known, self._places.find(user), f"authdaemond at {self._path()}")

    def close(self) -> None:
        for backend in self._own or ():
            backend.close()

    def _path(self) -> str:
        return next(filter(os.path.exists, self._paths), "")

    def _ask(self, question: bytes) -> dict[str, str] | None:
        path = self._path()
        with connected(path, "authdaemond", self._timeout_s) as stream:
            stream.send(question)
            return parse_account(list(_lines(stream, path)))

    def _verify_here(self, attempt: Attempt, password: bytes) -> Account | None:
        found = (verify_with(backend, attempt, password) for backend in self._backends())
        return next((account for account in found if account is not None), None)

    def _backends(self) -> list[Backend]:
        """Return what asks in the daemon's place; raises BackendUnavailable."""
        with self._lock:
            if self._own is None:
                self._own = list(self._open_own())
            return self._own

    def _open_own(self) -> Iterator[Backend]:
        file, modules = configured_modules(self._files)
        known = [module for module in modules if module in _OWN]
        for module in modules:
            if module not in _OWN:
                self._context.complain_once(f"{file}: authmodulelist: {module} is not built, and left out")
        if not known:
            where = f"{file}: authmodulelist has none of {' '.join(_OWN)}" if file else "no authdaemonrc has been found"
            raise BackendUnavailable(
                f"{where}, and no authdaemond listens at {' or '.join(self._paths)}; start it, or write"
                ' authmodulelist="authmysql", or name the back end in auth_backends'
            )
        for module in known:
            yield self._open_module(module, file)

    def _open_module(self, module: str, file: str) -> Backend:
        try:
            if module == "authmysql":
                return open_authmysqlrc(os.path.join(os.path.dirname(file), "authmysqlrc"), self._context)
        except ConfigError as error:
            raise BackendUnavailable(str(error)) from error
        return ShadowBackend(self._context) if module in ("authshadow", "authpwd") else PamBackend("", self._context)


_OWN: Final = ("authmysql", "authpam", "authshadow", "authpwd")
"""Modules of authdaemond that have a back end here."""


def _lines(stream: Stream, path: str) -> Iterator[bytes]:
    """Yield the lines of an answer; one that ends without FAIL or a dot is none."""
    for _ in range(_ANSWER_LINES):
        line = stream.line(LONGEST)
        yield line
        if line in (b".", b"FAIL"):
            return
    raise BackendUnavailable(f"authdaemond at {path}: an answer of more than {_ANSWER_LINES} lines")


def configured_modules(files: Sequence[str]) -> tuple[str, list[str]]:
    """Return the first of the files that is there, and the modules that it lists; raises BackendUnavailable."""
    for file, text in read_present(files):
        found = _MODULES.findall(text)
        return file, found[-1].split() if found else []
    return "", []


def open_authdaemond(name: str, context: Context) -> AuthdaemondBackend:
    """Return the back end; raises ConfigError."""
    if name and not name.startswith("/"):
        raise context.refuse(f'authdaemond:{name}: need the path of a socket that begins with "/"')
    return AuthdaemondBackend([name] if name else USUAL, context)

"""The back end `pam:service`: whomever PAM lets in.

A module may take as long as it likes: each check has a thread of its own, which is left behind when its time is over.
Only so many may be left, so that a directory server that hangs does not fill the process with threads.
"""

from __future__ import annotations

import os
import re
import threading
from typing import Final

from pyfix.base.pam import PamError, PamLibrary, Verdict
from pyfix.mail.auth.backend import Account, Attempt, BackendUnavailable, Place, VerifyBackend
from pyfix.mail.auth.backends.context import Context, is_askable

_MOST_THREADS: Final = 16
_SERVICE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_FOLDERS: Final = ("/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d")


class PamBackend(VerifyBackend):
    """Asks PAM in threads."""

    name = "pam"

    def __init__(self, service: str, context: Context) -> None:
        """service: the file in /etc/pam.d; empty: that of the protocol."""
        self._service = service
        self._places = context.places
        self._timeout_s = context.timeout_s
        self._complain = context.complain_once
        self._free = threading.BoundedSemaphore(_MOST_THREADS)

    def verify(self, attempt: Attempt, password: bytes) -> Account | None:
        """Ask for the name without domain where that is one of Unix users, else for the whole."""
        if not is_askable(attempt.login) or not password or b"\0" in password:
            return None
        user = self._places.unix_name(attempt.login) or attempt.login
        service = self._service or attempt.service
        if not any(os.path.exists(f"{folder}/{service}") for folder in _FOLDERS):
            self._complain(f"pam: there is no /etc/pam.d/{service}: the service other counts, which may deny everybody")
        match self._check(service, user, password, attempt.remote):
            case Verdict.RIGHT:
                return Account(user)
            case Verdict.OF_NO_USE:
                return Account(user, obstacle="PAM: the account or the password has expired")
        return None

    def locate(self, user: str, service: str) -> Place | None:
        """Return where the mail is delivered."""
        return self._places.find(user)

    def _check(self, service: str, user: str, password: bytes, remote: str) -> Verdict:
        if not self._free.acquire(timeout=self._timeout_s):
            raise BackendUnavailable(f"pam: {_MOST_THREADS} checks of service {service} have not ended")
        found: list[Verdict | PamError] = []
        thread = threading.Thread(target=self._run, args=(service, user, password, remote, found), daemon=True)
        thread.start()
        thread.join(self._timeout_s)
        if not found:
            raise BackendUnavailable(
                f"pam: no answer within {self._timeout_s:g} seconds; see the modules in /etc/pam.d/{service}"
            )
        if isinstance(found[0], PamError):
            raise BackendUnavailable(f"pam: {found[0]}; see the log of its modules")
        return found[0]

    def _run(
        self, service: str, user: str, password: bytes, remote: str, found: list[Verdict | PamError]
    ) -> None:  # fmt: skip
        try:
            found.append(PamLibrary().check(service, user, password, remote))
        except PamError as error:
            found.append(error)
        finally:
            self._free.release()


def open_pam(name: str, context: Context) -> PamBackend:
    """Return the back end; raises ConfigError."""
    if name and not _SERVICE.fullmatch(name):
        raise context.refuse(f'pam:{name}: need the name of a file in /etc/pam.d, such as "pam:smtp"')
    return PamBackend(name, context)

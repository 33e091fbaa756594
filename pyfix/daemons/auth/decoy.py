"""What a password is compared with where there is nothing to compare it with.

A login that is nobody's must cost as much as a wrong password. The decoy is what the last account had that was found:
the same schemes, the same cost, as many passwords; before there was one, a hash of the scheme that new passwords get.
What comes of the comparison is of no interest.
"""

from __future__ import annotations

import contextlib
import secrets
import threading

from pyfix.mail.auth.backend import Secret
from pyfix.mail.passwords import UnusableHash, hash_password, verify_password


class Decoy:
    """One for all threads."""

    def __init__(self, scheme: str) -> None:
        """scheme: password_scheme."""
        self._scheme = scheme
        self._lock = threading.Lock()
        self._secrets: tuple[Secret, ...] = ()

    def learn(self, found: tuple[Secret, ...]) -> None:
        """Look like an account that was found."""
        if found:
            self._secrets = found

    def spend(self, password: bytes, user: str) -> None:
        """Take the time that a wrong password takes."""
        for secret in self._secrets or self._make():
            with contextlib.suppress(UnusableHash):
                verify_password(password, secret.stored, default_scheme=secret.default_scheme, user=user)

    def _make(self) -> tuple[Secret, ...]:
        with self._lock:
            if not self._secrets:
                stored = hash_password(secrets.token_hex().encode(), self._scheme)
                self._secrets = (Secret(stored, self._scheme),)
            return self._secrets

"""What mechanisms compute with: nothing where the stored password is empty."""

from __future__ import annotations

import pytest

from pyfix.daemons.auth.verify import Hashing, Verifier
from pyfix.mail.auth.backend import Account, Attempt, LookupBackend, Place, Secret
from pyfix.mail.passwords import hash_password


class OneAccount(LookupBackend):
    """Knows one password of everybody."""

    name = "one"

    def __init__(self, stored: str) -> None:
        self._stored = stored

    def find(self, attempt: Attempt) -> Account | None:
        return Account(attempt.login, (Secret(self._stored, "CRYPT"),))

    def locate(self, user: str, service: str) -> Place | None:
        return None


@pytest.mark.parametrize(
    ("stored", "is_of_use"),
    [
        ("{PLAIN}secret", True),
        (hash_password(b"secret", "CRAM-MD5"), True),
        ("{PLAIN}", False),
        ("{CLEAR}", False),
        ("{CRAM-MD5}00747cf2ffaf11c5ea4a64979c3901fc1d20dee13f480bb598f7d8575b23e61b", False),
    ],
)
def test_empty_passwords_let_nobody_in(stored: str, is_of_use: bool) -> None:
    """As an empty column of a table behind {PLAIN} does, which CRAM-MD5 and SCRAM would compute with."""
    verifier = Verifier([OneAccount(stored)], Hashing("SSHA256", renews=False, limit=1))
    _, keys, _ = verifier.find_keys(Attempt("alice@x.test", "smtp"))
    assert [key is not None for key in keys] == [is_of_use]

"""What mechanisms compute with: nothing where the stored password is empty."""

from __future__ import annotations

import pytest

from pyfix.daemons.auth.verify import Hashing, Verifier
from pyfix.mail.auth.backend import Account, Attempt, LookupBackend, Place, Secret
from pyfix.mail.passwords import hash_password
from pyfix.proto.sasl import Challenge, Scene
from pyfix.proto.sasl.scram import ScramSha256


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


def test_rounds_of_scram_do_not_show_who_there_is() -> None:
    """Passwords that another server has stored may have others than ours: so has a login that is nobody's."""
    stored = "{SCRAM-SHA-256}4096,c2FsdA==,c3RvcmVk,c2VydmVy"
    verifier = Verifier([OneAccount(stored)], Hashing("SSHA256", renews=False, limit=1))
    _, keys, _ = verifier.find_keys(Attempt("alice@x.test", "smtp"))
    offered = []
    for known in (keys, []):
        mechanism = ScramSha256(Scene("host", "nonce", rounds=verifier.rounds))
        mechanism.begin(b"n,,n=alice,r=abc")
        step = mechanism.use(known)
        assert isinstance(step, Challenge)
        offered.append(step.data.rpartition(b",")[2])
    assert offered == [b"i=4096", b"i=4096"]

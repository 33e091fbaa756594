"""Asking back ends: order, failures, and that nobody can tell an unknown user from a wrong password."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pyfix.daemons.auth import decoy, verify
from pyfix.daemons.auth.verdict import Denied, Granted, Unknown
from pyfix.daemons.auth.verify import Hashing, Verifier, find_flaw
from pyfix.mail.auth.backend import (
    Account,
    Attempt,
    BackendUnavailable,
    LookupBackend,
    Place,
    Secret,
    VerifyBackend,
)
from pyfix.mail.passwords import verify_password
from pyfix.proto.sasl import PlainKey

PLACE = Place("maildir:/m", "/h", 1, 1)


@dataclass
class Accounts(LookupBackend):
    """Some accounts."""

    accounts: dict[str, Account] = field(default_factory=dict)
    problem: str = ""
    used_labels: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    word: str = "accounts"

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.word

    def find(self, attempt: Attempt) -> Account | None:
        if self.problem:
            raise BackendUnavailable(self.problem)
        return self.accounts.get(attempt.login)

    def locate(self, user: str, service: str) -> Place | None:
        if self.problem:
            raise BackendUnavailable(self.problem)
        return PLACE if user in self.accounts else None

    def used(self, account: Account, secret: Secret) -> None:
        self.used_labels.append(secret.label)

    def renew(self, account: Account, secret: Secret, stored: str) -> None:
        self.renewed.append(stored)


@dataclass
class Asking(VerifyBackend):
    """Lets somebody in."""

    users: tuple[str, ...] = ()
    asked: list[bytes] = field(default_factory=list)
    name = "pam"  # type: ignore[misc]

    def verify(self, attempt: Attempt, password: bytes) -> Account | None:
        self.asked.append(password)
        return Account(attempt.login) if attempt.login in self.users and password == b"good" else None

    def locate(self, user: str, service: str) -> Place | None:
        return PLACE if user in self.users else None


def account(user: str, *stored: str, obstacle: str = "") -> Account:
    """An account with passwords, of which the later ones are app passwords."""
    secrets = tuple(Secret(text, "PLAIN", f"app {at}" if at else "") for at, text in enumerate(stored))
    return Account(user, secrets, obstacle)


def verifier(*backends: Accounts | Asking, renews: bool = False) -> Verifier:
    """One with these."""
    return Verifier(backends, Hashing("SSHA256", renews=renews, limit=2))


def attempt(login: str) -> Attempt:
    """An attempt."""
    return Attempt(login, "smtp")


def test_first_that_verifies_decides() -> None:
    """Unknown or wrong in one, the next is asked."""
    first, second = Accounts({"joe": account("joe", "one")}), Asking(("joe", "ann"))
    asked = verifier(first, second)
    assert asked.check_password(attempt("joe"), b"one") == Granted(Account("joe"), "accounts")
    assert second.asked == []
    assert asked.check_password(attempt("joe"), b"good") == Granted(Account("joe"), "pam")
    assert asked.check_password(attempt("ann"), b"good") == Granted(Account("ann"), "pam")
    assert asked.check_password(attempt("joe"), b"bad") == Denied("Password mismatch", "accounts")
    assert asked.check_password(attempt("eve"), b"bad") == Denied("unknown user", "")


def test_back_end_that_is_down_is_no_refusal() -> None:
    """Unless another one verifies."""
    down, up = Accounts(problem="is down"), Asking(("joe",))
    assert verifier(down, up).check_password(attempt("joe"), b"good") == Granted(Account("joe"), "pam")
    assert verifier(down, up).check_password(attempt("joe"), b"bad") == Unknown(("accounts: is down",))
    assert verifier(up, down).check_password(attempt("eve"), b"bad") == Unknown(("accounts: is down",))


def test_obstacle_is_told_only_to_who_knows_the_password() -> None:
    """And ends the search."""
    asked = verifier(Accounts({"joe": account("joe", "one", obstacle="not active")}), Asking(("joe",)))
    assert asked.check_password(attempt("joe"), b"one") == Denied("not active", "accounts")
    assert asked.check_password(attempt("joe"), b"bad") == Denied("Password mismatch", "accounts")


def test_app_passwords() -> None:
    """Any of them; its use is noted."""
    backend = Accounts({"joe": account("joe", "own", "app")})
    assert verifier(backend, renews=True).check_password(attempt("joe"), b"app") == Granted(Account("joe"), "accounts")
    assert backend.used_labels == ["app 1"]
    assert backend.renewed == []


def test_old_hash_is_renewed() -> None:
    """The account's own, if it is not of the scheme already."""
    backend = Accounts({"joe": account("joe", "own")})
    assert verifier(backend, renews=True).check_password(attempt("joe"), b"own") == Granted(Account("joe"), "accounts")
    (stored,) = backend.renewed
    assert verify_password(b"own", stored)
    backend.accounts["joe"] = account("joe", stored)
    verifier(backend, renews=True).check_password(attempt("joe"), b"own")
    assert len(backend.renewed) == 1


def test_failure_to_note_it_is_no_obstacle() -> None:
    """The log tells of it."""

    class ReadOnly(Accounts):
        def used(self, account: Account, secret: Secret) -> None:
            raise BackendUnavailable("read-only")

        renew = lambda self, account, secret, stored: self.used(account, secret)  # noqa: E731

    granted = verifier(ReadOnly({"joe": account("joe", "own")}), renews=True).check_password(attempt("joe"), b"own")
    assert granted == Granted(Account("joe"), "accounts", ("accounts: read-only", "accounts: read-only"))


@pytest.mark.parametrize("password", [b"", b"x" * 1025, b"x" * 10_000_000, b"a\0b"])
def test_password_that_is_none_reaches_nobody(password: bytes) -> None:
    """LDAP servers let in who has no password."""
    pam = Asking(("joe",))
    assert find_flaw(password)
    assert isinstance(verifier(pam).check_password(attempt("joe"), password), Denied)
    assert pam.asked == []


@pytest.mark.parametrize("stored", [("own",), ("own", "app", "third"), ()])
def test_unknown_user_costs_what_a_wrong_password_costs(
    stored: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many hashes of the same schemes, whether a login has one password, several, none, or is nobody's."""
    computed: list[str] = []

    def count(password: bytes, stored: str, *, default_scheme: str, user: str) -> bool:
        computed.append(stored)
        return False

    monkeypatch.setattr(verify, "verify_password", count)
    monkeypatch.setattr(decoy, "verify_password", count)
    asked = verifier(Accounts({"joe": account("joe", *stored)}))
    asked.check_password(attempt("joe"), b"wrong")
    known = list(computed)
    computed.clear()
    asked.check_password(attempt("nobody"), b"wrong")
    assert computed == known
    assert len(known) == max(1, len(stored))


def test_first_unknown_user_costs_a_hash_of_the_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any account was found."""
    computed: list[str] = []
    monkeypatch.setattr(decoy, "verify_password", lambda password, stored, **_: computed.append(stored))
    verifier(Accounts()).check_password(attempt("nobody"), b"wrong")
    assert [text.startswith("{SSHA256}") for text in computed] == [True]


def test_keys_of_a_login() -> None:
    """Those that a mechanism can use, by the place of the secret; broken ones are told of."""
    backend = Accounts({"joe": account("joe", "own", "{ARGON2ID}x", "{CRAM-MD5}broken")})
    candidates, keys, findings = verifier(Asking(("joe",)), backend).find_keys(attempt("joe"))
    assert keys == [PlainKey(b"own"), None, None]
    assert len(candidates) == 3
    assert findings.warnings == ["accounts: joe: CRAM-MD5 text of a wrong length in a stored password"]
    assert verifier(backend).settle(candidates[0], findings) == Granted(
        Account("joe"), "accounts", tuple(findings.warnings)
    )
    assert backend.used_labels == [""]
    assert verifier(backend).find_keys(attempt("eve"))[:2] == ([], [])


def test_user_of_a_token() -> None:
    """Must be somebody's, and good."""
    backends = Accounts({"joe": account("joe", "x"), "old": account("old", "x", obstacle="expired")}), Asking(("ann",))
    asked = verifier(*backends)
    assert asked.find_user(attempt("joe")) == Granted(Account("joe"), "accounts")
    assert asked.find_user(attempt("ann")) == Granted(Account("ann"), "pam")
    assert asked.find_user(attempt("old")) == Denied("expired", "accounts")
    assert asked.find_user(attempt("eve")) == Denied("unknown user", "")


def test_place_is_asked_of_who_knows_the_user() -> None:
    """First of the back end that has let the user in; a failure counts when nobody else knows."""
    down = Accounts(problem="is down", word="down")
    assert verifier(down, Asking(("joe",))).locate("joe", "pop3") == PLACE
    assert verifier(Asking(("joe",))).locate("eve", "pop3") is None
    with pytest.raises(BackendUnavailable, match="down: is down"):
        verifier(down, Asking(("joe",))).locate("eve", "pop3")


def test_place_comes_with_the_verdict() -> None:
    """From who let the user in, or else from who knows; what can't be found out makes the login a temporary failure."""
    down, up = Accounts(problem="is down", word="down"), Asking(("joe",))
    granted = Granted(Account("joe"), "pam")
    asked = verifier(down, up)
    assert asked.add_place(lambda: granted, "pop3") == Granted(Account("joe"), "pam", place=PLACE)
    assert asked.add_place(lambda: Denied("x", "pam"), "pop3") == Denied("x", "pam")
    other = Granted(Account("joe"), "accounts")
    assert verifier(Accounts(), up).add_place(lambda: other, "pop3") == Granted(Account("joe"), "accounts", place=PLACE)
    assert verifier(Accounts()).add_place(lambda: other, "pop3") == other
    assert asked.add_place(lambda: Granted(Account("joe"), "down"), "pop3") == Unknown(("down: is down",))

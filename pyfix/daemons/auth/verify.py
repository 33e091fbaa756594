"""Ask the back ends, one after the other; everything here blocks, and runs in threads.

The first that verifies decides. A back end that can't be asked makes the attempt a temporary failure unless another
one verifies: nobody is told "wrong password" because a server is down. A login that none knows costs what a wrong
password costs (decoy.py), and a password that can't be one, of nobody's account, nothing at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from pyfix.daemons.auth.decoy import Decoy
from pyfix.daemons.auth.verdict import MISMATCH, UNKNOWN_USER, Denied, Granted, Unknown, Verdict
from pyfix.mail.auth.backend import (
    Account,
    Attempt,
    Backend,
    BackendUnavailable,
    LookupBackend,
    Place,
    Secret,
    VerifyBackend,
)
from pyfix.mail.passwords import (
    LONGEST_PASSWORD,
    PasswordRefused,
    UnusableHash,
    hash_password,
    login_key,
    parse_stored,
    verify_password,
)
from pyfix.proto.sasl import CramKey, Key, PlainKey, ScramKeys
from pyfix.proto.sasl.keys import ROUNDS

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Hashing:
    """How stored passwords are treated."""

    scheme: str
    """password_scheme."""
    renews: bool
    """password_rehash."""
    limit: int
    """Hashes that are computed at once: each may take 64 MiB."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A secret of an account that was found."""

    backend: LookupBackend
    account: Account
    secret: Secret


@dataclass(slots=True)
class Findings:
    """What the back ends have said so far."""

    backend: str = ""
    reason: str = UNKNOWN_USER
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def verdict(self) -> Denied | Unknown:
        """Return what there is to say when none has verified."""
        if self.problems:
            return Unknown((*self.warnings, *self.problems))
        return Denied(self.reason, self.backend, tuple(self.warnings))


class Verifier:
    """The back ends of one process, in order."""

    def __init__(self, backends: Sequence[Backend], hashing: Hashing) -> None:
        self._backends = list(backends)
        self._hashing = hashing
        self._decoy = Decoy(hashing.scheme)
        self.rounds = ROUNDS
        """Of SCRAM, as the last account has them that was found."""
        self._room = threading.BoundedSemaphore(hashing.limit)

    # --- a password

    def check_password(self, attempt: Attempt, password: bytes) -> Verdict:
        """Return whether somebody may log in with a password."""
        if problem := find_flaw(password):
            return Denied(problem, self._backends[0].name)
        findings = Findings()
        has_compared = False
        for backend in self._backends:
            account = self._ask(backend, findings, partial(_account, backend, attempt, password))
            if account is None:
                continue
            findings.backend = backend.name
            if not isinstance(backend, LookupBackend):
                return _judge(account, backend, findings)
            secret = self._compare(account, password, attempt.login, findings)
            has_compared = True
            if secret is not None:
                self._tend(Candidate(backend, account, secret), password, findings)
                return _judge(account, backend, findings)
            findings.reason = MISMATCH
        if not has_compared:
            with self._room:
                self._decoy.spend(password, attempt.login)
        return findings.verdict()

    def _compare(self, account: Account, password: bytes, login: str, findings: Findings) -> Secret | None:
        """Return the secret that the password is. As many are computed for a login without any as the last one had."""
        self._decoy.learn(account.secrets)
        with self._room:
            for secret in account.secrets:
                try:
                    if verify_password(password, secret.stored, default_scheme=secret.default_scheme, user=login):
                        return secret
                except UnusableHash as error:
                    findings.warnings.append(f"{findings.backend}: {account.user}: {error}")
            if not account.secrets:
                self._decoy.spend(password, login)
        return None

    def _tend(self, candidate: Candidate, password: bytes, findings: Findings) -> None:
        """Note that a secret was used, and store it anew where it is of an old kind; a failure is no obstacle."""
        backend, account, secret = candidate.backend, candidate.account, candidate.secret
        self._ask(backend, findings, partial(backend.used, account, secret), is_vital=False)
        if not self._hashing.renews or secret.label or _scheme(secret) == self._hashing.scheme:
            return
        try:
            with self._room:
                stored = hash_password(password, self._hashing.scheme)
        except PasswordRefused as error:
            findings.warnings.append(f"{backend.name}: {account.user}: password_rehash: {error}")
            return
        self._ask(backend, findings, partial(backend.renew, account, secret, stored), is_vital=False)

    # --- keys

    def find_keys(self, attempt: Attempt) -> tuple[list[Candidate], list[Key | None], Findings]:
        """Return the secrets of a login, and of each the key that mechanisms can compute with, or None."""
        findings = Findings()
        candidates: list[Candidate] = []
        for backend in self._backends:
            if not isinstance(backend, LookupBackend):
                continue
            account = self._ask(backend, findings, partial(backend.find, attempt))
            if account is not None:
                findings.backend = backend.name
                candidates += [Candidate(backend, account, secret) for secret in account.secrets]
        keys = [_key(candidate, findings) for candidate in candidates]
        self.rounds = next((key.rounds for key in keys if isinstance(key, ScramKeys)), self.rounds)
        return candidates, keys, findings

    def settle(self, candidate: Candidate, findings: Findings) -> Verdict:
        """Return what there is to say once a mechanism has found that a secret is the client's."""
        backend, account = candidate.backend, candidate.account
        self._ask(backend, findings, partial(backend.used, account, candidate.secret), is_vital=False)
        return _judge(account, backend, findings)

    # --- users

    def find_user(self, attempt: Attempt) -> Verdict:
        """Return whether somebody may log in who has proved elsewhere who they are (a token)."""
        findings = Findings()
        for backend in self._backends:
            if isinstance(backend, LookupBackend):
                account = self._ask(backend, findings, partial(backend.find, attempt))
                if account is not None:
                    return _judge(account, backend, findings)
            elif self._ask(backend, findings, partial(backend.locate, attempt.login, attempt.service)):
                return Granted(Account(attempt.login), backend.name, tuple(findings.warnings))
        return findings.verdict()

    def add_place(self, check: Callable[[], Verdict], service: str) -> Verdict:
        """Return the verdict of a check, and where the mail is of who may log in: both in one turn of a thread."""
        verdict = check()
        if not isinstance(verdict, Granted):
            return verdict
        try:
            place = self._place_of(verdict, service)
        except BackendUnavailable as error:
            return Unknown((*verdict.warnings, str(error)))
        return replace(verdict, place=place)

    def _place_of(self, granted: Granted, service: str) -> Place | None:
        """Ask first who let them in."""
        for backend in self._backends:
            if backend.name == granted.backend:
                try:
                    place = backend.locate_account(granted.account, service)
                except BackendUnavailable as error:
                    raise BackendUnavailable(f"{backend.name}: {error}") from error
                if place is not None:
                    return place
        return self.locate(granted.user, service)

    def locate(self, user: str, service: str) -> Place | None:
        """Return where a user's mail is; raises BackendUnavailable."""
        problem: BackendUnavailable | None = None
        for backend in self._backends:
            try:
                place = backend.locate(user, service)
            except BackendUnavailable as error:
                problem = problem or BackendUnavailable(f"{backend.name}: {error}")
                continue
            if place is not None:
                return place
        if problem is not None:
            raise problem
        return None

    def _ask(
        self, backend: Backend, findings: Findings, question: Callable[[], R], *, is_vital: bool = True
    ) -> R | None:
        """Return what a back end answers, None where it can't be asked."""
        try:
            return question()
        except BackendUnavailable as error:
            (findings.problems if is_vital else findings.warnings).append(f"{backend.name}: {error}")
            return None


def find_flaw(password: bytes) -> str:
    """Return why no account can have this password, empty where one could: back ends are not asked about others, of
    which some take an empty password for a request to be let in as nobody (LDAP)."""
    if not password:
        return "empty password"
    if len(password) > LONGEST_PASSWORD:
        return f"a password of {len(password)} bytes; the longest that is taken has {LONGEST_PASSWORD}"
    return "NUL in the password" if b"\0" in password else ""


def _account(backend: Backend, attempt: Attempt, password: bytes) -> Account | None:
    match backend:
        case LookupBackend():
            return backend.find(attempt)
        case VerifyBackend():
            return backend.verify(attempt, password)
        case _:
            raise TypeError(f"{backend.name} is no back end")


def _judge(account: Account, backend: Backend, findings: Findings) -> Granted | Denied:
    warnings = tuple(findings.warnings)
    if account.obstacle:
        return Denied(account.obstacle, backend.name, warnings)
    return Granted(replace(account, secrets=()), backend.name, warnings)


def _scheme(secret: Secret) -> str:
    return parse_stored(secret.stored, secret.default_scheme).scheme


def _key(candidate: Candidate, findings: Findings) -> Key | None:
    try:
        key = login_key(parse_stored(candidate.secret.stored, candidate.secret.default_scheme))
    except UnusableHash as error:
        findings.warnings.append(f"{candidate.backend.name}: {candidate.account.user}: {error}")
        return None
    # An empty password proves nothing, whatever the mechanism: an empty column of a table lets nobody in.
    is_empty = key == CramKey.of(b"") or (isinstance(key, PlainKey) and find_flaw(key.password))
    return None if is_empty else key

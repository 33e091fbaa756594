"""What all logins of a process share."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from pyfix.base import clock
from pyfix.daemons.auth.crew import Crew
from pyfix.daemons.auth.gate import Gate
from pyfix.daemons.auth.names import NameRules
from pyfix.daemons.auth.penalty import Penalties, source_of
from pyfix.daemons.auth.tickets import Tickets
from pyfix.daemons.auth.verify import Verifier
from pyfix.mail.auth.tokens import Tokens
from pyfix.mail.maps import MatchList, TableError
from pyfix.proto.sasl import MECHANISMS, KeyMechanism, Scene
from pyfix.service.worker import Worker

R = TypeVar("R")
MACHINE_ID: Final = "/etc/machine-id"
MOST_WAITING: Final = 1000
"""Questions to back ends that are under way or wait for a thread."""


def lasting_seed(path: str) -> bytes:
    """Return what salts for logins that are nobody's are made of: the same after a restart, since the salts of users
    don't change then either; not to be guessed from outside. Random on a machine without the file (machine-id(5))."""
    try:
        with open(path, "rb") as file:
            known = file.read(256)
    except OSError:
        known = b""
    return hashlib.blake2b(known or secrets.token_bytes(32), person=b"pyfix auth salts").digest()


class Crowded(Exception):
    """Too many logins at once."""


@dataclass
class Desk:
    """One for a process."""

    worker: Worker
    verifier: Verifier
    penalties: Penalties
    names: NameRules
    threads: Crew
    exceptions: MatchList
    tokens: Tokens | None
    mechanisms: frozenset[str]
    hostname: str
    ban_s: float
    tickets: Tickets = field(default_factory=Tickets)

    def __post_init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._seed = lasting_seed(MACHINE_ID)
        self._waiting = 0
        self.gate = Gate(self.penalties)

    def scene(self, mechanism: str) -> Scene:
        """Return what a mechanism needs for one exchange."""
        tokens = self.tokens
        nonce = secrets.token_hex(16) if issubclass(MECHANISMS[mechanism], KeyMechanism) else ""
        return Scene(
            self.hostname, nonce, int(clock.now()), self._seed, tokens.scope if tokens else "",
            self.verifier.rounds, tokens.configuration_url if tokens else "",
        )  # fmt: skip

    def source(self, remote: str) -> str:
        """Return what failures of a client are counted for; empty where they are not."""
        try:
            return "" if self.exceptions.matches("", remote) else source_of(remote)
        except TableError as error:
            self.worker.log.warning(f"{self.exceptions.parameter}: {error}")
            return source_of(remote)

    def digest(self, login: str, password: bytes) -> bytes:
        """Return what a wrong password is recognised by: of no use to anybody else."""
        return hashlib.blake2b(login.encode() + b"\0" + password, key=self._key, digest_size=16).digest()

    async def in_thread(self, work: Callable[[], R]) -> R:
        """Return what blocking work gives; raises Crowded."""
        if self._waiting >= MOST_WAITING:
            raise Crowded(f"{self._waiting} logins are under way already")
        self._waiting += 1
        try:
            return await self.threads.run(work)
        finally:
            self._waiting -= 1

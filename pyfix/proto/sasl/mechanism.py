"""What mechanisms have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from pyfix.proto.sasl.keys import ROUNDS, Key
from pyfix.proto.sasl.steps import Refuse, Step

LOGIN_LIMIT: Final = 320
"""Bytes of a login: the longest address (RFC 3696 has 64, an @ and 255)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a mechanism can't know."""

    hostname: str
    nonce: str = field(default="", repr=False)
    """Text that nobody can guess, another one for each exchange; neither blanks nor <>@, in it."""
    now: int = 0
    """Seconds since the epoch."""
    seed: bytes = field(default=b"", repr=False)
    """A secret of the server's that lasts: what makes up salts for logins that are nobody's."""
    scope: str = ""
    """What tokens must be good for, as clients are told of it."""
    rounds: int = ROUNDS
    """Of SCRAM, for logins whose stored password says none: those of the others, or it would show who there is."""
    configuration_url: str = ""
    """Where clients find out how to get a token (RFC 8414)."""


class BadResponse(Exception):
    """The client's response is none; the text is for the log."""


class Mechanism(ABC):
    """One exchange."""

    name: ClassVar[str]
    properties: ClassVar[frozenset[str]]
    """In the words of the auth protocol: plaintext, dictionary, active, mutual-auth, private."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def begin(self, initial: bytes | None) -> Step:
        """Return the first step. initial: the response that came with the request."""
        return self.first() if initial is None else self.receive(initial)

    def receive(self, data: bytes) -> Step:
        """Return the step after a response."""
        try:
            return self.take(data)
        except BadResponse as error:
            return Refuse(str(error))

    @abstractmethod
    def first(self) -> Step:
        """Return what there is to do without a response."""

    @abstractmethod
    def take(self, data: bytes) -> Step:
        """Return the step after a response; raises BadResponse."""


class KeyMechanism(Mechanism):
    """A mechanism that computes from what is stored."""

    @abstractmethod
    def use(self, keys: Sequence[Key | None]) -> Step:
        """Return the step after FetchKeys; takes as long for none as for one. keys: None is one that is of no use."""


class TokenMechanism(Mechanism):
    """A mechanism that passes on a token."""

    @abstractmethod
    def refuse(self, reason: str) -> Step:
        """Return the step after a token that is no good: the client is told, and says that it has heard it."""


def decode_login(data: bytes) -> str:
    """Return a login as text; raises BadResponse for one that can't be anybody's."""
    if not data or len(data) > LOGIN_LIMIT:
        raise BadResponse("invalid input: no login" if not data else "invalid input: the login is too long")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise BadResponse("invalid input: the login is not UTF-8") from None
    if not text.isprintable():
        raise BadResponse("invalid input: control characters in the login")
    return text

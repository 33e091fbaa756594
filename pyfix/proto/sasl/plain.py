"""PLAIN (RFC 4616) and LOGIN: the password itself."""

from __future__ import annotations

from typing import ClassVar, Final

from pyfix.proto.sasl.mechanism import BadResponse, Mechanism, Scene, decode_login
from pyfix.proto.sasl.steps import Challenge, CheckPassword, Step

_PLAINTEXT: Final = frozenset({"plaintext"})


class Plain(Mechanism):
    """PLAIN: who to be, login and password in one response."""

    name: ClassVar[str] = "PLAIN"
    properties: ClassVar[frozenset[str]] = _PLAINTEXT

    def first(self) -> Step:
        return Challenge(b"")

    def take(self, data: bytes) -> Step:
        parts = data.split(b"\0")
        if len(parts) != 3:
            raise BadResponse("invalid input")
        authorize = decode_login(parts[0]) if parts[0] else ""
        return CheckPassword(decode_login(parts[1]), parts[2], authorize)


class Login(Mechanism):
    """LOGIN: login and password one after the other (draft-murchison-sasl-login)."""

    name: ClassVar[str] = "LOGIN"
    properties: ClassVar[frozenset[str]] = _PLAINTEXT

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._login = ""

    def first(self) -> Step:
        return Challenge(b"Username:")

    def take(self, data: bytes) -> Step:
        if self._login:
            return CheckPassword(self._login, data)
        self._login = decode_login(data)
        return Challenge(b"Password:")

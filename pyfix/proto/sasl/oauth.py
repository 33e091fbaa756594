"""OAUTHBEARER (RFC 7628) and XOAUTH2, its forerunner: a token that somebody else has issued.

    OAUTHBEARER   n,a=login,^Ahost=...^Aport=...^Aauth=Bearer token^A^A
    XOAUTH2       user=login^Aauth=Bearer token^A^A

A token that is no good is answered with a challenge that says so, in JSON; what the client says to that does not
matter.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from typing import ClassVar, Final

from pyfix.proto.sasl.mechanism import BadResponse, Scene, TokenMechanism, decode_login
from pyfix.proto.sasl.steps import Challenge, CheckToken, Refuse, Step

_TOKEN: Final = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/-]+=*)")
_GS2: Final = re.compile(rb"(?:[ny]|(p=[^,]*)),(?:a=([^,]*))?,")


class _OAuth(TokenMechanism):
    """What the two have in common."""

    properties: ClassVar[frozenset[str]] = frozenset({"plaintext"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._login = ""
        self._refusal: Refuse | None = None

    def first(self) -> Step:
        return Challenge(b"")

    def take(self, data: bytes) -> Step:
        if self._refusal is not None:
            return self._refusal
        self._login, fields = self.parse(data)
        found = _TOKEN.fullmatch(fields.get("auth", ""))
        if found is None:
            raise BadResponse("invalid input: no bearer token")
        return CheckToken(self._login, found[1])

    @abstractmethod
    def parse(self, data: bytes) -> tuple[str, dict[str, str]]:
        """Return the login, empty where it is left to the token, and the fields; raises BadResponse."""

    def refuse(self, reason: str) -> Step:
        self._refusal = Refuse(reason, self._login)
        return Challenge(json.dumps(self.describe_error(), separators=(",", ":")).encode())

    @abstractmethod
    def describe_error(self) -> dict[str, str]:
        """Return what the client is told."""


class OAuthBearer(_OAuth):
    """OAUTHBEARER."""

    name: ClassVar[str] = "OAUTHBEARER"

    def parse(self, data: bytes) -> tuple[str, dict[str, str]]:
        header, _, rest = data.partition(b"\x01")
        found = _GS2.fullmatch(header)
        if found is None:
            raise BadResponse("invalid input")
        if found[1]:
            raise BadResponse("Channel binding not supported")
        login = (found[2] or b"").replace(b"=2C", b",").replace(b"=3D", b"=")
        return (decode_login(login) if login else ""), _fields(rest)

    def describe_error(self) -> dict[str, str]:
        told = {"status": "invalid_token"}
        if self._scene.scope:
            told["scope"] = self._scene.scope
        if self._scene.configuration_url:
            told["openid-configuration"] = self._scene.configuration_url
        return told


class XOAuth2(_OAuth):
    """XOAUTH2, as Google and Microsoft have it."""

    name: ClassVar[str] = "XOAUTH2"

    def parse(self, data: bytes) -> tuple[str, dict[str, str]]:
        fields = _fields(data)
        return decode_login(fields.get("user", "").encode()), fields

    def describe_error(self) -> dict[str, str]:
        return {"status": "401", "schemes": "bearer", "scope": self._scene.scope or "mail"}


def _fields(data: bytes) -> dict[str, str]:
    """Return name=value fields, each of which ends with ^A, as does the whole; raises BadResponse."""
    if not data.endswith(b"\x01\x01"):
        raise BadResponse("invalid input: unfinished")
    try:
        items = data[:-2].decode().split("\x01")
    except UnicodeDecodeError:
        raise BadResponse("invalid input: not UTF-8") from None
    return {name: value for name, _, value in (item.partition("=") for item in items)}

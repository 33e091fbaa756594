"""CRAM-MD5 (RFC 2195) and POP3's APOP (RFC 1939 section 7): proof of the password by a digest of a challenge."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import ClassVar, Final

from pyfix.proto.sasl.keys import CramKey, Key, PlainKey
from pyfix.proto.sasl.mechanism import BadResponse, KeyMechanism, Scene, decode_login
from pyfix.proto.sasl.steps import Accept, Challenge, FetchKeys, Refuse, Step

_HEX: Final = re.compile(rb"[0-9a-f]{32}")


class CramMd5(KeyMechanism):
    """CRAM-MD5: HMAC of a challenge; needs {PLAIN} or {CRAM-MD5}."""

    name: ClassVar[str] = "CRAM-MD5"
    properties: ClassVar[frozenset[str]] = frozenset({"dictionary", "active"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._challenge = f"<{scene.nonce}.{scene.now}@{scene.hostname}>".encode()
        self._login = ""
        self._digest = b""

    def begin(self, initial: bytes | None) -> Step:
        """The server speaks first: a response without a challenge is none."""
        return Refuse("invalid input: a response before the challenge") if initial else self.first()

    def first(self) -> Step:
        return Challenge(self._challenge)

    def take(self, data: bytes) -> Step:
        login, blank, digest = data.rpartition(b" ")
        if not blank or not _HEX.fullmatch(digest):
            raise BadResponse("missing digest")
        self._login, self._digest = decode_login(login), bytes.fromhex(digest.decode())
        return FetchKeys(self._login)

    def use(self, keys: Sequence[Key | None]) -> Step:
        signers = [
            (at, CramKey.of(key.password) if isinstance(key, PlainKey) else key)
            for at, key in enumerate(keys)
            if isinstance(key, (PlainKey, CramKey))
        ]
        for at, signer in signers or [(-1, CramKey.of(self._scene.seed))]:
            if hmac.compare_digest(signer.sign(self._challenge), self._digest) and at >= 0:
                return Accept(self._login, "", at)
        reason = "Password mismatch" if signers else "no stored password that CRAM-MD5 could use (PLAIN, CRAM-MD5)"
        return Refuse(reason, self._login)


class Apop(KeyMechanism):
    """APOP: the client has the challenge from the greeting of the POP3 server, and sends all at once; needs {PLAIN}.

    Response: challenge NUL login NUL 16 bytes of MD5. Who relays it must have made the challenge itself, for one use.
    """

    name: ClassVar[str] = "APOP"
    properties: ClassVar[frozenset[str]] = frozenset({"private", "dictionary", "active"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._challenge = self._digest = b""
        self._login = ""

    def first(self) -> Step:
        return Refuse("invalid input: no response")

    def take(self, data: bytes) -> Step:
        challenge, login, digest = [*data.split(b"\0", 2), b"", b""][:3]
        if not challenge or len(digest) != 16:
            raise BadResponse("invalid input")
        self._challenge, self._login, self._digest = challenge, decode_login(login), digest
        return FetchKeys(self._login)

    def use(self, keys: Sequence[Key | None]) -> Step:
        plain = [(at, key.password) for at, key in enumerate(keys) if isinstance(key, PlainKey)]
        for at, password in plain or [(-1, self._scene.seed)]:
            digest = hashlib.md5(self._challenge + password, usedforsecurity=False).digest()
            if hmac.compare_digest(digest, self._digest) and at >= 0:
                return Accept(self._login, "", at)
        reason = "Password mismatch" if plain else "no stored password that APOP could use (PLAIN)"
        return Refuse(reason, self._login)

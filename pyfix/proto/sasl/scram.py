"""SCRAM-SHA-1 (RFC 5802) and SCRAM-SHA-256 (RFC 7677): both sides prove that they know the password.

    C: n,,n=login,r=nonce                        S: r=nonce nonce,s=salt,i=rounds
    C: c=biws,r=nonce nonce,p=proof              S: v=signature

Needs {PLAIN}, or a password stored for the same mechanism. Channel binding is not offered: who insists on it is
refused. The salt comes before the proof, so a login with several passwords can use the first that will do, and one
that is nobody's gets a salt, too: always the same, and at the same cost.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import ClassVar, Final

from pyfix.proto.sasl.keys import Key, PlainKey, ScramKeys, prepare
from pyfix.proto.sasl.mechanism import BadResponse, KeyMechanism, Scene, decode_login
from pyfix.proto.sasl.steps import Accept, Challenge, FetchKeys, Refuse, Step

_FIRST: Final = re.compile(
    rb"((?:([ny])|p=[A-Za-z0-9.-]+),(?:a=([^,\0]+))?,)(n=([^,\0]+),r=([!-+\--~]{1,512})(?:,.*)?)"
)
_FINAL: Final = re.compile(rb"(c=([A-Za-z0-9/+=]+),r=([!-+\--~]+)(?:,.*)?),p=([A-Za-z0-9/+=]+)")
_SALT_BYTES: Final = 16


class Scram(KeyMechanism):
    """What the two have in common."""

    algorithm: ClassVar[str]
    properties: ClassVar[frozenset[str]] = frozenset({"mutual-auth"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._login = self._authorize = ""
        self._header = self._first = self._server_first = self._nonce = b""
        self._keys: ScramKeys | None = None
        self._key = -1
        """Which of the login's; -1: none."""

    def first(self) -> Step:
        return Challenge(b"")

    def take(self, data: bytes) -> Step:
        return self._take_first(data) if self._keys is None else self._take_final(data, self._keys)

    def _take_first(self, data: bytes) -> Step:
        found = _FIRST.fullmatch(data)
        if found is None:
            raise BadResponse("invalid input")
        if found[2] is None:
            raise BadResponse("Channel binding not supported")
        self._header, self._first = found[1], found[4]
        self._nonce = found[6] + self._scene.nonce.encode()
        self._authorize = _decode_name(found[3]) if found[3] else ""
        self._login = _decode_name(found[5])
        return FetchKeys(self._login, self._authorize)

    def use(self, keys: Sequence[Key | None]) -> Step:
        self._keys = self._choose(keys)
        self._server_first = b"r=%s,s=%s,i=%d" % (self._nonce, base64.b64encode(self._keys.salt), self._keys.rounds)
        return Challenge(self._server_first)

    def _choose(self, keys: Sequence[Key | None]) -> ScramKeys:
        """Return the keys to go on with; deriving keys, which takes time, happens once in any case."""
        for at, key in enumerate(keys):
            if isinstance(key, PlainKey):
                self._key = at
                return self._derive(key.password)
            if isinstance(key, ScramKeys) and key.algorithm == self.algorithm:
                self._key = at
                self._derive(b"")
                return key
        self._derive(b"")
        return self._make_up()

    def _make_up(self) -> ScramKeys:
        """Return keys that nobody knows a password for."""
        unknown = hmac.digest(self._scene.seed, b"key " + self._login.encode(), self.algorithm)
        return ScramKeys(self.algorithm, self._scene.rounds, self._salt(), unknown, unknown)

    def _derive(self, password: bytes) -> ScramKeys:
        return ScramKeys.of(self.algorithm, password, self._scene.rounds, self._salt())

    def _salt(self) -> bytes:
        return hmac.digest(self._scene.seed, b"salt " + self._login.casefold().encode(), "sha256")[:_SALT_BYTES]

    def _take_final(self, data: bytes, keys: ScramKeys) -> Step:
        found = _FINAL.fullmatch(data)
        if found is None:
            return Refuse("invalid input", self._login)
        if _decode64(found[2]) != self._header:
            return Refuse("Invalid channel binding data", self._login)
        if found[3] != self._nonce:
            return Refuse("Wrong nonce", self._login)
        message = b",".join((self._first, self._server_first, found[1]))
        if not self._is_proof(_decode64(found[4]), message, keys) or self._key < 0:
            reason = f"no stored password that {self.name} could use (PLAIN, {self.name})"
            return Refuse(reason if self._key < 0 else "Password mismatch", self._login)
        signature = hmac.digest(keys.server_key, message, self.algorithm)
        return Accept(self._login, self._authorize, self._key, b"v=" + base64.b64encode(signature))

    def _is_proof(self, proof: bytes, message: bytes, keys: ScramKeys) -> bool:
        signature = hmac.digest(keys.stored_key, message, self.algorithm)
        if len(proof) != len(signature):
            return False
        client_key = bytes(left ^ right for left, right in zip(proof, signature, strict=True))
        return hmac.compare_digest(hashlib.new(self.algorithm, client_key).digest(), keys.stored_key)


class ScramSha256(Scram):
    """SCRAM-SHA-256."""

    name: ClassVar[str] = "SCRAM-SHA-256"
    algorithm: ClassVar[str] = "sha256"


class ScramSha1(Scram):
    """SCRAM-SHA-1."""

    name: ClassVar[str] = "SCRAM-SHA-1"
    algorithm: ClassVar[str] = "sha1"


def _decode_name(data: bytes) -> str:
    """Return a name, in which comma and equals sign are escaped."""
    if re.search(rb"=(?!2C|3D)", data):
        raise BadResponse("invalid input: a broken escape in the login")
    plain = data.replace(b"=2C", b",").replace(b"=3D", b"=")
    return decode_login(prepare(plain))


def _decode64(data: bytes) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error):
        return b""

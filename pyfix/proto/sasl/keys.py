"""What a server may know of a password, and what is computed from it.

See: RFC 5802 section 3 (SCRAM), RFC 2195 section 2 (CRAM-MD5), RFC 4013 (SASLprep).
"""

from __future__ import annotations

import hashlib
import hmac
import stringprep
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from pyfix.proto.sasl.md5_state import BLOCK, md5_from, md5_state

ROUNDS: Final = 20_000
"""Of SCRAM, where nothing is stored that says how many."""
_OUTER: Final = 0x5C
_INNER: Final = 0x36


@dataclass(frozen=True, slots=True)
class PlainKey:
    """The password itself."""

    password: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CramKey:
    """The states of MD5 behind the two pads of HMAC, as {CRAM-MD5} has them."""

    outer: bytes = field(repr=False)
    inner: bytes = field(repr=False)

    @classmethod
    def of(cls, password: bytes) -> CramKey:
        """Return the key of a password."""
        key = hashlib.md5(password, usedforsecurity=False).digest() if len(password) > BLOCK else password
        key = key.ljust(BLOCK, b"\0")
        outer, inner = (md5_state(bytes(byte ^ pad for byte in key)) for pad in (_OUTER, _INNER))
        return cls(outer, inner)

    def sign(self, challenge: bytes) -> bytes:
        """Return HMAC-MD5 of a challenge with the password as its key."""
        return md5_from(self.outer, BLOCK, md5_from(self.inner, BLOCK, challenge))


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What a server keeps for SCRAM."""

    algorithm: str
    """sha1 or sha256."""
    rounds: int
    salt: bytes
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    @classmethod
    def of(cls, algorithm: str, password: bytes, rounds: int, salt: bytes) -> ScramKeys:
        """Return the keys of a password."""
        salted = hashlib.pbkdf2_hmac(algorithm, prepare(password), salt, rounds)
        client_key = hmac.digest(salted, b"Client Key", algorithm)
        stored_key = hashlib.new(algorithm, client_key).digest()
        return cls(algorithm, rounds, salt, stored_key, hmac.digest(salted, b"Server Key", algorithm))


Key = PlainKey | CramKey | ScramKeys


def prepare(password: bytes) -> bytes:
    """Return a password as SASLprep (RFC 4013) has it, or as it is where that forbids it."""
    try:
        text = password.decode()
    except UnicodeDecodeError:
        return password
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char)
    )
    return unicodedata.ucd_3_2_0.normalize("NFKC", mapped).encode()

"""Stored passwords that are keys of a login mechanism, and PBKDF2.

    {SCRAM-SHA-256}4096,salt,StoredKey,ServerKey      RFC 5802, RFC 7677; base64
    {CRAM-MD5}64 hexadecimal digits                   RFC 2195: the states of MD5 behind the outer and inner pad
    {DIGEST-MD5}32 hexadecimal digits                 RFC 2831: of user:realm:password
    {PBKDF2}$1$salt$rounds$40 hexadecimal digits      RFC 8018, with SHA-1

See: Dovecot's "Password Schemes".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from typing import Final

from pyfix.mail.passwords.digests import decode_digest
from pyfix.mail.passwords.stored import Stored, UnusableHash
from pyfix.proto.sasl.keys import ROUNDS, CramKey, Key, PlainKey, ScramKeys

KEYS: Final = ("SCRAM-SHA-1", "SCRAM-SHA-256", "CRAM-MD5", "DIGEST-MD5", "PBKDF2")
_MOST_ROUNDS: Final = 1_000_000
_PBKDF2_ROUNDS: Final = 200_000
_SALT_BYTES: Final = 16
_SCRAM: Final = re.compile(r"([0-9]{1,9}),([^,]{1,256}),([^,]{1,128}),([^,]{1,128})")
_PBKDF2: Final = re.compile(r"\$1\$([^$]{1,128})\$([0-9]{1,9})\$([0-9a-fA-F]{40})")


def verify_key(password: bytes, stored: Stored, user: str) -> bool:
    """Return whether the password is right; raises UnusableHash."""
    match stored.scheme:
        case "CRAM-MD5":
            return hmac.compare_digest(decode_digest(stored, 32), _cram_state(password))
        case "DIGEST-MD5":
            return hmac.compare_digest(decode_digest(stored, 16), _digest_md5(password, user))
        case "PBKDF2":
            return _verify_pbkdf2(password, stored.text)
        case scheme:
            keys = parse_scram(scheme, stored.text)
            made = ScramKeys.of(keys.algorithm, password, keys.rounds, keys.salt)
            return hmac.compare_digest(keys.stored_key, made.stored_key)


def hash_key(scheme: str, password: bytes) -> str:
    """Return a new text of any of the schemes but DIGEST-MD5, which changes with the user's name."""
    if scheme == "CRAM-MD5":
        return _cram_state(password).hex()
    salt = os.urandom(_SALT_BYTES)
    if scheme == "PBKDF2":
        text = salt.hex()
        return f"$1${text}${_PBKDF2_ROUNDS}${_pbkdf2('sha1', password, text.encode(), _PBKDF2_ROUNDS).hex()}"
    keys = ScramKeys.of(_algorithm(scheme), password, ROUNDS, salt)
    parts = (salt, keys.stored_key, keys.server_key)
    return ",".join((str(keys.rounds), *(base64.b64encode(part).decode() for part in parts)))


def parse_scram(scheme: str, text: str) -> ScramKeys:
    """Return the keys in a stored password; raises UnusableHash."""
    found = _SCRAM.fullmatch(text)
    if found is None:
        raise UnusableHash(f"broken {scheme} text in a stored password")
    try:
        salt, stored_key, server_key = (base64.b64decode(part, validate=True) for part in found.groups()[1:])
    except (ValueError, binascii.Error):
        raise UnusableHash(f"broken {scheme} text in a stored password") from None
    return ScramKeys(_algorithm(scheme), _checked_rounds(scheme, found[1]), salt, stored_key, server_key)


def _checked_rounds(scheme: str, text: str) -> int:
    rounds = int(text)
    if not 1 <= rounds <= _MOST_ROUNDS:
        raise UnusableHash(
            f"{scheme} text in a stored password asks for {rounds} rounds; at most {_MOST_ROUNDS} are made"
        )
    return rounds


def _algorithm(scheme: str) -> str:
    """Return the hash function of SCRAM-SHA-1 or SCRAM-SHA-256."""
    return scheme.removeprefix("SCRAM-").replace("-", "").lower()


def _pbkdf2(algorithm: str, password: bytes, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac(algorithm, password, salt, rounds)


def _verify_pbkdf2(password: bytes, text: str) -> bool:
    found = _PBKDF2.fullmatch(text)
    if found is None:
        raise UnusableHash("broken PBKDF2 text in a stored password")
    rounds = _checked_rounds("PBKDF2", found[2])
    salt = found[1].encode("utf-8", "surrogateescape")
    return hmac.compare_digest(bytes.fromhex(found[3]), _pbkdf2("sha1", password, salt, rounds))


def _cram_state(password: bytes) -> bytes:
    key = CramKey.of(password)
    return key.outer + key.inner


def login_key(stored: Stored) -> Key | None:
    """Return what mechanisms that send no password can compute with, None where there is nothing of the kind; raises
    UnusableHash."""
    match stored.scheme:
        case "PLAIN":
            return PlainKey(stored.text.encode("utf-8", "surrogateescape"))
        case "CRAM-MD5":
            states = decode_digest(stored, 32)
            return CramKey(states[:16], states[16:])
        case "SCRAM-SHA-1" | "SCRAM-SHA-256":
            return parse_scram(stored.scheme, stored.text)
    return None


def _digest_md5(password: bytes, user: str) -> bytes:
    """Return the digest; the realm is what is behind the last @."""
    name, _, realm = user.rpartition("@") if "@" in user else (user, "", "")
    data = b":".join((name.encode("utf-8", "surrogateescape"), realm.encode("utf-8", "surrogateescape"), password))
    return hashlib.md5(data, usedforsecurity=False).digest()

"""Verify and make stored passwords: which code computes which scheme."""

from __future__ import annotations

from typing import Final

from pyfix.mail.passwords.crypts import CRYPTS, hash_crypt, verify_crypt
from pyfix.mail.passwords.digests import DIGESTS, hash_digest, verify_digest, verify_plain
from pyfix.mail.passwords.keys import KEYS, hash_key, verify_key
from pyfix.mail.passwords.stored import Stored, UnusableHash, parse_stored
from pyfix.mail.passwords.system_crypt import SYSTEM_CRYPTS, verify_system_crypt

SCHEMES: Final = ("PLAIN", *DIGESTS, *KEYS, *CRYPTS, *SYSTEM_CRYPTS)
"""All that are verified, by their one name."""
LONGEST_PASSWORD: Final = 1024
"""In bytes: hashing more would cost whoever is asked more than whoever asks."""
_BARE: Final = frozenset({"BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "MD5-CRYPT"})
"""Written without a prefix: every program that reads crypt(3) knows them by their $."""


class PasswordRefused(Exception):
    """The password can't be a new one; the text says why."""


def verify_password(password: bytes, stored: str, *, default_scheme: str = "CRYPT", user: str = "") -> bool:
    """Return whether the password is the stored one; raises UnusableHash.

    An empty stored password is nobody's. user: the login, which is a part of a DIGEST-MD5 text.
    """
    if not stored:
        return False
    parsed = parse_stored(stored, default_scheme)
    if parsed.scheme not in SCHEMES:
        raise UnusableHash(f"unknown scheme {{{parsed.scheme}}} of a stored password; known are {' '.join(SCHEMES)}")
    if not password or len(password) > LONGEST_PASSWORD or b"\0" in password:
        return False
    return _verify(password, parsed, user)


def _verify(password: bytes, stored: Stored, user: str) -> bool:
    if stored.scheme == "PLAIN":
        return verify_plain(password, stored)
    if stored.scheme in DIGESTS:
        return verify_digest(password, stored)
    if stored.scheme in KEYS:
        return verify_key(password, stored, user)
    if stored.scheme in SYSTEM_CRYPTS:
        return verify_system_crypt(stored.scheme, password, stored.text)
    return verify_crypt(stored.scheme, password, stored.text)


def hash_password(password: bytes, scheme: str) -> str:
    """Return what to store for a new password; raises PasswordRefused. scheme: one of WRITTEN in params.py."""
    if not password:
        raise PasswordRefused("an empty password")
    if len(password) > LONGEST_PASSWORD:
        raise PasswordRefused(f"a password of {len(password)} bytes; the longest that is taken has {LONGEST_PASSWORD}")
    if any(byte in password for byte in b"\0\r\n"):
        raise PasswordRefused("a password with a line end or NUL in it")
    try:
        text = _hash(scheme, password)
    except ValueError as error:
        raise PasswordRefused(str(error)) from error
    return text if scheme in _BARE else f"{{{scheme}}}{text}"


def _hash(scheme: str, password: bytes) -> str:
    if scheme == "PLAIN":
        return password.decode()
    if scheme in DIGESTS:
        return hash_digest(scheme, password)
    return hash_key(scheme, password) if scheme in KEYS else hash_crypt(scheme, password)

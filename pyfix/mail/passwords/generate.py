"""Passwords that nobody has to think of, and nobody guesses."""

from __future__ import annotations

import base64
import secrets
from typing import Final

from pyfix.mail.passwords.schemes import hash_password

_BYTES: Final = 15
_GROUP: Final = 6
_SCHEME: Final = "SSHA512"
"""Nobody guesses 120 bits: the hash need not be slow, and an account with ten of them makes no login slow."""


def generate_password() -> str:
    """Return a new password of 120 random bits, in groups of letters and digits that are not easily mistaken."""
    text = base64.b32encode(secrets.token_bytes(_BYTES)).decode().lower()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def hash_generated(password: str) -> str:
    """Return what to store for a password that was generated."""
    return hash_password(password.encode(), _SCHEME)

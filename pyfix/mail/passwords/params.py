"""Parameters of stored passwords: the forms that are written and read."""

from __future__ import annotations

from typing import Final

from pyfix.mail.config import Boolean, Choice, ParameterSet

WRITTEN: Final = (
    "ARGON2ID", "BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "PBKDF2", "SCRAM-SHA-256", "SCRAM-SHA-1", "SSHA512",
    "SSHA256", "SSHA", "CRAM-MD5", "MD5-CRYPT", "PLAIN",
)  # fmt: skip
"""Schemes of new passwords, good ones first."""
ASSUMED: Final = (
    "CRYPT", "PLAIN", "CLEARTEXT", "MD5", "MD5CRYPT", "PLAIN-MD5", "LDAP-MD5", "SHA", "SHA1", "SHA256", "SHA512",
)  # fmt: skip
"""Schemes of stored passwords that other programs write without a prefix."""


class PasswordParameters(ParameterSet):
    """How passwords are stored."""

    password_scheme = Choice("ARGON2ID", WRITTEN, "The scheme of new passwords; other programs must know it, too.")
    password_default_scheme = Choice(
        "CRYPT", ASSUMED, "The scheme of stored passwords that neither begin with $ nor with {SCHEME}."
    )
    password_rehash = Boolean("no", "Store a password under password_scheme when somebody logs in with it.")

"""Stored passwords: making and verifying them, in every form that mail servers write.

    stored = hash_password(b"secret", "ARGON2ID")           {ARGON2ID}$argon2id$v=19$m=65536,...
    verify_password(b"secret", stored, user="a@b.test")     True

A stored password is {SCHEME}text as in Dovecot and LDAP, or a text of crypt(3) as it stands in shadow(5), or a text of
the scheme that the caller says. stored.py finds the scheme, schemes.py has the table of them; crypts.py, digests.py and
keys.py compute. Pure: no files, no accounts. What a hostile row could cost is bounded: see each scheme's limits.
"""

from pyfix.mail.passwords.generate import generate_password, hash_generated
from pyfix.mail.passwords.keys import login_key
from pyfix.mail.passwords.params import PasswordParameters
from pyfix.mail.passwords.schemes import (
    LONGEST_PASSWORD,
    SCHEMES,
    PasswordRefused,
    hash_password,
    verify_password,
)
from pyfix.mail.passwords.stored import Stored, UnusableHash, parse_stored

__all__ = [
    "LONGEST_PASSWORD",
    "SCHEMES",
    "PasswordParameters",
    "PasswordRefused",
    "Stored",
    "UnusableHash",
    "generate_password",
    "hash_generated",
    "hash_password",
    "login_key",
    "parse_stored",
    "verify_password",
]

"""Plain and salted digests, and the password as it is.

Verified for the sake of accounts that other programs have made. A text is in hexadecimal or base64; where the prefix
does not say which, its length does.
See: RFC 2307 section 5.3, Dovecot's "Password Schemes".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Final

from pyfix.mail.passwords.stored import Stored, UnusableHash, decode_bytes

_SALT_BYTES: Final = 16
_ALGORITHMS: Final = {
    "PLAIN-MD5": "md5",
    "LDAP-MD5": "md5",
    "SHA": "sha1",
    "SHA256": "sha256",
    "SHA512": "sha512",
    "SMD5": "md5",
    "SSHA": "sha1",
    "SSHA256": "sha256",
    "SSHA512": "sha512",
}
_SALTED: Final = frozenset({"SMD5", "SSHA", "SSHA256", "SSHA512"})
DIGESTS: Final = tuple(_ALGORITHMS)


def decode_digest(stored: Stored, size: int) -> bytes:
    """Return the bytes of a digest and of the salt behind it; raises UnusableHash.

    size: of the digest. Without a salt the length tells hexadecimal digits; behind a salt they need a prefix.
    """
    is_hex = len(stored.text) == 2 * size and stored.scheme not in _SALTED
    data = decode_bytes(stored.scheme, stored.text, stored.encoding or ("HEX" if is_hex else "BASE64"))
    if len(data) < size or (len(data) > size and stored.scheme not in _SALTED):
        raise UnusableHash(f"{stored.scheme} text of a wrong length in a stored password")
    return data


def verify_digest(password: bytes, stored: Stored) -> bool:
    """Return whether the password is right; raises UnusableHash."""
    algorithm = _ALGORITHMS[stored.scheme]
    size = hashlib.new(algorithm, usedforsecurity=False).digest_size
    data = decode_digest(stored, size)
    digest, salt = data[:size], data[size:]
    return hmac.compare_digest(digest, _digest(algorithm, password + salt))


def hash_digest(scheme: str, password: bytes) -> str:
    """Return a new text of a salted scheme."""
    salt = os.urandom(_SALT_BYTES)
    return base64.b64encode(_digest(_ALGORITHMS[scheme], password + salt) + salt).decode()


def verify_plain(password: bytes, stored: Stored) -> bool:
    """Return whether the password is the stored one."""
    return hmac.compare_digest(stored.text.encode("utf-8", "surrogateescape"), password)


def _digest(algorithm: str, data: bytes) -> bytes:
    return hashlib.new(algorithm, data, usedforsecurity=False).digest()

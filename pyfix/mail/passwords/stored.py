"""Which scheme a stored password has, and how its text is encoded.

    {SCHEME}text   {SCHEME.HEX}text   {SCHEME.B64}text   $id$...   text

A text that begins with $ names its own scheme, as in crypt(3), whatever scheme is the default; {MD5} holds either such
a text or a plain digest. ExtMail writes md5-crypt without its $1$ where the scheme says it already.
See: Dovecot's "Password Schemes"; ExtMan's README for the names CLEARTEXT, MD5CRYPT, SHA1.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config.errors import one_line

_LONGEST: Final = 4096
_PREFIX: Final = re.compile(r"\{([A-Za-z0-9-]{1,32})(?:\.([A-Za-z0-9]{1,8}))?\}(.*)", re.DOTALL)
_CRYPT_IDS: Final = {
    "1": "MD5-CRYPT",
    "5": "SHA256-CRYPT",
    "6": "SHA512-CRYPT",
    "2a": "BLF-CRYPT",
    "2b": "BLF-CRYPT",
    "2x": "BLF-CRYPT",
    "2y": "BLF-CRYPT",
    "argon2i": "ARGON2I",
    "argon2id": "ARGON2ID",
    "apr1": "APR-MD5",
    "y": "YESCRYPT",
}
"""What stands between the first two $ of a text of crypt(3)."""
_CRYPT_SCHEMES: Final = frozenset({"CRYPT", *_CRYPT_IDS.values()})
_ALIASES: Final = {
    "CLEAR": "PLAIN",
    "CLEARTEXT": "PLAIN",
    "HMAC-MD5": "CRAM-MD5",
    "MD5CRYPT": "MD5-CRYPT",
    "SHA1": "SHA",
}
_BINARY: Final = frozenset(
    {
        "PLAIN-MD5", "LDAP-MD5", "SHA", "SHA256", "SHA512", "SMD5", "SSHA", "SSHA256", "SSHA512", "CRAM-MD5",
        "DIGEST-MD5",
    }
)  # fmt: skip
"""Schemes whose text encodes bytes; of the others it is text, which an encoding encodes once more."""
_ENCODINGS: Final = {"HEX": "HEX", "B64": "BASE64", "BASE64": "BASE64"}
_HEX_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{32}")
_BASE64_DIGEST: Final = re.compile(r"[A-Za-z0-9+/]{22}(?:==)?")


class UnusableHash(Exception):
    """The stored password can't be used: an unknown scheme, a broken text, or one that costs too much to verify."""

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored password, taken apart."""

    scheme: str
    """One name for each scheme, such as SHA for SHA1."""
    text: str
    encoding: str = ""
    """HEX or BASE64 where the prefix says so."""


def canonical_scheme(name: str) -> str:
    """Return the one name of a scheme that has several."""
    upper = name.upper()
    return _ALIASES.get(upper, upper)


def parse_stored(stored: str, default_scheme: str) -> Stored:
    """Take a stored password apart; default_scheme is for one that does not name its own. Raises UnusableHash."""
    if len(stored) > _LONGEST:
        raise UnusableHash(f"a stored password of {len(stored)} characters; the longest there is has {_LONGEST}")
    found = _PREFIX.fullmatch(stored)
    if found is None:
        return _settle(canonical_scheme(default_scheme) if not stored.startswith("$") else "CRYPT", stored, "")
    encoding = ""
    if found[2] is not None:
        encoding = _ENCODINGS.get(found[2].upper(), "")
        if not encoding:
            raise UnusableHash(f"unknown encoding .{found[2]} of a stored password; specify .HEX or .B64")
    scheme, text = canonical_scheme(found[1]), found[3]
    if encoding and scheme not in _BINARY:
        return _settle(scheme, _decoded_text(scheme, text, encoding), "")
    return _settle(scheme, text, encoding)


def decode_bytes(scheme: str, text: str, encoding: str) -> bytes:
    """Return the bytes of an encoded text; raises UnusableHash."""
    try:
        if encoding == "HEX":
            return bytes.fromhex(text)
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise UnusableHash(f"broken {scheme} text in a stored password") from None


def _decoded_text(scheme: str, text: str, encoding: str) -> str:
    return decode_bytes(scheme, text, encoding).decode("utf-8", "surrogateescape")


def _settle(scheme: str, text: str, encoding: str) -> Stored:
    """Return what a scheme and a text make together."""
    if scheme == "MD5":
        scheme = _kind_of_md5(text)
    if scheme == "MD5-CRYPT" and not text.startswith("$"):
        text = f"$1${text}"
    if scheme in _CRYPT_SCHEMES:
        scheme = _kind_of_crypt(scheme, text)
    return Stored(scheme, text, encoding)


def _kind_of_md5(text: str) -> str:
    if _HEX_DIGEST.fullmatch(text):
        return "PLAIN-MD5"
    return "LDAP-MD5" if _BASE64_DIGEST.fullmatch(text) else "MD5-CRYPT"


def _kind_of_crypt(scheme: str, text: str) -> str:
    if not text.startswith("$"):
        return "DES-CRYPT" if scheme == "CRYPT" else scheme
    name = text[1:].partition("$")[0]
    found = _CRYPT_IDS.get(name)
    if found is None:
        raise UnusableHash(f"unknown scheme ${name}$ of a stored password; known are {' '.join(sorted(_CRYPT_IDS))}")
    return found

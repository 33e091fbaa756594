"""Hashes of the kind of crypt(3), and Argon2: what passlib computes.

Limits: what a text asks for must not take more than about a second and 256 MiB, since whoever may write a row into
the accounts would otherwise stop the mail system with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from passlib import hash as handlers

from pyfix.mail.passwords.stored import UnusableHash

_MOST_ROUNDS: Final = 1_000_000
_MOST_BCRYPT_COST: Final = 14
_MOST_ARGON2_KIB: Final = 262_144
_MOST_ARGON2_WORK: Final = 2_097_152
"""KiB times passes."""
_MOST_ARGON2_LANES: Final = 64
_LONGEST_BCRYPT: Final = 72
_BCRYPT_DIGITS: Final = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_FORMS: Final = {
    "MD5-CRYPT": re.compile(r"\$1\$[^$:]{0,8}\$[./0-9A-Za-z]{22}"),
    "APR-MD5": re.compile(r"\$apr1\$[^$:]{0,8}\$[./0-9A-Za-z]{22}"),
    "SHA256-CRYPT": re.compile(r"\$5\$(?:rounds=([0-9]{1,9})\$)?[^$:]{0,16}\$[./0-9A-Za-z]{43}"),
    "SHA512-CRYPT": re.compile(r"\$6\$(?:rounds=([0-9]{1,9})\$)?[^$:]{0,16}\$[./0-9A-Za-z]{86}"),
    "BLF-CRYPT": re.compile(r"\$2[abxy]\$([0-9]{2})\$[./0-9A-Za-z]{53}"),
    "DES-CRYPT": re.compile(r"[./0-9A-Za-z]{13}"),
    "ARGON2I": re.compile(
        r"\$argon2i\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})\$[+/0-9A-Za-z]{11,86}\$[+/0-9A-Za-z]{16,172}"
    ),
    "ARGON2ID": re.compile(
        r"\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})\$[+/0-9A-Za-z]{11,86}\$[+/0-9A-Za-z]{16,172}"
    ),
}
_HANDLERS: Final[dict[str, Any]] = {
    "MD5-CRYPT": handlers.md5_crypt,
    "APR-MD5": handlers.apr_md5_crypt,
    "SHA256-CRYPT": handlers.sha256_crypt,
    "SHA512-CRYPT": handlers.sha512_crypt,
    "BLF-CRYPT": handlers.bcrypt,
    "DES-CRYPT": handlers.des_crypt,
    "ARGON2I": handlers.argon2.using(type="I"),
    "ARGON2ID": handlers.argon2.using(type="ID"),
}
CRYPTS: Final = tuple(_HANDLERS)


def verify_crypt(scheme: str, password: bytes, text: str) -> bool:
    """Return whether the password is right; raises UnusableHash."""
    found = _FORMS[scheme].fullmatch(text)
    if found is None:
        raise UnusableHash(f"broken {scheme} text in a stored password")
    _check_cost(scheme, [int(number) for number in found.groups() if number is not None])
    try:
        if scheme == "BLF-CRYPT":
            password, text = password[:_LONGEST_BCRYPT], _without_padding(text)
        return bool(_HANDLERS[scheme].verify(password, text))
    except (ValueError, TypeError) as error:
        raise UnusableHash(f"broken {scheme} text in a stored password: {error}") from error


def _without_padding(text: str) -> str:
    """Return a bcrypt text whose unused bits are clear: some programs have set them, and passlib warns of it."""
    salt_end, end = (_BCRYPT_DIGITS[_BCRYPT_DIGITS.index(text[at]) & mask] for at, mask in ((28, 0x30), (59, 0x3C)))
    return f"{text[:28]}{salt_end}{text[29:59]}{end}"


def hash_crypt(scheme: str, password: bytes) -> str:
    """Return a new text; raises ValueError for a password that the scheme would cut off."""
    if scheme == "BLF-CRYPT" and len(password) > _LONGEST_BCRYPT:
        raise ValueError(f"a {scheme} password has at most {_LONGEST_BCRYPT} bytes")
    hash_it: Callable[[bytes], str] = _HANDLERS[scheme].hash
    return hash_it(password)


def _check_cost(scheme: str, numbers: list[int]) -> None:
    match scheme, numbers:
        case (("SHA256-CRYPT" | "SHA512-CRYPT"), [rounds]):
            allowed = rounds <= _MOST_ROUNDS
        case "BLF-CRYPT", [cost]:
            allowed = cost <= _MOST_BCRYPT_COST
        case (("ARGON2I" | "ARGON2ID"), [memory, passes, lanes]):
            allowed = (
                memory <= _MOST_ARGON2_KIB and memory * passes <= _MOST_ARGON2_WORK and lanes <= _MOST_ARGON2_LANES
            )
        case _:
            allowed = True
    if not allowed:
        raise UnusableHash(f"{scheme} text in a stored password asks for too much work; set the password anew")

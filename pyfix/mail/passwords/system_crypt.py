"""The hashes of crypt(3) that only the system's own library computes: yescrypt, which shadow(5) has nowadays.

Limits: what a text asks for must not take more than 256 MiB; of what yescrypt can be told, only the forms that
passwd(1) and mkpasswd(1) write are taken.
See: crypt(5).
"""

from __future__ import annotations

import ctypes
import hmac
import re
from typing import Final

from pyfix.mail.passwords.stored import UnusableHash

_LIBRARIES: Final = ("libcrypt.so.1", "libcrypt.so.2")
_ROOM: Final = 32768
"""At least sizeof(struct crypt_data) of libxcrypt."""
_LONGEST: Final = 511
"""Bytes of a password that the library takes."""
_FORMS: Final = {
    "YESCRYPT": re.compile(r"\$y\$j(?:[7-8]5|95|A5|9T|[A-D]T)\$[./0-9A-Za-z]{1,86}\$[./0-9A-Za-z]{43}"),
}
SYSTEM_CRYPTS: Final = tuple(_FORMS)


def verify_system_crypt(scheme: str, password: bytes, text: str) -> bool:
    """Return whether the password is right; raises UnusableHash."""
    if _FORMS[scheme].fullmatch(text) is None:
        raise UnusableHash(f"broken or too costly {scheme} text in a stored password; set the password anew")
    if len(password) > _LONGEST:
        return False
    found = _crypt(password, text.encode())
    if found is None:
        raise UnusableHash(f"the system's crypt(3) does not know {scheme}; set the password anew")
    return hmac.compare_digest(found, text.encode())


def _crypt(password: bytes, setting: bytes) -> bytes | None:
    library = _load()
    if library is None:
        return None
    room = ctypes.create_string_buffer(_ROOM)
    library.crypt_rn.restype = ctypes.c_char_p
    found: bytes | None = library.crypt_rn(password, setting, room, ctypes.c_int(_ROOM))
    return found


def _load() -> ctypes.CDLL | None:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
            library.crypt_rn  # noqa: B018 - glibc's old library has none
        except (OSError, AttributeError):
            continue
        return library
    return None

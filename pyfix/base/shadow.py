"""The shadow passwords of Unix users, as the name service of the system knows them.

Python's own module for it is gone since 3.13. See: getspnam_r(3), shadow(5).
"""

from __future__ import annotations

import ctypes
import errno
import os
from dataclasses import dataclass, field
from typing import Final

_ROOM: Final = 16384


class _Spwd(ctypes.Structure):
    """struct spwd."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("password", ctypes.c_char_p),
        ("last_change", ctypes.c_long),
        ("minimum", ctypes.c_long),
        ("maximum", ctypes.c_long),
        ("warn", ctypes.c_long),
        ("inactive", ctypes.c_long),
        ("expires", ctypes.c_long),
        ("flag", ctypes.c_ulong),
    )


@dataclass(frozen=True, slots=True)
class ShadowEntry:
    """One line of shadow(5); days count from 1970-01-01, -1 stands for an empty field."""

    password: str = field(repr=False)
    last_change: int
    maximum: int
    inactive: int
    expires: int


_libc = ctypes.CDLL(None)


def find_shadow(name: str) -> ShadowEntry | None:
    """Return the entry of a user, or None; raises OSError when nobody could tell, or may not."""
    key = os.fsencode(name)
    if not key or b"\0" in key:
        return None
    entry, buffer, found = _Spwd(), ctypes.create_string_buffer(_ROOM), ctypes.c_void_p()
    code = _libc.getspnam_r(key, ctypes.byref(entry), buffer, ctypes.c_size_t(_ROOM), ctypes.byref(found))
    if code not in (0, errno.ENOENT):
        raise OSError(code, os.strerror(code))
    if not found:
        return None
    return ShadowEntry(
        os.fsdecode(entry.password or b""), entry.last_change, entry.maximum, entry.inactive, entry.expires
    )

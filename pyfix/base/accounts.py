"""Accounts, as the name service of the system knows them: nobody by that name, or nobody to ask, are two answers.

The modules pwd and grp say KeyError to both, and mail for everybody whom a directory server knows would be refused as
soon as that server is down. Here the C library is asked itself: its answer is 0 where all sources said no, and the
number of the error where one of them could not tell. Other threads run meanwhile.
See: getpwnam_r(3), getpwuid_r(3), getgrnam_r(3), nsswitch.conf(5).
"""

from __future__ import annotations

import ctypes
import errno
import grp
import os
import pwd
from collections.abc import Callable
from typing import Final, TypeVar

_ROOM: Final = 1024
_MOST_ROOM: Final = 16 * 1024 * 1024
"""For a group of a million members."""

_Text = ctypes.c_char_p


class _Passwd(ctypes.Structure):
    """struct passwd."""

    _fields_ = (
        ("name", _Text),
        ("password", _Text),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("gecos", _Text),
        ("home", _Text),
        ("shell", _Text),
    )


class _Group(ctypes.Structure):
    """struct group."""

    _fields_ = (
        ("name", _Text),
        ("password", _Text),
        ("gid", ctypes.c_uint32),
        ("members", ctypes.POINTER(_Text)),
    )


_libc = ctypes.CDLL(None)
_Entry = TypeVar("_Entry", _Passwd, _Group)
_Found = TypeVar("_Found")
_Question = Callable[..., int]


def find_user(name: str) -> pwd.struct_passwd | None:
    """Return the user of this name, or None; raise OSError when nobody could tell."""
    return _find(_libc.getpwnam_r, _name_key(name), _Passwd(), _read_user)


def find_group(name: str) -> grp.struct_group | None:
    """Return the group of this name, or None; raise OSError when nobody could tell."""
    return _find(_libc.getgrnam_r, _name_key(name), _Group(), _read_group)


def find_login_name(uid: int) -> str | None:
    """Return the login name of the user with this number, or None; raise OSError when nobody could tell."""
    user = _find(_libc.getpwuid_r, ctypes.c_uint32(uid), _Passwd(), _read_user)
    return None if user is None else user.pw_name


def shown_login_name(uid: int, unknown: str = "unknown") -> str:
    """Return the login name where it only says who that was: `unknown` also when nobody could tell."""
    try:
        return find_login_name(uid) or unknown
    except OSError:
        return unknown


def _name_key(name: str) -> bytes | None:
    """Return a name as the C library takes it, None for what can't be one."""
    try:
        key = os.fsencode(name)
    except UnicodeEncodeError:
        return None
    return key if key and b"\0" not in key else None


def _find(
    question: _Question, key: bytes | ctypes.c_uint32 | None, entry: _Entry, read: Callable[[_Entry], _Found]
) -> _Found | None:
    """Ask with more and more room, and read what the entry points to while that is there."""
    if key is None:
        return None
    room, code, found = _ROOM, errno.ERANGE, ctypes.c_void_p()
    while code == errno.ERANGE and room <= _MOST_ROOM:
        buffer = ctypes.create_string_buffer(room)
        code = question(key, ctypes.byref(entry), buffer, ctypes.c_size_t(room), ctypes.byref(found))
        room *= 4
    if code:
        raise OSError(code, os.strerror(code))
    return read(entry) if found else None


def _read_user(entry: _Passwd) -> pwd.struct_passwd:
    texts = [_text(value) for value in (entry.name, entry.password, entry.gecos, entry.home, entry.shell)]
    return pwd.struct_passwd((*texts[:2], entry.uid, entry.gid, *texts[2:]))


def _read_group(entry: _Group) -> grp.struct_group:
    members: list[str] = []
    while entry.members and (member := entry.members[len(members)]) is not None:
        members.append(_text(member))
    return grp.struct_group((_text(entry.name), _text(entry.password), entry.gid, members))


def _text(value: bytes | None) -> str:
    return os.fsdecode(value or b"")

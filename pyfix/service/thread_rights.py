"""Whose rights one thread has with files: those of a mailbox's owner, around each short operation.

Rights (rights.py) changes the whole process: the C library sees to it that all threads have the same effective ids. A
process that serves many users at once, some of them in threads, needs what Linux has for file servers: a user and group
id for file systems, and supplementary groups, of each thread. Capabilities that have to do with files go with them.

A thread begins with the rights of the one that makes it: start them, and give a pool work, outside of such a block.
Started by an ordinary user nothing changes. See: setfsuid(2), credentials(7), NFS and Samba.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

from pyfix.service.rights import RightsError

_SETGROUPS: Final = {
    "x86_64": 116, "aarch64": 159, "riscv64": 159, "loongarch64": 159, "ppc64le": 81, "ppc64": 81, "s390x": 206,
    "i386": 206, "i686": 206, "armv7l": 206, "armv6l": 206,
}  # fmt: skip
"""The system call that changes one thread; the C library's function of this name changes all of them."""
_ASK: Final = 2**32 - 1
"""No id: what is in force stays, and is returned."""


class ThreadRights:
    """What the threads of this process may become. Takes supplementary groups away from the whole process."""

    def __init__(self) -> None:
        self.can_switch: Final = os.getuid() == 0
        library = ctypes.CDLL(None, use_errno=True)
        self._syscall = library.syscall
        self._setgroups = _SETGROUPS.get(platform.machine(), 0)
        self.set_uid = library.setfsuid
        self.set_gid = library.setfsgid
        for function in (self.set_uid, self.set_gid):
            function.argtypes, function.restype = [ctypes.c_uint32], ctypes.c_uint32
        if self.can_switch:
            os.setgroups([])

    def as_user(self, uid: int, gid: int, groups: Sequence[int] = ()) -> AbstractContextManager[None]:
        """Return a block in which files are used with these ids, in this thread alone. Blocks do not nest.

        Entering it raises RightsError when that is not possible; nothing is done as root then.
        """
        if not self.can_switch:
            return contextlib.nullcontext()
        return _Block(self, uid, gid, tuple(groups) if groups and tuple(groups) != (gid,) else ())

    def set_groups(self, groups: Sequence[int]) -> None:
        """Set the supplementary groups of this thread; raises RightsError."""
        if not self._setgroups:
            raise RightsError(f"groups of a thread can't be set on {platform.machine()}")
        if self._syscall(self._setgroups, len(groups), (ctypes.c_uint32 * len(groups))(*groups)):
            raise RightsError(f"set groups: {os.strerror(ctypes.get_errno())}")


class _Block:
    """The rights of one user. Capabilities for files go and come with the user id."""

    __slots__ = ("_gid", "_groups", "_rights", "_uid")

    def __init__(self, rights: ThreadRights, uid: int, gid: int, groups: tuple[int, ...]) -> None:
        self._rights = rights
        self._uid = uid
        self._gid = gid
        self._groups = groups

    def __enter__(self) -> None:
        rights, uid, gid = self._rights, self._uid, self._gid
        if uid <= 0 or gid < 0:
            raise RightsError(f"user id {uid}, group id {gid}: not for a mailbox")
        if self._groups:
            rights.set_groups(self._groups)
        rights.set_gid(gid)
        rights.set_uid(uid)
        if rights.set_uid(_ASK) != uid or rights.set_gid(_ASK) != gid:
            self._restore()
            raise RightsError(f"set user id {uid}, group id {gid} for files: not permitted")

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _restore(self) -> None:
        rights = self._rights
        rights.set_uid(0)
        rights.set_gid(0)
        if self._groups:
            rights.set_groups(())

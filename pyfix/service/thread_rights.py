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
from collections.abc import Iterator, Sequence
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
    """What the threads of this process may become."""

    def __init__(self) -> None:
        self.can_switch: Final = os.getuid() == 0
        self._groups = os.getgroups() if self.can_switch else []
        self._library = ctypes.CDLL(None, use_errno=True)
        for function in (self._library.setfsuid, self._library.setfsgid):
            function.argtypes, function.restype = [ctypes.c_uint32], ctypes.c_uint32
        self._setgroups = _SETGROUPS.get(platform.machine(), 0)

    @contextlib.contextmanager
    def as_user(self, uid: int, gid: int, groups: Sequence[int] = ()) -> Iterator[None]:
        """Use files with these ids inside the block, in this thread alone. Blocks do not nest.

        Raises RightsError when that is not possible; nothing is done as root then.
        """
        if not self.can_switch:
            yield
            return
        if uid <= 0 or gid < 0:
            raise RightsError(f"user id {uid}, group id {gid}: not for a mailbox")
        try:
            self._switch(uid, gid, groups or (gid,))
            yield
        finally:
            self._switch(0, 0, self._groups)

    def _switch(self, uid: int, gid: int, groups: Sequence[int]) -> None:
        if not self._setgroups:
            raise RightsError(f"groups of a thread can't be set on {platform.machine()}")
        library = self._library
        if library.syscall(self._setgroups, len(groups), (ctypes.c_uint32 * len(groups))(*groups)):
            raise RightsError(f"set groups: {os.strerror(ctypes.get_errno())}")
        library.setfsgid(gid)
        library.setfsuid(uid)
        if library.setfsgid(_ASK) != gid or library.setfsuid(_ASK) != uid:
            raise RightsError(f"set user id {uid}, group id {gid} for files: not permitted")

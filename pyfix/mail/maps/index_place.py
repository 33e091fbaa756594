"""Where the index of a table is made, and how it gets to its place.

A new index is written to a scratch file beside the old one and renamed over it. What a build that was killed has left
is removed by the next one.
"""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import dataclass

from pyfix.base.atomic import sync_directory


def scratch(path: str) -> str:
    """Return the name of the file to write a new index to; there is none of that name."""
    name = f"{path}.new.{os.getpid()}"
    remove(name)
    _sweep(path)
    return name


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may do what with an index."""

    mode: int
    uid: int
    gid: int

    @classmethod
    def of_source(cls, status: os.stat_result) -> Rights:
        """Return those of a new index: its source's owner has it, and others read it if they may read the source."""
        return cls(0o600 | status.st_mode & 0o044, status.st_uid, status.st_gid)

    @classmethod
    def of_index(cls, status: os.stat_result) -> Rights:
        """Return those of an index that takes the place of another."""
        return cls(status.st_mode & 0o666, status.st_uid, status.st_gid)


def put_in_place(name: str, path: str, rights: Rights | None) -> None:
    """Rename a finished scratch file over the index; one that is there keeps its rights, a new one gets those given.

    None: mode 0644, and the owner is whoever builds it.
    """
    try:
        rights = Rights.of_index(os.stat(path))
    except FileNotFoundError:
        pass
    if rights is None:
        os.chmod(name, 0o644)
    else:
        _take_rights(name, rights)
    os.rename(name, path)
    sync_directory(os.path.dirname(path) or ".")


def _sweep(path: str) -> None:
    """Remove the scratch files of builds that were killed; those of a process that lives are its own."""
    folder, name = os.path.split(path)
    prefix = f"{name}.new."
    try:
        entries = os.listdir(folder or ".")
    except OSError:
        return
    for entry in entries:
        pid = entry.removeprefix(prefix)
        if entry.startswith(prefix) and pid.isascii() and pid.isdigit() and not _is_alive(int(pid)):
            try:
                os.unlink(os.path.join(folder, entry))
            except OSError:
                pass  # another build was faster, or it is not ours to remove


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def lock(path: str) -> int:
    """Return a descriptor of the index that is there, locked against other writers; raises OSError, NotAnIndex."""
    while True:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if _is_at(path, fd):
            return fd
        os.close(fd)  # another writer has put a new one in place while we waited


def _is_at(path: str, fd: int) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    mine = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _take_rights(path: str, rights: Rights) -> None:
    """Give the index its mode, and its owner where we may."""
    os.chmod(path, rights.mode)
    if os.geteuid() == 0:
        os.chown(path, rights.uid, rights.gid)


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    try:
        os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise

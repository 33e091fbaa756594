"""Count what is in a Maildir: names tell sizes where they can, stat(2) where they can't.

Nothing outside the Maildir is ever looked at: directories and files that are symbolic links do not count. A directory
that is not there, or is none, is empty; one that can't be read is an error, since what is in it is not known.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.mail.mailbox.quota.names import Scope, counts, size_in_name
from pyfix.mail.mailbox.quota.usage import Usage

OPEN_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_INBOX: Final = "."
Stamps = dict[str, tuple[int, int]]
"""Inode and time of change of each directory that was read."""


@dataclass(frozen=True, slots=True)
class Count:
    """What was found, and when the directories had changed last before they were read."""

    used: Usage
    stamps: Stamps


def count(root: int, scope: Scope) -> Count:
    """Count the Maildir whose directory is open as `root`. Raises OSError."""
    size = messages = 0
    stamps: Stamps = {}
    for path, fd in _directories(root, scope):
        stamps[path] = _stamp(fd)
        for found in _sizes(fd, scope):
            size += found
            messages += 1
    return Count(Usage(size, messages), stamps)


def read_stamps(root: int, scope: Scope) -> Stamps:
    """Return the stamps as they are now. Raises OSError."""
    return {path: _stamp(fd) for path, fd in _directories(root, scope)}


def _directories(root: int, scope: Scope) -> Iterator[tuple[str, int]]:
    """Yield new/ and cur/ of the inbox and of all folders that count, each open until the next one is asked for."""
    for folder in (_INBOX, *_folders(root, scope)):
        for name in ("new", "cur"):
            path = f"{folder}/{name}"
            fd = _open(root, folder, name)
            if fd >= 0:
                try:
                    yield path, fd
                finally:
                    os.close(fd)


def _folders(root: int, scope: Scope) -> list[str]:
    if scope.inbox_only:
        return []
    with os.scandir(root) as entries:
        return sorted(
            entry.name for entry in entries if scope.has_folder(entry.name) and entry.is_dir(follow_symlinks=False)
        )


def _open(root: int, folder: str, name: str) -> int:
    """Open new/ or cur/ of a folder without following a link; return -1 where there is none."""
    try:
        above = root if folder == _INBOX else os.open(folder, OPEN_DIRECTORY, dir_fd=root)
        try:
            return os.open(name, OPEN_DIRECTORY, dir_fd=above)
        finally:
            if above != root:
                os.close(above)
    except OSError as error:
        if error.errno in _NOT_THERE:
            return -1
        raise


def _stamp(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_ino, status.st_mtime_ns


def _sizes(fd: int, scope: Scope) -> Iterator[int]:
    """Yield the size of each message in an open directory; one that is removed meanwhile has none."""
    with os.scandir(fd) as entries:
        for entry in entries:
            if not counts(entry.name, scope) or not entry.is_file(follow_symlinks=False):
                continue
            size = size_in_name(entry.name)
            if size is None:
                try:
                    size = entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
            yield size

"""Change a configuration file in one step: a reader sees the old file or the new one, and no change is lost.

It works under an exclusive lock on FILE.tmp, the file that Postfix's own postconf locks, writes the new text there,
syncs it and renames it into place; a crash leaves one of the two files.
See: edit_main.py and edit_master.py for what is changed.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from pyfix.base.atomic import sync_directory, write_all
from pyfix.mail.config import lines
from pyfix.mail.config.errors import ConfigError


class HasText(Protocol):
    """What a change has made of a file."""

    @property
    def text(self) -> str:
        """The new content."""


E = TypeVar("E", bound=HasText)


def edit_file(path: str, edit: Callable[[str], E]) -> E:
    """Replace the text of a file by what `edit` makes of it, and return that; raises ConfigError."""
    path = os.path.realpath(path)
    temporary = f"{path}.tmp"
    try:
        descriptor = _open_locked(temporary)
        try:
            edited = edit(lines.read_file(path).decode("utf-8", "surrogateescape"))
            _replace(descriptor, temporary, path, edited.text.encode("utf-8", "surrogateescape"))
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigError(f"edit {path}: {error.strerror}; the file is unchanged") from None
    return edited


def _open_locked(temporary: str) -> int:
    """Open the temporary file and lock it; the one that has the name once the lock is ours."""
    while True:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _has_name(descriptor, temporary):
            return descriptor
        os.close(descriptor)


def _has_name(descriptor: int, path: str) -> bool:
    """Return whether the open file is still the one at path: the last holder of the lock may have renamed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _replace(descriptor: int, temporary: str, path: str, data: bytes) -> None:
    """Write data and give the file the name, mode and owner of the old one, all durable."""
    old = os.stat(path)
    os.ftruncate(descriptor, 0)
    write_all(descriptor, data)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fsync(descriptor)
    os.rename(temporary, path)
    sync_directory(os.path.dirname(path))

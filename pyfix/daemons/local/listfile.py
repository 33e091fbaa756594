"""Read a .forward or :include: file, with the rights in force, if it can be trusted.

A list decides where mail goes and what commands run: one that is no regular file, that strangers may write to, or that
somebody else owns is refused. All that is decided about a file, its owner before all, is taken from the open
descriptor: a name may lead elsewhere a moment later. A symbolic link is followed only in :include:, and only one that
root, the file's owner or the reader has made: anybody else would choose whose rights the commands in the file get, and
with that which file is taken for a list.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_SIZE_LIMIT = 16 * 1024 * 1024
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class ListFileError(Exception):
    """The file is not used; the text says why."""


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list that is open."""

    path: str
    fd: int
    status: os.stat_result

    @property
    def owner_uid(self) -> int:
        """Whose file it is."""
        return self.status.st_uid

    def check_same(self, other: ListFile) -> None:
        """Raise ListFileError unless both are one file."""
        if (self.status.st_dev, self.status.st_ino) != (other.status.st_dev, other.status.st_ino):
            raise ListFileError(f"file {self.path} was replaced while it was opened")

    def read(self) -> str:
        """Return the text, bytes that are no UTF-8 as surrogates; raises ListFileError."""
        data = b""
        try:
            while chunk := os.read(self.fd, _SIZE_LIMIT + 1 - len(data)):
                data += chunk
        except OSError as error:
            raise ListFileError(f"cannot read file {self.path}: {error.strerror}") from error
        if len(data) > _SIZE_LIMIT:
            raise ListFileError(f"file {self.path} is larger than {_SIZE_LIMIT} bytes")
        return data.decode("utf-8", "surrogateescape")


@contextmanager
def open_list(path: str, *, follow_links: bool, owners: Sequence[int] = ()) -> Iterator[ListFile]:
    """Open a list that one of `owners` owns (empty: anybody); raises ListFileError."""
    try:
        named = os.lstat(path)
        is_link = follow_links and stat.S_ISLNK(named.st_mode)
        if not is_link and not stat.S_ISREG(named.st_mode):
            raise ListFileError(f"file {path} is not a regular file")
        fd = os.open(path, _OPEN | (0 if is_link else os.O_NOFOLLOW))
    except OSError as error:
        raise ListFileError(f"cannot open file {path}: {error.strerror}") from error
    try:
        status = os.fstat(fd)
        _check(path, status, owners)
        if is_link and named.st_uid not in (0, status.st_uid, os.geteuid()):
            raise ListFileError(f"file {path} is a symbolic link with bad owner uid {named.st_uid}")
        yield ListFile(path, fd, status)
    finally:
        os.close(fd)


def read_list(path: str, *, follow_links: bool, owners: Sequence[int] = ()) -> str:
    """Return the text of a list; raises ListFileError."""
    with open_list(path, follow_links=follow_links, owners=owners) as file:
        return file.read()


def _check(path: str, status: os.stat_result, owners: Sequence[int]) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ListFileError(f"file {path} is not a regular file")
    if owners and status.st_uid not in owners:
        raise ListFileError(f"file {path} has bad owner uid {status.st_uid}")
    if status.st_mode & stat.S_IWOTH:
        raise ListFileError(f"file {path} is world writable")

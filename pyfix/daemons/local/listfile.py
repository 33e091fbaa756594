"""Read a .forward or :include: file, with the rights in force, if it can be trusted.

A list decides where mail goes and what commands run: one that is no regular file, that strangers may write to, or that
somebody else owns is refused. The checks are made on the open file, not on its name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

_SIZE_LIMIT = 16 * 1024 * 1024


class ListFileError(Exception):
    """The file is not used; the text says why."""


def read_list(path: str, *, follow_links: bool, owners: Sequence[int] = ()) -> str:
    """Return the text of a list that one of `owners` owns (empty: anybody); raises ListFileError."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | (0 if follow_links else os.O_NOFOLLOW)
    try:
        if not follow_links and not stat.S_ISREG(os.lstat(path).st_mode):
            raise ListFileError(f"file {path} is not a regular file")
        fd = os.open(path, flags)
    except OSError as error:
        raise ListFileError(f"cannot open file {path}: {error.strerror}") from error
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ListFileError(f"file {path} is not a regular file")
        if owners and status.st_uid not in owners:
            raise ListFileError(f"file {path} has bad owner uid {status.st_uid}")
        if status.st_mode & stat.S_IWOTH:
            raise ListFileError(f"file {path} is world writable")
        data = file.read(_SIZE_LIMIT + 1)
    if len(data) > _SIZE_LIMIT:
        raise ListFileError(f"file {path} is larger than {_SIZE_LIMIT} bytes")
    return data.decode("utf-8", "surrogateescape")

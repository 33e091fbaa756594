"""Look at what lies in a queue's directory and its subdirectories.

A file that vanishes while a scan runs was somebody else's work and is no error. A file or a directory that can't be
looked at (a bad sector, rights that somebody took away) is told of, and the scan goes on: it must not keep all other
mail waiting.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyfix.mail.queue.disk import Disk

OnError = Callable[[OSError], None]
"""Is told of what can't be looked at; the error bears the file's name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file that a scan found."""

    id: str
    mtime: float
    complete: bool
    size: int


def raise_error(error: OSError) -> None:
    """Be an OnError for those who would do nothing about it."""
    raise error


def scan_problem(name: str, error: OSError) -> str:
    """Return the warning about a part of queue `name`."""
    return f"scan queue {name}: {error.filename or name}: {error.strerror}"


def scan_directory(
    disk: Disk, directory: str, depth: int, is_wanted: Callable[[str], bool], on_error: OnError
) -> Iterator[tuple[str, Entry]]:
    """Yield path and entry of each regular file of a wanted name, down to `depth` levels of one-letter directories."""
    try:
        with disk.scandir(directory) as entries:
            for entry in entries:
                if len(entry.name) == 1 and depth:
                    yield from scan_directory(disk, entry.path, depth - 1, is_wanted, on_error)
                elif is_wanted(entry.name) and (found := _examine(entry, on_error)):
                    yield entry.path, found
    except FileNotFoundError:
        return
    except OSError as error:
        on_error(error)


def _examine(entry: os.DirEntry[str], on_error: OnError) -> Entry | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        on_error(error)
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Entry(entry.name, status.st_mtime, bool(status.st_mode & stat.S_IXUSR), status.st_size)

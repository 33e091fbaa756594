"""Files that are either the old or the new one, never half of each, also when the machine stops in between."""

from __future__ import annotations

import os


def write_file(path: str, data: bytes, mode: int = 0o644) -> None:
    """Replace the file: written beside it, synced, renamed. Raises OSError; nothing is left behind then."""
    folder = os.path.dirname(path) or "."
    temporary = os.path.join(folder, f".{os.path.basename(path)}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        try:
            write_all(fd, data)
            os.fchmod(fd, mode)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    sync_directory(folder)


def write_all(fd: int, data: bytes) -> None:
    """Write all of the data where the descriptor stands; raise OSError, with a part of it written perhaps."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

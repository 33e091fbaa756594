"""Put the files of a queue where they belong: after hash_queue_depth was changed, or a backup was restored.

A file in the wrong subdirectory moves to the right one. A short queue id whose inode number is not that of the file
could come a second time: such a file gets a new id, and its logs, which are found by that id, with it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

from pyfix.mail.queue import LOG_NAMES, Queue, ids


def repair(queue: Queue, name: str, on_error: Callable[[OSError], None]) -> Iterator[tuple[str, str]]:
    """Move files to where they belong; yield (old path, new path) of each that had to move.

    What can't be looked at stays where it is, after on_error was told.
    """
    for path in list(_files(name, on_error)):
        queue_id = os.path.basename(path)
        wanted = queue_id if name in LOG_NAMES else _fitting_id(path, queue_id)
        target = queue.path(name, wanted)
        if target == path or os.path.lexists(target):
            continue
        os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
        os.rename(path, target)
        yield path, target
        if wanted != queue_id:
            _rename_logs(queue, queue_id, wanted)


def _files(directory: str, on_error: Callable[[OSError], None]) -> Iterator[str]:
    for parent, _, names in os.walk(directory, onerror=on_error):
        for name in filter(ids.is_valid, names):
            try:
                is_file = stat.S_ISREG(os.lstat(f"{parent}/{name}").st_mode)
            except FileNotFoundError:
                continue  # delivered meanwhile
            except OSError as error:
                on_error(error)
                continue
            if is_file:
                yield f"{parent}/{name}"


def _fitting_id(path: str, queue_id: str) -> str:
    parts = ids.decode(queue_id)
    inode = os.lstat(path).st_ino
    if parts is None or parts.inode == inode:
        return queue_id
    nanoseconds = parts.microseconds * 1000
    if parts.seconds is None:
        return ids.encode_short(nanoseconds, inode)
    return ids.encode_long(parts.seconds * 1_000_000_000 + nanoseconds, inode)


def _rename_logs(queue: Queue, old: str, new: str) -> None:
    for name in LOG_NAMES:
        source, target = queue.path(name, old), queue.path(name, new)
        if os.path.lexists(source):
            os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
            os.rename(source, target)

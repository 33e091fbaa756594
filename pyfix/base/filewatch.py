"""Notice that files change, also where they can't be seen any more.

A process that has given up root's rights, or lives in a chroot, can't look at /etc/letsencrypt/live: its directories
are closed. The kernel tells it all the same (inotify(7)), of directories that it could see when it began to watch:
those of the files, and of every symbolic link on the way, since renewals replace links. Where the kernel tells nothing
(NFS) the time of a file does, if it can be seen.

A change counts once nothing has happened for a while: a certificate and its key are two files. That a file is gone does
not count; what comes in its place does.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from pyfix.base import clock

_CLOSE_WRITE: Final = 0x008
_MOVED_TO: Final = 0x080
_CREATE: Final = 0x100
_ATTRIB: Final = 0x004
_MOVE_SELF: Final = 0x800
_OVERFLOW: Final = 0x4000
_MASK: Final = _CLOSE_WRITE | _MOVED_TO | _CREATE | _ATTRIB | _MOVE_SELF
_EVENT: Final = struct.Struct("iIII")
_BUFFER: Final = 64 * 1024
_LINKS: Final = 40
"""Symbolic links that are followed, as in the kernel."""
QUIET_S: Final = 1.0

Stamp = tuple[int, int, int]


class FileWatch:
    """Some files; begin to watch before you read them."""

    def __init__(self, paths: Iterable[str], quiet_s: float = QUIET_S) -> None:
        self._quiet_s = quiet_s
        self._stamps = {path: _stamp(path) for path in paths}
        self._watched: dict[int, dict[str, str]] = {}
        """By watch descriptor: the path that each name in a directory belongs to."""
        self._changed = ""
        self._last = 0.0
        self._fd = -1
        if self._stamps:
            self._begin()

    def _begin(self) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._fd = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:  # there are as many as fs.inotify.max_user_instances: the files' times have to do
            return
        for path in self._stamps:
            for directory, name in _way(path):
                watch = library.inotify_add_watch(self._fd, os.fsencode(directory or "."), _MASK)
                if watch >= 0:
                    self._watched.setdefault(watch, {})[name] = path

    def find_changed(self) -> Iterator[str]:
        """Yield the path of a file that has changed, once it has settled."""
        told, seen = self._told(), self._seen()
        if told or seen:
            self._changed, self._last = told or seen, clock.monotonic()
        if self._changed and clock.monotonic() - self._last >= self._quiet_s:
            yield self._changed

    def _told(self) -> str:
        """Return a path of which the kernel tells."""
        found = ""
        while self._fd >= 0:
            try:
                data = os.read(self._fd, _BUFFER)
            except BlockingIOError:
                break
            for watch, mask, name in _events(data):
                names = self._watched.get(watch, {})
                if mask & _OVERFLOW:
                    found = next(iter(self._stamps))
                elif mask & _MOVE_SELF:
                    found = next(iter(names.values()), "")
                else:
                    found = names.get(name, found)
        return found

    def _seen(self) -> str:
        """Return a path whose file is another one, or has another time; those out of sight have not changed."""
        for path, before in self._stamps.items():
            now = _stamp(path)
            if now is not None and now != before:
                self._stamps[path] = now
                return path
        return ""

    def close(self) -> None:
        """Watch no more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _stamp(path: str) -> Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def _events(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield (watch descriptor, mask, name)."""
    at = 0
    while at < len(data):
        watch, mask, _, length = _EVENT.unpack_from(data, at)
        at += _EVENT.size
        yield watch, mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))
        at += length


def _way(path: str) -> Iterator[tuple[str, str]]:
    """Yield (directory, name) of every symbolic link on the way to a file, and of the file."""
    links = 0
    done = "/" if path.startswith("/") else ""
    rest = [part for part in path.split("/") if part not in ("", ".")]
    while rest:
        part = rest.pop(0)
        here = os.path.join(done, part)
        if os.path.islink(here) and links < _LINKS:
            links += 1
            yield done, part
            target = os.readlink(here)
            if target.startswith("/"):
                done = "/"
            rest = [piece for piece in target.split("/") if piece not in ("", ".")] + rest
        elif not rest or not os.path.lexists(here):
            yield done, part
            return
        else:
            done = here

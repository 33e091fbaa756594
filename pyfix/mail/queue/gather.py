"""The content of a message that this system makes or forwards: in memory while it is small, else in its queue file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pyfix.mail.queue.newfile import NewFile

MEMORY_LIMIT: Final = 256 * 1024
"""Bytes that a message may take up in a process and in a request to cleanup."""


def gather(file: NewFile, pieces: Iterable[bytes]) -> bytes | None:
    """Return the whole content, or None after a large one was spooled into the file, MEMORY_LIMIT bytes at a time."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > MEMORY_LIMIT:
            file.spool(b"".join(held))
            held, size = [], 0
    if not file.spooled:
        return b"".join(held)
    if held:
        file.spool(b"".join(held))
    return None

"""Files in maildrop: mail that was submitted while pickup was away.

Such a file holds the dialogue that sendmail would have had on the socket: the frames LocalSubmit, ContentChunk ...,
ContentEnd. It is complete when the owner's execute bit is set; its owner is the user who submits. The others may read
it, as far as the rights of the directory let them, since pickup is another user. A queue file in maildrop was put there
by `postsuper -r`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.mail.ipc.frame import FrameReader, ProtocolError, encode
from pyfix.mail.ipc.messages import AnyMessage, ContentChunk, ContentEnd, LocalSubmit
from pyfix.mail.queue.format import MAGIC
from pyfix.mail.queue.queue import Queue

COMPLETE_MODE: Final = 0o744
_READ: Final = 256 * 1024
FRAME_LIMIT: Final = 1024 * 1024
"""Bytes of one frame, here and on pickup's socket: a piece of content, or all recipients of a message."""


class BadDropFile(Exception):
    """The file is not a submission."""


@dataclass(frozen=True, slots=True)
class DropFile:
    """An open file in maildrop."""

    fd: int
    uid: int
    is_queue_file: bool
    size: int
    mtime: float

    def read_submission(self) -> LocalSubmit:
        """Return what the file begins with; raise BadDropFile."""
        first = next(self._messages(), None)
        if not isinstance(first, LocalSubmit):
            raise BadDropFile("does not begin with a submission")
        return first

    def read_content(self) -> Iterator[bytes]:
        """Yield the content; raise BadDropFile unless it is complete."""
        messages = self._messages()
        next(messages)
        for message in messages:
            match message:
                case ContentChunk(data=data):
                    yield data
                case ContentEnd():
                    return
                case _:
                    raise BadDropFile(f"unexpected {type(message).__name__}")
        raise BadDropFile("ends early")

    def _messages(self) -> Iterator[AnyMessage]:
        reader = FrameReader(FRAME_LIMIT)
        offset = 0
        while data := os.pread(self.fd, _READ, offset):
            offset += len(data)
            try:
                yield from reader.receive(data)
            except (ProtocolError, UnicodeDecodeError, RecursionError) as error:
                raise BadDropFile(str(error)) from error

    def close(self) -> None:
        os.close(self.fd)


def open_drop_file(path: str) -> DropFile:
    """Open a complete file in maildrop; raise OSError, or BadDropFile for what is not a plain file of one name."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise BadDropFile("not a regular file with one name")
        is_queue_file = os.pread(fd, len(MAGIC), 0) == MAGIC
    except (OSError, BadDropFile):
        os.close(fd)
        raise
    return DropFile(fd, status.st_uid, is_queue_file, status.st_size, status.st_mtime)


def write_drop_file(queue: Queue, submit: LocalSubmit, content: Iterable[bytes]) -> str:
    """Put a submission into maildrop, durably, and return its name; raise OSError and leave nothing behind."""
    file = queue.create("maildrop")
    try:
        offset = 0
        for message in (submit, *map(ContentChunk, content), ContentEnd()):
            offset += file.write_frame(encode(message), offset)
        file.complete_drop(COMPLETE_MODE)
    except BaseException:
        file.abort()
        raise
    return file.id

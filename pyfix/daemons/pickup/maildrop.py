"""Files in maildrop: mail that was submitted while pickup was away, and mail that `postsuper -r` put back.

Reading only: what becomes of a file is the daemon's to decide.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.mail.ipc.frame import FrameReader, ProtocolError
from pyfix.mail.ipc.messages import AnyMessage, ContentChunk, ContentEnd, LocalSubmit
from pyfix.mail.queue.format import MAGIC

_READ: Final = 256 * 1024
_FRAME_LIMIT: Final = 1024 * 1024


class BadFile(Exception):
    """The file is not a submission."""


@dataclass(frozen=True, slots=True)
class DropFile:
    """An open file in maildrop."""

    fd: int
    uid: int
    is_queue_file: bool
    size: int

    def read_submission(self) -> LocalSubmit:
        """Return what the file begins with; raise BadFile."""
        first = next(self._messages(), None)
        if not isinstance(first, LocalSubmit):
            raise BadFile("does not begin with a submission")
        return first

    def read_content(self) -> Iterator[bytes]:
        """Yield the content; raise BadFile unless it is complete."""
        messages = self._messages()
        next(messages)
        for message in messages:
            match message:
                case ContentChunk(data=data):
                    yield data
                case ContentEnd():
                    return
                case _:
                    raise BadFile(f"unexpected {type(message).__name__}")
        raise BadFile("ends early")

    def _messages(self) -> Iterator[AnyMessage]:
        reader = FrameReader(_FRAME_LIMIT)
        offset = 0
        while data := os.pread(self.fd, _READ, offset):
            offset += len(data)
            try:
                yield from reader.receive(data)
            except ProtocolError as error:
                raise BadFile(str(error)) from error

    def close(self) -> None:
        os.close(self.fd)


def open_drop_file(path: str) -> DropFile:
    """Open a complete file in maildrop; raise OSError, or BadFile for what is not a plain file of one name."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(fd)
        raise BadFile("not a regular file with one name")
    is_queue_file = os.pread(fd, len(MAGIC), 0) == MAGIC
    return DropFile(fd, status.st_uid, is_queue_file, status.st_size)

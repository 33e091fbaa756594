"""The content of one message in its wire form, a chunk at a time: no more of a large one is ever in memory."""

from __future__ import annotations

from typing import Final

from pyfix.daemons.smtp.transaction import Message
from pyfix.proto.smtp_client.content import ContentEncoder
from pyfix.proto.smtp_client.downgrade import Downgrader

_CHUNK: Final = 64 * 1024


class ContentStream:
    """From the first byte to the last; the final "." is the session's."""

    __slots__ = ("_content", "_downgrader", "_encoder", "_sent")

    def __init__(self, message: Message, line_limit: int) -> None:
        self._content = message.content
        self._encoder = ContentEncoder(line_limit)
        self._downgrader = Downgrader() if message.to_7bit else None
        self._sent = 0

    @property
    def is_read(self) -> bool:
        """True when there is nothing more but `finish`."""
        return self._sent >= self._content.length

    @property
    def broke_line(self) -> bool:
        """True once a line was longer than the limit."""
        return self._encoder.broke_line

    def next_piece(self) -> bytes:
        """Return what is ready of the next chunk; raise OSError and ContentError of the queue file, and TooDeep."""
        content = self._content
        chunk = content.read() if content.is_small else content.read_range(self._sent, _CHUNK)
        self._sent += len(chunk)
        if self._downgrader is not None:
            chunk = self._downgrader.convert(chunk)
        return self._encoder.encode(chunk)

    def finish(self) -> bytes:
        """Return the rest."""
        rest = self._encoder.encode(self._downgrader.finish()) if self._downgrader is not None else b""
        return rest + self._encoder.finish()

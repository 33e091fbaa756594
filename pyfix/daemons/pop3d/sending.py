"""A message on its way to the client, one piece after the other."""

from __future__ import annotations

from typing import Final

from pyfix.mail.mailbox.reading import MessageStream
from pyfix.proto.pop3.content import END, Encoder

CHUNK: Final = 128 * 1024
"""Bytes that are read at a time: what a busy loop can spare between two clients."""


class Sending:
    """An open message. Owns the stream."""

    __slots__ = ("_encoder", "_head", "_left", "_stream", "is_done", "sent")

    def __init__(self, stream: MessageStream, encoder: Encoder, head: bytes) -> None:
        self._stream = stream
        self._encoder = encoder
        self._head = head
        self._left = stream.length
        self.is_done = False
        """There is no further piece."""
        self.sent = 0
        """Bytes so far, with the head, without the line that ends the message."""

    def next_piece(self) -> bytes:
        """Return what is to be sent next, perhaps nothing. Raises OSError when the disk fails."""
        encoder = self._encoder
        data = self._stream.read(CHUNK) if self._left > 0 else b""
        self._left -= len(data)
        piece = self._head + encoder.encode(data) if self._head else encoder.encode(data)
        self._head = b""
        if not data or self._left <= 0 or encoder.is_complete:
            piece += encoder.finish()
            self.is_done = True
            self.sent += len(piece)
            return piece + END
        self.sent += len(piece)
        return piece

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

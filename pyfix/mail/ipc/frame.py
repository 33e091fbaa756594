"""Frames: a 4-byte big-endian length, then one msgpack-encoded message.

`FrameReader` is pure: it takes bytes as they come and gives complete messages, however the stream was cut. A frame
that is too long or does not decode raises ProtocolError: the connection is of no further use then.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from pyfix.mail.ipc.messages import AnyMessage, Message

FRAME_LIMIT: Final = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)


class ProtocolError(Exception):
    """The peer does not speak this protocol."""


def encode(message: Message) -> bytes:
    """Return the frame of one message."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def decode(body: bytes | memoryview) -> AnyMessage:
    """Return the message in a frame's body; raise ProtocolError if it is none."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"malformed message: {error}") from error


class FrameReader:
    """Collects bytes and yields complete messages."""

    __slots__ = ("_buffer", "_limit")

    def __init__(self, limit: int = FRAME_LIMIT) -> None:
        self._buffer = bytearray()
        self._limit = limit

    def receive(self, data: bytes) -> list[AnyMessage]:
        """Return the messages that are complete now, oldest first."""
        buffer = self._buffer
        buffer += data
        messages: list[AnyMessage] = []
        start = 0
        available = len(buffer)
        while available - start >= 4:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > self._limit:
                raise ProtocolError(f"frame of {length} bytes exceeds the limit of {self._limit}")
            if available - start - 4 < length:
                break
            messages.append(decode(bytes(buffer[start + 4 : start + 4 + length])))
            start += 4 + length
        if start:
            del buffer[:start]
        return messages

    @property
    def is_mid_frame(self) -> bool:
        """True when the stream stopped inside a frame."""
        return bool(self._buffer)

"""One asyncio connection that carries messages, at either end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from pyfix.base.failure import words_for
from pyfix.mail.ipc.frame import FRAME_LIMIT, FrameReader, ProtocolError, encode
from pyfix.mail.ipc.messages import AnyMessage, Message


class Connection(asyncio.Protocol):
    """Passes every message that arrives to `on_message`, and the end of the stream to `on_end`, once.

    What arrives is handled in the callback, in order. A peer that sends anything but messages is cut off, as is one
    whose message is longer than `limit` bytes.
    """

    def __init__(
        self,
        on_message: Callable[[AnyMessage, Connection], None],
        on_end: Callable[[Connection, str], None],
        on_start: Callable[[Connection], None] | None = None,
        *,
        limit: int = FRAME_LIMIT,
    ) -> None:
        self._on_message = on_message
        self._on_end = on_end
        self._on_start = on_start
        self._reader = FrameReader(limit)
        self._transport: asyncio.Transport | None = None
        self._problem = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports share the methods, not the class
        if self._on_start is not None:
            self._on_start(self)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        try:
            messages = self._reader.receive(data)
        except (ProtocolError, UnicodeDecodeError, RecursionError) as error:
            self.abort(str(error))
            return
        for message in messages:
            self._on_message(message, self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._transport = None
        self._on_end(self, self._problem or (words_for(exc) if exc else "the connection was closed"))

    @property
    def is_open(self) -> bool:
        """False once the stream has ended or close was called."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, message: Message) -> None:
        """Queue a message for sending; without effect on a connection that has ended."""
        if self._transport is not None:
            self._transport.write(encode(message))

    def close(self) -> None:
        """Close after what was sent has gone out."""
        if self._transport is not None:
            self._transport.close()

    def abort(self, problem: str) -> None:
        """Close at once, giving the reason that on_end reports."""
        self._problem = problem
        if self._transport is not None:
            self._transport.abort()

"""An encrypted session after its login: bytes between the client and pop3d, both ways.

Neither side is read faster than the other takes; the end of one is the end of the other, after what it has sent.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast


class ClientSide(Protocol):
    """The connection to the client."""

    def send(self, data: bytes) -> None: ...

    def pause_client(self) -> None: ...

    def resume_client(self) -> None: ...

    def mailbox_ended(self) -> None: ...


class Pump(asyncio.Protocol):
    """The connection to pop3d."""

    __slots__ = ("_client", "_transport")

    def __init__(self, client: ClientSide) -> None:
        self._client = client
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport = cast(asyncio.Transport, transport)

    # --- from pop3d

    def data_received(self, data: bytes) -> None:
        """An answer."""
        self._client.send(data)

    def connection_lost(self, error: Exception | None) -> None:
        """pop3d has ended the session, or has died."""
        self._transport = None
        self._client.mailbox_ended()

    def pause_writing(self) -> None:
        """pop3d is behind: take no more from the client."""
        self._client.pause_client()

    def resume_writing(self) -> None:
        """It goes on."""
        self._client.resume_client()

    # --- from the client

    def send(self, data: bytes) -> None:
        """Hand on what the client has sent."""
        if self._transport is not None:
            self._transport.write(data)

    def pause(self) -> None:
        """The client is slow: take no more from pop3d."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """It goes on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def finish(self) -> None:
        """The client sends no more."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """The client has gone."""
        if self._transport is not None:
            self._transport.abort()

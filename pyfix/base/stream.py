"""A connection for simple question-and-answer protocols: lines and counted bytes, with one deadline for each exchange.

A peer that sends a byte now and then does not gain time by it. What goes wrong is a StreamError.
"""

from __future__ import annotations

import socket

from pyfix.base import clock
from pyfix.base.failure import words_for

_CHUNK = 16 * 1024


class StreamError(Exception):
    """The exchange failed; the text is for the log."""


class StreamGone(StreamError):
    """The peer closed the connection, or reset it: it may have done so long ago."""


class Stream:
    """A connected socket, which it owns."""

    def __init__(self, sock: socket.socket, timeout_s: float) -> None:
        self._sock = sock
        self._timeout_s = timeout_s
        self._buffer = bytearray()
        self._deadline = 0.0

    def send(self, data: bytes) -> None:
        """Begin an exchange: send a request. An answer that nobody has waited for makes the connection useless."""
        if self._buffer:
            raise StreamError("unexpected data from the server")
        self._deadline = clock.monotonic() + self._timeout_s
        try:
            self._wait()
            self._sock.sendall(data)
        except OSError as error:
            raise self._failure(error) from error

    def line(self, limit: int) -> bytes:
        """Return the next line without its LF, or CR LF; limit: its length in bytes, the end included."""
        return self.until(b"\n", limit).removesuffix(b"\r")

    def until(self, end: bytes, limit: int) -> bytes:
        """Return what comes before the next `end`, a single byte; limit: the length with it."""
        start = 0
        while (position := self._buffer.find(end, start)) < 0 and len(self._buffer) < limit:
            start = len(self._buffer)
            self._fill()
        if not 0 <= position < limit:
            raise StreamError(f"text longer than {limit}")
        found = bytes(self._buffer[:position])
        del self._buffer[: position + 1]
        return found

    def exactly(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        while len(self._buffer) < size:
            self._fill()
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def _wait(self) -> None:
        left = self._deadline - clock.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)

    def _fill(self) -> None:
        try:
            self._wait()
            data = self._sock.recv(_CHUNK)
        except OSError as error:
            raise self._failure(error) from error
        if not data:
            raise StreamGone("unexpected EOF")
        self._buffer += data

    def _failure(self, error: OSError) -> StreamError:
        if isinstance(error, TimeoutError):
            return StreamError(f"no answer within {self._timeout_s:g} seconds")
        return StreamGone(words_for(error))

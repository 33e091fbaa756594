"""Accepts connections and hands out the plain sockets, for what transports can't do: descriptors that come along."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final

_AT_ONCE: Final = 32
_PAUSE_S: Final = 1.0
_NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class RawServer:
    """Watches one listening socket, which it owns, until `close`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, accepted: Callable[[socket.socket], None]
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._accepted = accepted
        self._is_closed = False
        self._watch()

    def _watch(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._sock.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            if self._is_closed:
                return
            try:
                client, _ = self._sock.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return  # a sibling was faster, or the client has gone
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                self._loop.remove_reader(self._sock.fileno())
                self._loop.call_later(_PAUSE_S, self._watch)
                return
            client.setblocking(False)
            self._accepted(client)

    def close(self) -> None:
        """Accept no more."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

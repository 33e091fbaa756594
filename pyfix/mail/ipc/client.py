"""A client of another pyfix process, for blocking code.

The connection is kept between calls. A connection that the server closed while idle (it was reloaded, it reached
max_use) is replaced once without the caller noticing; a server that dies in the middle of a request is an IpcError,
since nobody can tell how far it got: the caller treats it as a temporary failure.
"""

from __future__ import annotations

import select
import socket
from typing import TypeVar

from pyfix.base.failure import words_for
from pyfix.base.sockets import limit_waiting
from pyfix.mail.ipc.frame import ProtocolError
from pyfix.mail.ipc.messages import PROTOCOL_VERSION, AnyMessage, Goodbye, Hello, Message, Refused
from pyfix.mail.ipc.peer import Peer, PeerGone

M = TypeVar("M", bound=Message)


class IpcError(Exception):
    """Another process could not do what it was asked to: always a temporary condition."""


def check_hello(message: AnyMessage, path: str) -> Hello:
    """Return the greeting, or raise IpcError when the other end is not a pyfix process of this version."""
    if not isinstance(message, Hello):
        raise IpcError(f"{path}: unexpected greeting {type(message).__name__}")
    if message.version != PROTOCOL_VERSION:
        raise IpcError(
            f"{path}: protocol version {message.version}, expected {PROTOCOL_VERSION}: restart the mail system"
        )
    return message


class Channel:
    """A kept connection to the service that listens on the Unix socket `path`."""

    def __init__(self, path: str, timeout: float) -> None:
        self.path = path
        self._timeout = timeout
        self._peer: Peer | None = None

    def call(self, request: Message, expect: type[M]) -> M:
        """Send a request and return its answer, which must be of type `expect`; raise IpcError otherwise."""
        self.send(request)
        reply = self.receive()
        if isinstance(reply, expect):
            return reply
        self.close()
        if isinstance(reply, Refused):
            raise IpcError(f"{self.path}: {reply.reason}")
        raise IpcError(f"{self.path}: unexpected answer {type(reply).__name__}")

    def send(self, message: Message) -> None:
        """Send a message, connecting first if need be."""
        if self._peer is not None and self._has_ended(self._peer):
            self.close()
        if self._peer is None:
            self._peer = self._connect()
        try:
            self._peer.send(message)
        except PeerGone as error:
            self.close()
            raise IpcError(f"{self.path}: {error}") from error

    def receive(self) -> AnyMessage:
        """Return the next answer of a dialogue that send began."""
        if self._peer is None:
            raise IpcError(f"{self.path}: not connected")
        try:
            while isinstance(reply := self._peer.receive(), Goodbye):
                pass
        except (PeerGone, ProtocolError) as error:
            self.close()
            raise IpcError(f"{self.path}: {error}") from error
        return reply

    def close(self) -> None:
        """Close the connection; the next call connects again."""
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def _connect(self) -> Peer:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        limit_waiting(sock, self._timeout)
        try:
            sock.connect(self.path)
            peer = Peer(sock)
            check_hello(peer.receive(), self.path)
        except (OSError, PeerGone, ProtocolError) as error:
            sock.close()
            raise IpcError(f"connect to {self.path}: {words_for(error)}") from error
        except IpcError:
            sock.close()
            raise
        return peer

    @staticmethod
    def _has_ended(peer: Peer) -> bool:
        """True when the idle server said goodbye or closed: between calls it has nothing else to say."""
        poll = select.poll()
        poll.register(peer.sock, select.POLLIN)
        return bool(poll.poll(0))

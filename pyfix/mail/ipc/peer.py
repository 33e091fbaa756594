"""One blocking connection between two processes: whole messages in, whole messages out."""

from __future__ import annotations

import collections
import socket
import struct
from dataclasses import dataclass

from pyfix.base.failure import words_for
from pyfix.mail.ipc.frame import FRAME_LIMIT, FrameReader, ProtocolError, encode
from pyfix.mail.ipc.messages import AnyMessage, Message

_RECEIVE_BYTES = 256 * 1024


class PeerGone(Exception):
    """The other end closed, died, or stayed silent for too long."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who is at the other end, told by the kernel (SO_PEERCRED, unix(7))."""

    pid: int
    uid: int
    gid: int


def credentials_of(sock: socket.socket) -> Credentials:
    """Return the other end's process, user and group, as they were when it connected."""
    return Credentials(*struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)))


class Peer:
    """The other end of one connected stream socket, which it owns."""

    __slots__ = ("_credentials", "_reader", "_ready", "sock")

    def __init__(self, sock: socket.socket, limit: int = FRAME_LIMIT) -> None:
        self.sock = sock
        self._reader = FrameReader(limit)
        self._ready: collections.deque[AnyMessage] = collections.deque()
        self._credentials: Credentials | None = None

    @property
    def credentials(self) -> Credentials:
        """Who the peer is."""
        if self._credentials is None:
            self._credentials = credentials_of(self.sock)
        return self._credentials

    @property
    def uid(self) -> int:
        """The peer's user id."""
        return self.credentials.uid

    def send(self, message: Message) -> None:
        """Send one message whole; raise PeerGone."""
        try:
            self.sock.sendall(encode(message))
        except BlockingIOError:
            raise PeerGone("timed out while sending") from None
        except OSError as error:
            raise PeerGone(words_for(error)) from error

    def receive(self) -> AnyMessage:
        """Return the next message, waiting for it; raise PeerGone, or ProtocolError for bytes that are none."""
        while not self._ready:
            self.fill()
        return self._ready.popleft()

    def receive_all(self) -> list[AnyMessage]:
        """Return all messages that are there, waiting for the first; raises as receive does."""
        messages = [self.receive(), *self._ready]
        self._ready.clear()
        return messages

    def fill(self) -> None:
        """Read what is there, waiting for at least a byte; raise PeerGone at the end of the stream."""
        try:
            data = self.sock.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            raise PeerGone("timed out while waiting") from None
        except OSError as error:
            raise PeerGone(words_for(error)) from error
        if not data:
            if self._reader.is_mid_frame:
                raise ProtocolError("the connection ended in the middle of a message")
            raise PeerGone("the connection was closed")
        self._ready.extend(self._reader.receive(data))

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

"""A session given from one process to another: one message with a descriptor out, one answer back.

The connection is a Unix socket of its own for each session, not blocking; `sock_recv` of an event loop would lose the
descriptor. Who gives keeps its descriptor until the answer is there. See: unix(7), SCM_RIGHTS.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import socket
from typing import Final

from pyfix.base.failure import words_for
from pyfix.mail.ipc.frame import FrameReader, ProtocolError, encode
from pyfix.mail.ipc.messages import HandedOver, HandOver

_LIMIT: Final = 256 * 1024
_DESCRIPTORS: Final = socket.CMSG_SPACE(4 * array.array("i").itemsize)


class HandoverFailed(Exception):
    """The other process did not take the session; the text is for the log."""


async def give(path: str, message: HandOver, fd: int, timeout_s: float) -> HandedOver:
    """Give a session to the service at `path`; raise HandoverFailed. `fd` stays the caller's."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _give(path, message, fd)
    except TimeoutError:
        raise HandoverFailed(f"{path}: no answer within {timeout_s:g} seconds") from None
    except OSError as error:
        raise HandoverFailed(f"{path}: {words_for(error)}") from error
    except ProtocolError as error:
        raise HandoverFailed(f"{path}: {error}") from error


async def _give(path: str, message: HandOver, fd: int) -> HandedOver:
    loop = asyncio.get_running_loop()
    frame = encode(message)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        await loop.sock_connect(sock, path)
        sent = socket.send_fds(sock, [frame], [fd])
        if sent < len(frame):
            await loop.sock_sendall(sock, frame[sent:])
        reader = FrameReader(_LIMIT)
        while data := await loop.sock_recv(sock, 4096):
            for answer in reader.receive(data):
                if isinstance(answer, HandedOver):
                    return answer
    raise HandoverFailed(f"{path}: the service ended without an answer")


class Receiver:
    """The other side: gathers one message, and the descriptor that came along."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reader = FrameReader(_LIMIT)
        self._fds: list[int] = []

    def receive(self) -> HandOver | None:
        """Read what is there; return the message once it is whole. Raises ProtocolError, OSError."""
        data, ancillary, _, _ = self._sock.recvmsg(65536, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                found = array.array("i")
                found.frombytes(content[: len(content) - len(content) % found.itemsize])
                self._fds += found
        if not data:
            raise ProtocolError("the peer closed without a session")
        messages = self._reader.receive(data)
        if not messages:
            return None
        if not isinstance(messages[0], HandOver) or len(self._fds) != 1:
            raise ProtocolError("not a session with its connection")
        return messages[0]

    def take_socket(self) -> socket.socket:
        """Return the connection to the client, which is the caller's now."""
        return socket.socket(fileno=self._fds.pop())

    def close(self) -> None:
        """Close the connection, and what came along and nobody took."""
        for fd in self._fds:
            with contextlib.suppress(OSError):
                os.close(fd)
        self._fds.clear()
        self._sock.close()


def answer(sock: socket.socket, message: HandedOver) -> None:
    """Answer; whoever has gone meanwhile gets nothing. The answer fits into the empty buffer of the socket."""
    with contextlib.suppress(OSError):
        sock.send(encode(message))

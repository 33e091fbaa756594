"""A server of lookups for tests: answers each request as the test says, over TCP or a Unix socket, and counts."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

Answer = Callable[[bytes], bytes | None]
"""A request, without what ends it, to the bytes that are sent back; None hangs up."""
Cut = Callable[[bytes], tuple[bytes, bytes] | None]
"""What has come so far to the first request and the rest; None when there is no whole request yet."""


def cut_line(data: bytes) -> tuple[bytes, bytes] | None:
    """Requests that end with LF."""
    line, end, rest = data.partition(b"\n")
    return (line, rest) if end else None


def cut_netstring(data: bytes) -> tuple[bytes, bytes] | None:
    """Requests that are netstrings."""
    length, colon, rest = data.partition(b":")
    if not colon or len(rest) <= int(length):
        return None
    assert rest[int(length)] == ord(",")
    return rest[: int(length)], rest[int(length) + 1 :]


def cut_command(data: bytes) -> tuple[bytes, bytes] | None:
    """Requests of Redis' protocol with two words, the second of which has no line ends."""
    lines = data.split(b"\r\n", 5)
    return (lines[4], lines[5]) if len(lines) == 6 else None


def cut_anything(data: bytes) -> tuple[bytes, bytes] | None:
    """Requests as they come."""
    return data, b""


class TableServer:
    """Serves each client in a thread of its own until it is closed; use as a context manager."""

    def __init__(
        self, answer: Answer, cut: Cut = cut_line, path: Path | None = None, *, hangs_up: bool = False
    ) -> None:
        """Begin to listen. hangs_up: after one answer."""
        self.answer = answer
        self.hangs_up = hangs_up
        self.requests: list[bytes] = []
        self.clients = 0
        self._cut = cut
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen()

    @property
    def port(self) -> int:
        """The port of a TCP server."""
        return int(self._listener.getsockname()[1])

    def hang_up(self) -> None:
        """Close the connections of all clients, as a restart would."""
        for client in self._sockets:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> TableServer:
        self._start(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.clients += 1
            self._sockets.append(client)
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        data = b""
        with client, contextlib.suppress(OSError):
            while received := client.recv(65536):
                data += received
                while (found := self._cut(data)) is not None:
                    request, data = found
                    self.requests.append(request)
                    reply = self.answer(request)
                    if reply is None:
                        return
                    client.sendall(reply)
                    if self.hangs_up:
                        return

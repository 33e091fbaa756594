"""POP3 clients for scripts/bench: as little work a byte as Python allows, so that the servers are what is measured."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator

PASSWORD = "secret"
_BUFFER = 1024 * 1024
_END = b"\r\n.\r\n"


class Pop3:
    """One session that waits for each answer."""

    def __init__(self, port: int, user: str, timeout: float = 120.0) -> None:
        """Connect and log in; `timeout` in seconds."""
        self._sock = socket.create_connection(("127.0.0.1", port), timeout)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(_BUFFER)
        self.line()
        self.ask(f"USER {user}")
        self.ask(f"PASS {PASSWORD}")

    def line(self) -> bytes:
        """Return the next line, which is a good answer."""
        found = b""
        while not found.endswith(b"\r\n"):
            part = self._sock.recv(4096)
            if not part:
                raise SystemExit(f"the server has closed the connection: {found!r}")
            found += part
        if not found.startswith(b"+OK"):
            raise SystemExit(f"the server answered {found!r}")
        return found

    def ask(self, command: str) -> bytes:
        """Send a command with an answer of one line."""
        self._sock.sendall(f"{command}\r\n".encode())
        return self.line()

    def fetch(self, command: str) -> int:
        """Send a command with an answer of many lines; return its length."""
        self._sock.sendall(f"{command}\r\n".encode())
        view, total, tail = memoryview(self._buffer), 0, b""
        while not tail.endswith(_END):
            count = self._sock.recv_into(view)
            if not count:
                raise SystemExit("the server has closed the connection")
            total += count
            tail = (tail + bytes(view[max(0, count - 5) : count]))[-5:]
        return total

    def quit(self) -> None:
        """End the session as a client does."""
        self.ask("QUIT")
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._sock.close()


def sessions_per_second(port: int, users: list[str], clients: int, seconds: float) -> float:
    """Make sessions (connect, USER, PASS, STAT, QUIT) with so many clients at once; return how many a second."""
    done = 0
    names = _endless(users)
    poll = select.epoll()
    talks: dict[int, tuple[socket.socket, Iterator[bytes]]] = {}
    for _ in range(clients):
        _begin(port, next(names), poll, talks)
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < seconds:
        for fd, _ in poll.poll(1):
            sock, script = talks[fd]
            answer = sock.recv(4096)
            if not answer.startswith(b"+OK"):
                raise SystemExit(f"after {done} sessions the server answered {answer!r}")
            command = next(script, None)
            if command:
                sock.sendall(command)
                continue
            done += 1
            poll.unregister(fd)
            del talks[fd]
            sock.close()
            _begin(port, next(names), poll, talks)
    for sock, _ in talks.values():
        sock.close()
    return done / passed


def _begin(port: int, user: str, poll: select.epoll, talks: dict[int, tuple[socket.socket, Iterator[bytes]]]) -> None:
    sock = socket.create_connection(("127.0.0.1", port), 60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    script = iter((f"USER {user}\r\n".encode(), f"PASS {PASSWORD}\r\n".encode(), b"STAT\r\n", b"QUIT\r\n"))
    talks[sock.fileno()] = sock, script
    poll.register(sock, select.EPOLLIN)


def _endless(users: list[str]) -> Iterator[str]:
    while True:
        yield from users

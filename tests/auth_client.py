"""A client of an auth service, pyfix's or Dovecot's, that waits for its answers."""

from __future__ import annotations

import itertools
import os
import socket

from pyfix.proto.dovecot_auth import Authenticate, ClientSession
from pyfix.proto.dovecot_auth.messages import Answer, Request

_numbers = itertools.count(os.getpid())


class AuthClient:
    """One connection."""

    def __init__(self, path: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(path)
        self.session = ClientSession()
        self.sock.sendall(self.session.open(next(_numbers)))
        self.greeting = b""
        self._ready: list[Answer] = []
        while self.session.greeting is None:
            self._read()

    def __enter__(self) -> AuthClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def ask(self, request: Request) -> Answer:
        """Return the answer to one request."""
        self.send(request)
        return self.receive()

    def send(self, request: Request) -> None:
        """Send a request."""
        self.sock.sendall(self.session.send(request))

    def raw(self, line: bytes) -> Answer:
        """Return the answer to one line; raises EOFError when the service hangs up."""
        self.sock.sendall(line)
        return self.receive()

    def receive(self) -> Answer:
        """Return the next answer; raises EOFError when the service hangs up."""
        while not self._ready:
            self._read()
        return self._ready.pop(0)

    def _read(self) -> None:
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError
        if self.session.greeting is None:
            self.greeting += data
        self._ready += self.session.receive(data)


def request(mechanism: str, initial: bytes | None = None, *, number: int = 7, **fields: str) -> Authenticate:
    """Return an AUTH request; more fields as keywords, of which rip is the address of the client."""
    return Authenticate(number, mechanism, {"service": "smtp", "secured": "", **fields}, initial)


def plain(login: str, password: str, *, number: int = 7, **fields: str) -> Authenticate:
    """Return a request with PLAIN."""
    return request("PLAIN", f"\0{login}\0{password}".encode(), number=number, **fields)

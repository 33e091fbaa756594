"""An auth service with a few users, for the tests of who asks it: PLAIN, LOGIN, tickets."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pyfix.proto import dovecot_auth as protocol
from pyfix.proto.dovecot_auth.messages import encode

MECHANISMS = (
    protocol.Mechanism("PLAIN", frozenset({"plaintext"})),
    protocol.Mechanism("LOGIN", frozenset({"plaintext"})),
    protocol.Mechanism("CRAM-MD5", frozenset({"dictionary", "active"})),
)


@dataclass
class User:
    """One that may log in."""

    password: str
    fields: dict[str, str]
    """mail, uid, gid."""


@dataclass
class FakeAuth:
    """The service, on a socket of its own."""

    path: Path
    users: dict[str, User] = field(default_factory=dict)
    mechanisms: tuple[protocol.Mechanism, ...] = MECHANISMS
    answering: threading.Event = field(default_factory=threading.Event)
    """Cleared: nobody gets an answer."""
    is_broken: bool = False
    """Every request fails for now."""
    requests: list[protocol.Authenticate] = field(default_factory=list)
    tickets: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def ticket_for(self, user: str) -> str:
        """Return a ticket as if the user had logged in."""
        ticket = f"ticket-{next(self.numbers)}"
        self.tickets[ticket] = user
        return ticket

    def answer(self, request: object) -> protocol.Challenge | protocol.Succeeded | protocol.Failed | object:
        """Decide."""
        match request:
            case protocol.Authenticate(id=number) | protocol.RedeemTicket(id=number) if self.is_broken:
                return protocol.Failed(number, {"temp": "", "code": "temp_fail"})
            case protocol.Authenticate(id=number, mechanism="PLAIN", initial=bytes(response)):
                self.requests.append(request)
                return self._check(number, response)
            case protocol.Authenticate(id=number, mechanism="APOP"):
                return protocol.Failed(number)
            case protocol.Authenticate(id=number):
                self.requests.append(request)
                return protocol.Challenge(number, b"")
            case protocol.Continue(id=number, data=data):
                return self._check(number, data)
            case protocol.RedeemTicket(id=number, ticket=ticket):
                user = self.tickets.pop(ticket, "")
                return protocol.Found(number, user, self.users[user].fields) if user else protocol.NotFound(number)
        return None

    def _check(self, number: int, response: bytes) -> protocol.Succeeded | protocol.Failed:
        _, _, rest = response.partition(b"\0")
        name, _, password = rest.decode("utf-8", "replace").partition("\0")
        user = self.users.get(name)
        if user is None or user.password != password:
            return protocol.Failed(number, {"user": name} if name else {})
        return protocol.Succeeded(number, {"user": name, "ticket": self.ticket_for(name)})

    def serve(self, sock: socket.socket) -> None:
        """Talk to one client."""
        session = protocol.ServerSession()
        with sock, contextlib.suppress(OSError):
            sock.sendall(protocol.greet(self.mechanisms, 1, 1, "0" * 32))
            while data := sock.recv(65536):
                for request in session.receive(data):
                    self.answering.wait()
                    answer = self.answer(request)
                    if answer is not None:
                        sock.sendall(encode(answer))


@contextlib.contextmanager
def fake_auth(directory: Path) -> Iterator[FakeAuth]:
    """Run the service at private/auth of a queue directory."""
    path = directory / "private" / "auth"
    path.parent.mkdir(parents=True, exist_ok=True)
    auth = FakeAuth(path)
    auth.answering.set()
    clients: list[socket.socket] = []
    threads: list[threading.Thread] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                clients.append(sock)
                threads.append(threading.Thread(target=auth.serve, args=(sock,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield auth
    finally:
        auth.answering.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for sock in clients:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        path.unlink()

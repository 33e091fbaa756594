"""An auth service with a few users: PLAIN and LOGIN, and what else a test wants it to say."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from pyfix.proto.dovecot_auth import (
    Authenticate,
    Cancel,
    Challenge,
    Continue,
    Failed,
    Mechanism,
    ServerSession,
    Succeeded,
    greet,
)
from pyfix.proto.dovecot_auth.messages import Answer, Malformed, Request, encode

OFFERS = (
    Mechanism("PLAIN", frozenset({"plaintext"})),
    Mechanism("LOGIN", frozenset({"plaintext"})),
    Mechanism("CRAM-MD5", frozenset({"dictionary", "active"})),
    Mechanism("ANONYMOUS", frozenset({"anonymous"})),
)


class FakeAuth:
    """The service at `path`; everybody whose password is the name backwards may log in."""

    def __init__(self, path: Path) -> None:
        self.requests: list[Request | Malformed] = []
        self.failure: dict[str, str] | None = None
        """What every request gets instead."""
        self._path = path
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None

    def start(self) -> None:
        """Listen."""
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._path.chmod(0o666)
        self._listener.listen()
        self._run(self._accept, self._listener)

    def stop(self) -> None:
        """Hang up on everybody, and be away."""
        for sock in (self._listener, *self._connections):
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for sock in (self._listener, *self._connections):
            if sock is not None:
                sock.close()
        self._listener, self._connections, self._threads = None, [], []
        self._path.unlink(missing_ok=True)

    def _run(self, work: object, sock: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(sock,), daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                self._connections.append(sock)
                self._run(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        session, steps = ServerSession(), dict[int, list[bytes]]()
        with contextlib.suppress(OSError):
            sock.sendall(greet(OFFERS, 1, len(self._connections), "0" * 32))
            while data := sock.recv(65536):
                for request in session.receive(data):
                    self.requests.append(request)
                    answer = self._answer(request, steps)
                    if answer is not None:
                        sock.sendall(encode(answer))

    def _answer(self, request: Request | Malformed, steps: dict[int, list[bytes]]) -> Answer | None:
        match request:
            case Cancel():
                return None
            case _ if self.failure is not None:
                return Failed(request.id, self.failure)
            case Authenticate(mechanism="ANONYMOUS"):
                return Succeeded(request.id, {"user": "anonymous"})
            case Authenticate(mechanism="LOGIN"):
                steps[request.id] = [request.initial] if request.initial else []
                return self._prompt(request.id, steps[request.id])
            case Authenticate(initial=None):
                return Challenge(request.id, b"")
            case Authenticate(initial=bytes() as said) if request.mechanism == "PLAIN":
                return self._verdict(request.id, *said.split(b"\0")[1:3])
            case Continue() if request.id in steps:
                steps[request.id].append(request.data)
                return self._prompt(request.id, steps[request.id])
            case Continue():
                return self._verdict(request.id, *request.data.split(b"\0")[1:3])
            case _:
                return Failed(request.id, {})

    def _prompt(self, number: int, said: list[bytes]) -> Answer:
        return (
            self._verdict(number, *said)
            if len(said) == 2
            else Challenge(number, (b"Username:", b"Password:")[len(said)])
        )

    @staticmethod
    def _verdict(number: int, user: bytes = b"", password: bytes = b"") -> Answer:
        name = user.decode("utf-8", "replace")
        if not user or password != user[::-1]:
            return Failed(number, {"user": name} if name else {})
        return Succeeded(number, {"user": name})


@contextlib.contextmanager
def auth_service(path: Path) -> Iterator[FakeAuth]:
    """Run one."""
    service = FakeAuth(path)
    service.start()
    try:
        yield service
    finally:
        service.stop()

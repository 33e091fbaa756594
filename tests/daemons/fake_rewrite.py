"""A trivial-rewrite that knows one local domain; and any delivery agent, with scripted outcomes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from pyfix.mail.ipc.frame import ProtocolError
from pyfix.mail.ipc.messages import (
    AnyMessage,
    Deliver,
    Delivered,
    Hello,
    Message,
    Outcome,
    Resolve,
    Resolved,
    ResolvedList,
    Rewrite,
    Rewritten,
)
from pyfix.mail.ipc.peer import Peer, PeerGone

DOMAIN = "example.test"


class FakeService:
    """Answers every request with what `answer` returns, a thread a connection."""

    def __init__(self, path: Path, answer: Callable[[AnyMessage], Message]) -> None:
        self._answer = answer
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._socks: list[socket.socket] = []
        self._is_idle = threading.Condition()
        self._connections = 0
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> FakeService:
        self._threads[0].start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        for sock in (self._listener, *self._socks):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._socks.append(sock)
            self._count(1)
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        peer = Peer(sock)
        try:
            peer.send(Hello("fake"))
            while True:
                peer.send(self._answer(peer.receive()))
        except (PeerGone, ProtocolError, OSError):
            pass
        finally:
            peer.close()
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._is_idle:
            self._connections += change
            self._is_idle.notify_all()

    def is_left_alone(self, patience_s: float) -> bool:
        """Tell whether nobody keeps a connection; one that is just ending has so many seconds."""
        with self._is_idle:
            return self._is_idle.wait_for(lambda: not self._connections, patience_s)


def rewrite_service(root: Path) -> FakeService:
    """trivial-rewrite: DOMAIN is local, anything else goes to smtp, "bad@@" is no address."""
    return FakeService(root / "private" / "rewrite", _rewrite)


def _rewrite(request: AnyMessage) -> Message:
    match request:
        case Rewrite(addresses=addresses):
            return Rewritten([address if "@" in address else f"{address}@{DOMAIN}" for address in addresses])
        case Resolve(addresses=addresses):
            return ResolvedList([_resolve(address) for address in addresses])
    raise AssertionError(request)


def _resolve(address: str) -> Resolved:
    domain = address.rpartition("@")[2]
    if "@@" in address:
        return Resolved("error", "5.1.3 bad", address, "error", "5.1.3")
    if domain == DOMAIN:
        return Resolved("local", domain, address, "local")
    return Resolved("smtp", domain, address, "default")


def agent_service(root: Path, name: str, seen: list[Deliver], outcomes: list[Outcome]) -> FakeService:
    """A delivery agent that remembers its requests and reports these outcomes."""

    def answer(request: AnyMessage) -> Message:
        assert isinstance(request, Deliver)
        seen.append(request)
        return Delivered(request.seq, outcomes)

    return FakeService(root / "private" / name, answer)

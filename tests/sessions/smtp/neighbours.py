"""The neighbours of an smtpd under test: trivial-rewrite and cleanup, in threads; the test can change their answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pyfix.mail.ipc.messages import (
    AnyMessage,
    Hello,
    Message,
    Resolve,
    Resolved,
    ResolvedList,
    Rewrite,
    Rewritten,
    Submit,
    Submitted,
)
from pyfix.mail.ipc.peer import Peer, PeerGone
from pyfix.mail.queue import Queue

CLASSES = {
    "local.test": ("local", "local", "local.test"),
    "alias.test": ("alias", "error", "5.1.1 User unknown in virtual alias table"),
    "virtual.test": ("virtual", "virtual", "virtual.test"),
    "relay.test": ("relay", "relay", "relay.test"),
}


class Service:
    """A Unix socket server with one thread for each connection."""

    def __init__(self, path: Path, answer: Callable[[AnyMessage], Message | None]) -> None:
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(64)
        self._peers: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._peers.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        peer = Peer(connection)
        try:
            peer.send(Hello("fake", depth=32))
            while True:
                reply = self._answer(peer.receive())
                if reply is None:
                    break
                peer.send(reply)
        except (PeerGone, OSError):
            pass
        connection.close()

    def close(self) -> None:
        """Stop; established connections are cut."""
        for sock in (self._socket, *self._peers):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        for thread in self._threads:
            thread.join(10)


@dataclass
class Accepted:
    """What cleanup was given: the request, and the whole content."""

    submit: Submit
    content: bytes


@dataclass
class Neighbours:
    """trivial-rewrite and cleanup below a queue directory."""

    directory: Path
    messages: list[Accepted] = field(default_factory=list)
    refusal: tuple[int, str, str] | None = None
    """Cleanup answers every message with this code, status and reason."""
    dies: bool = False
    """Cleanup hangs up instead of answering."""
    problem: str = ""
    """trivial-rewrite cannot resolve, for this reason."""
    speaks: threading.Event = field(default_factory=threading.Event)
    """Clear: both take requests, and answer none."""
    commits: bool = True
    rewrites: bool = True
    """False: the test runs a trivial-rewrite of its own."""
    questions: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.speaks.set()
        self._services = [Service(self.directory / "public/cleanup", self._cleanup)]
        if self.rewrites:
            self._services.append(Service(self.directory / "private/rewrite", self._rewrite))

    def close(self) -> None:
        """Stop both."""
        self.speaks.set()
        for service in self._services:
            service.close()

    def _rewrite(self, request: AnyMessage) -> Message | None:
        self.speaks.wait()
        if isinstance(request, Rewrite):
            return Rewritten([self._complete(address) for address in request.addresses])
        assert isinstance(request, Resolve)
        self.questions += request.addresses
        return ResolvedList([self._resolve(address) for address in request.addresses])

    @staticmethod
    def _complete(address: str) -> str:
        return address if "@" in address else f"{address}@local.test"

    def _resolve(self, address: str) -> Resolved:
        domain = address.rpartition("@")[2].lower()
        if self.problem:
            return Resolved("", "", address, "", problem=self.problem)
        address_class, transport, nexthop = CLASSES.get(domain, ("default", "smtp", domain))
        return Resolved(transport, nexthop, address, address_class)

    def _cleanup(self, request: AnyMessage) -> Message | None:
        assert isinstance(request, Submit)
        self.speaks.wait()
        if self.dies:
            return None
        if self.refusal:
            code, status, reason = self.refusal
            return Submitted(request.queue_id, status, code, reason)
        queue = Queue(str(self.directory))
        file = queue.adopt(request.queue_id)
        content = file.read_head(1 << 30) if request.body is None else request.body
        self.messages.append(Accepted(request, content))
        if self.commits:
            file.commit(request.envelope, request.recipients, content=None if request.body is None else [request.body])
        else:
            file.close()
        return Submitted(request.queue_id)

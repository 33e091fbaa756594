"""A cleanup service that keeps what it is given, and fails on demand."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path

from pyfix.mail.ipc.messages import Envelope, Hello, Recipient, Refused, Submit, Submitted
from pyfix.mail.ipc.peer import Peer, PeerGone
from pyfix.mail.queue import Queue


@dataclass
class Received:
    """One message that was submitted."""

    queue_id: str
    envelope: Envelope
    recipients: list[str]
    content: bytes
    was_spooled: bool
    flags: int
    details: list[Recipient]


@dataclass
class FakeCleanup:
    """Listens on public/cleanup below `directory` from `with` to its end."""

    directory: Path
    received: list[Received] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """What to do with the next submissions: "refuse", "reject", "never", "hang up", "nothing"; else accept."""

    def __enter__(self) -> FakeCleanup:
        path = self.directory / "public" / "cleanup"
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._client: socket.socket | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended = True
        for sock in (self._listener, self._client):
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._ended:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(30)
            self._client = sock
            peer = Peer(sock)
            try:
                peer.send(Hello("cleanup"))
                while self._answer(peer):
                    pass
            except PeerGone:
                pass
            finally:
                peer.close()

    def _answer(self, peer: Peer) -> bool:
        request = peer.receive()
        assert isinstance(request, Submit)
        match self.answers.pop(0) if self.answers else "":
            case "refuse":
                peer.send(Refused("no space left on device"))
            case "reject":
                peer.send(Submitted(request.queue_id, "4.3.1", 452, "queue file write error"))
            case "never":
                Queue(str(self.directory)).adopt(request.queue_id).abort()
                peer.send(Submitted(request.queue_id, "5.1.3", 501, "Bad recipient address syntax"))
            case "hang up":
                return False
            case "nothing":
                pass
            case _:
                self._keep(request)
                peer.send(Submitted(request.queue_id))
        return True

    def _keep(self, request: Submit) -> None:
        file = Queue(str(self.directory)).adopt(request.queue_id)
        content = request.body
        if content is None:
            content = file.read_spooled(0, file.spooled)
        addresses = [recipient.address for recipient in request.recipients]
        self.received.append(
            Received(
                request.queue_id, request.envelope, addresses, content, request.body is None, request.flags,
                request.recipients,
            )
        )  # fmt: skip
        file.abort()

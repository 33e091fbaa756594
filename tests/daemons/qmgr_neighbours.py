"""Everybody whom qmgr talks to, faked: trivial-rewrite, agents, bounce, defer, trace, and cleanup with its hints.

Each fake is a thread that serves real connections with the real messages and remembers what it was asked.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness import DEADLINE_S, RunningWorker, make_queue_directory, run_worker

from pyfix.base import clock
from pyfix.daemons.qmgr.daemon import SERVICE
from pyfix.mail.ipc.client import Channel
from pyfix.mail.ipc.frame import ProtocolError
from pyfix.mail.ipc.messages import (
    AnyMessage,
    Arrived,
    Deliver,
    Delivered,
    Done,
    Dsn,
    Envelope,
    Goodbye,
    Hello,
    LogRecipient,
    Message,
    Outcome,
    Recipient,
    Resolve,
    Resolved,
    ResolvedList,
    SendNotice,
    Trigger,
)
from pyfix.mail.ipc.peer import Peer, PeerGone
from pyfix.mail.queue import Queue

Handler = Callable[[AnyMessage], Message | None]
FORKING = threading.Lock()
"""Held while qmgr is forked: a queue file that a fake had open then would stay locked for as long as qmgr runs."""
CONTENT = b"Subject: hello\n\ntext\n"


class Die(Exception):
    """Raised by a handler: the fake drops the connection as a process that was killed does."""


class Fake:
    """A service on a socket; `handler` answers each request, in a thread a connection."""

    def __init__(self, path: Path, handler: Handler, hello: Hello | None = None) -> None:
        self.path = path
        self.requests: list[AnyMessage] = []
        self.connections = 0
        self.ended = 0
        self._handler = handler
        self._hello = hello or Hello(path.name, depth=8)
        self._changed = threading.Condition()
        self._peers: list[Peer] = []
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(DEADLINE_S)
            thread = threading.Thread(target=self._serve, args=(Peer(sock),), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: Peer) -> None:
        with self._changed:
            self.connections += 1
            self._peers.append(peer)
            self._changed.notify_all()
        with contextlib.suppress(PeerGone, ProtocolError, Die, OSError):
            peer.send(self._hello)
            while True:
                self._answer(peer, peer.receive())
        with contextlib.suppress(OSError):
            peer.sock.shutdown(socket.SHUT_RDWR)
        self.ended += 1

    def _answer(self, peer: Peer, request: AnyMessage) -> None:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        reply = self._handler(request)
        if reply is not None:
            peer.send(reply)

    def wait(self, count: int) -> list[AnyMessage]:
        """Return the requests as soon as there are so many; fail after a while."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, DEADLINE_S), self.requests
            return list(self.requests)

    def say_goodbye(self) -> None:
        """Tell all clients that this process wants to go."""
        for peer in self._peers:
            with contextlib.suppress(PeerGone):
                peer.send(Goodbye())

    def close(self) -> None:
        """End as a process does."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE_S)
        for peer in self._peers:
            peer.close()
        self.path.unlink(missing_ok=True)


class Neighbourhood:
    """The queue directory with its fakes."""

    def __init__(self, root: Path) -> None:
        self.root = make_queue_directory(root)
        for name in ("deferred", "defer"):
            for digit in "0123456789ABCDEF":
                (root / name / digit).mkdir(exist_ok=True)
        self.queue = Queue(str(root))
        self.fakes: dict[str, Fake] = {}
        self.routes: dict[str, Resolved] = {}
        self.serve("rewrite", self._resolve)
        for name in ("bounce", "defer", "trace"):
            self.serve(name, lambda _: Done())
        self.serve("retry", defer_all)

    def serve(self, name: str, handler: Handler, *, depth: int = 8, concurrent: bool = False) -> Fake:
        """Start a fake, in place of one of that name."""
        if name in self.fakes:
            self.fakes[name].close()
        path = self.root / "private" / name
        self.fakes[name] = Fake(path, handler, Hello(name, depth=depth, concurrent=concurrent))
        return self.fakes[name]

    def remove(self, name: str) -> None:
        """End a fake; nobody listens there any more."""
        self.fakes.pop(name).close()

    def _resolve(self, request: AnyMessage) -> Message:
        """All mail goes to the transport that the domain's first label names, or where `routes` says."""
        assert isinstance(request, Resolve)
        return ResolvedList([self._route(address) for address in request.addresses])

    def _route(self, address: str) -> Resolved:
        domain = address.rpartition("@")[2]
        return self.routes.get(address) or Resolved(domain.split(".")[0], domain, address, "default")

    def message(
        self,
        *recipients: str | Recipient,
        sender: str = "sender@example.test",
        age: float = 0.0,
        place: str = "incoming",
        mtime: float | None = None,
        **envelope: object,
    ) -> Arrived:
        """Put a message into a queue; return its hint, which nobody has sent yet."""
        new = self.queue.create()
        rcpts = [Recipient(rcpt) if isinstance(rcpt, str) else rcpt for rcpt in recipients]
        made = Envelope(sender, clock.now() - age, len(CONTENT), recipient_count=len(rcpts), **envelope)  # type: ignore[arg-type]  # passed on
        info = new.commit(made, rcpts, content=[CONTENT])
        if place != "incoming":
            self.queue.move(new.id, "incoming", place, mtime)
        return Arrived(new.id, made, rcpts, info.content_offset, info.content_length)

    def place(self, queue_id: str) -> str | None:
        """Where a message lies."""
        return self.queue.find(queue_id)

    def logged(self, service: str) -> list[LogRecipient]:
        """What was recorded there."""
        return [request for request in self.fakes[service].requests if isinstance(request, LogRecipient)]

    def notices(self, service: str) -> list[SendNotice]:
        """The notices that were asked for there."""
        return [request for request in self.fakes[service].requests if isinstance(request, SendNotice)]

    def close(self) -> None:
        """End all fakes."""
        for fake in self.fakes.values():
            fake.close()


class Qmgr:
    """The running qmgr with somebody who sends it hints and triggers."""

    def __init__(self, worker: RunningWorker) -> None:
        self.worker = worker
        self._channel = Channel(worker.path, DEADLINE_S)

    def hint(self, *hints: Arrived) -> None:
        """Tell of new messages, as cleanup does."""
        for hint in hints:
            self._channel.send(hint)

    def trigger(self, what: str) -> None:
        """Ask for a scan."""
        self._channel.send(Trigger(what))

    def wait_for_line(self, part: str) -> str:
        """Return the first log line that has this part."""
        return self.worker.wait_for_line(part)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for a state on disk that no line tells of."""
        deadline = clock.monotonic() + DEADLINE_S
        ticker = threading.Event()
        while not condition():
            assert clock.monotonic() < deadline, self.worker.log_lines()
            ticker.wait(0.01)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()


@contextlib.contextmanager
def neighbourhood(root: Path) -> Iterator[Neighbourhood]:
    """A queue directory with all fakes."""
    neighbours = Neighbourhood(root)
    try:
        yield neighbours
    finally:
        neighbours.close()


@contextlib.contextmanager
def running_qmgr(root: Path, main_cf: str = "") -> Iterator[Qmgr]:
    """A real qmgr in that directory."""
    with contextlib.ExitStack() as stack:
        with FORKING:
            worker = stack.enter_context(run_worker(SERVICE, main_cf, root, name="qmgr", public=True))
        qmgr = Qmgr(worker)
        try:
            yield qmgr
        finally:
            qmgr.close()


# --- what agents do -----------------------------------------------------------------------------------------------


def deliver_all(root: Path) -> Handler:
    """An agent that delivers everything: it marks the recipients done and has nothing to report."""

    def handle(request: AnyMessage) -> Message:
        assert isinstance(request, Deliver)
        mark(root, request, request.recipients)
        return Delivered(request.seq, [])

    return handle


def mark(root: Path, request: Deliver, recipients: Sequence[Recipient]) -> None:
    """Mark recipients done in the queue file."""
    with FORKING, Queue(str(root)).open("active", request.queue_id, writable=True) as file:
        for recipient in recipients:
            file.mark_done(recipient.position)


def outcomes(request: Deliver, verb: str, dsn: Dsn) -> list[Outcome]:
    """The same outcome for all recipients."""
    return [Outcome(recipient.position, verb, dsn, recipient.address) for recipient in request.recipients]


def report(verb: str, status: str, reason: str, dead: Dsn | None = None) -> Handler:
    """An agent with the same outcome for everything."""

    def handle(request: AnyMessage) -> Message:
        assert isinstance(request, Deliver)
        return Delivered(request.seq, outcomes(request, verb, Dsn(status, reason)), dead)

    return handle


def defer_all(request: AnyMessage) -> Message:
    """The retry service: status and reason come as the nexthop."""
    assert isinstance(request, Deliver)
    status, _, reason = request.nexthop.partition(" ")
    return Delivered(request.seq, outcomes(request, "deferred", Dsn(status, reason)))


def addresses(request: AnyMessage) -> list[str]:
    """The recipients of a delivery request."""
    assert isinstance(request, Deliver)
    return [recipient.address for recipient in request.recipients]


def is_gone(root: Path, queue_id: str) -> bool:
    """True when no queue has the file; an emptied one may wait in spare/ for its next message."""
    return not any(queue_id in names for folder, _, names in os.walk(root) if os.path.basename(folder) != "spare")

"""What the tests of delivery agents share: messages in a queue, and requests for them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness import RunningWorker, make_queue_directory

from pyfix.base import clock
from pyfix.mail.ipc.messages import Deliver, Delivered, Envelope, Recipient
from pyfix.mail.queue import Queue

SENDER = "sender@example.test"
CONTENT = b"Received: by mail.example.test\nSubject: hello\n\nFrom here on\n.dot\nlast line\n"


def reachable_directory() -> Iterator[Path]:
    """Yield a directory of the test's own that other users can enter.

    pytest's tmp_path is not one: each pytest that starts closes their common parent to everybody else.
    """
    with tempfile.TemporaryDirectory(prefix="pyfix-test-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def enqueue(
    root: Path,
    recipients: Sequence[str | Recipient],
    content: bytes = CONTENT,
    *,
    sender: str = SENDER,
    nexthop: str = "example.test",
    **envelope: Any,
) -> Deliver:
    """Put a message into active/ and return the request for all its recipients."""
    queue = Queue(str(make_queue_directory(root)))
    new = queue.create()
    now = clock.now()
    rcpts = [Recipient(rcpt, rcpt) if isinstance(rcpt, str) else rcpt for rcpt in recipients]
    described = Envelope(sender, now, len(content), **envelope)
    info = new.commit(described, rcpts, content=[content])
    queue.move(new.id, "incoming", "active")
    return Deliver(1, new.id, nexthop, described, rcpts, info.content_offset, info.content_length, now, True)


def deliver(worker: RunningWorker, request: Deliver) -> Delivered:
    """Send the request and return the agent's answer."""
    answer = worker.call(request, Delivered)
    assert isinstance(answer, Delivered)
    return answer


def left(root: Path, request: Deliver) -> list[str]:
    """The recipients that are not marked done in the queue file."""
    with Queue(str(root)).open("active", request.queue_id) as file:
        return [rcpt.address for rcpt in file.read_recipients()[0]]


def verbs(answer: Delivered) -> list[tuple[str, str, str]]:
    """(address, verb, status) of each outcome."""
    return [(outcome.address, outcome.verb, outcome.dsn.status) for outcome in answer.outcomes]

"""Give a notice to cleanup, as a new message of the queue.

A notice up to MEMORY_LIMIT goes to cleanup inside the request; a larger one is spooled into its queue file piece by
piece, so that returning a message of 50 MB costs no memory. SubmissionError is always temporary; the new file is
removed then, and nothing has been queued as far as is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from pyfix.base.failure import words_for
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import Envelope, Recipient, Submit, Submitted
from pyfix.mail.queue import Queue, gather


class SubmissionError(Exception):
    """The notice could not be queued; the text says why."""


class CleanupChannel(Protocol):
    """The part of ipc.client.Channel that is needed here."""

    def call(self, request: Submit, expect: type[Submitted]) -> Submitted:
        """Send a request and return its answer, or raise IpcError."""
        ...


class Submission:
    """Submits notices through one kept connection to cleanup."""

    def __init__(self, queue: Queue, cleanup: CleanupChannel, flags: int) -> None:
        self._queue = queue
        self._cleanup = cleanup
        self._flags = flags

    def submit(self, envelope: Envelope, recipient: str, compose: Callable[[str], Iterator[bytes]]) -> str:
        """Queue what `compose(queue_id)` yields; return the queue id. Raises SubmissionError."""
        try:
            file = self._queue.create()
        except OSError as error:
            raise SubmissionError(f"create a queue file: {error.strerror}") from error
        try:
            body = gather(file, compose(file.id))
            request = Submit(file.id, envelope, [Recipient(recipient)], body, self._flags)
            reply = self._cleanup.call(request, Submitted)
            if reply.status:
                raise SubmissionError(f"cleanup refused the notice: {reply.reason}")
        except (IpcError, OSError) as error:
            file.abort()
            raise SubmissionError(words_for(error)) from error
        except SubmissionError:
            file.abort()
            raise
        file.close()
        return file.id

"""Hand a message to pickup, or leave it in maildrop while pickup is away."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pyfix.commands.outcome import CommandError, CommandLog
from pyfix.mail.ipc.client import Channel, IpcError
from pyfix.mail.ipc.messages import ContentChunk, ContentEnd, LocalSubmit, Submitted
from pyfix.mail.queue import Queue
from pyfix.mail.queue.maildrop import write_drop_file

CHUNK: Final = 64 * 1024
_NOT_ALLOWED: Final = "5.7.1"
_TIMEOUT_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Door:
    """Where local mail enters; the current directory is the queue directory."""

    pickup: str
    queue: Queue
    user: str
    """ "login(uid)", as messages name the user."""
    log: CommandLog

    def submit(self, request: LocalSubmit, content: Iterable[bytes]) -> str:
        """Return the queue id ("" for a file in maildrop); raise CommandError."""
        channel = Channel(self.pickup, _TIMEOUT_S)
        try:
            channel.send(request)
        except IpcError as error:
            self._drop(request, content, error)
            return ""
        try:
            return self._send(channel, content)
        finally:
            channel.close()

    def _send(self, channel: Channel, content: Iterable[bytes]) -> str:
        try:
            for piece in content:
                for start in range(0, len(piece), CHUNK):
                    channel.send(ContentChunk(piece[start : start + CHUNK]))
            reply = channel.call(ContentEnd(), Submitted)
        except IpcError as error:
            raise CommandError(f"{self.user}: queue file write error: {error}", os.EX_TEMPFAIL) from error
        if reply.reason:
            raise CommandError(f"{self.user}: {reply.reason.removeprefix('Error: ')}", _exit_status(reply.status))
        return reply.queue_id

    def _drop(self, request: LocalSubmit, content: Iterable[bytes], problem: IpcError) -> None:
        try:
            write_drop_file(self.queue, request, content)
        except OSError as error:
            self.log.warning(f"mail system is down ({problem}), and maildrop: {error.strerror}")
            raise CommandError(f"{self.user}: queue file write error", os.EX_TEMPFAIL) from error


def _exit_status(status: str) -> int:
    """Return the status of sysexits.h for an RFC 3463 code."""
    if not status.startswith("5"):
        return os.EX_TEMPFAIL
    return os.EX_NOPERM if status == _NOT_ALLOWED else os.EX_UNAVAILABLE

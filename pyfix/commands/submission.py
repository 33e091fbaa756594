"""Hand a message to pickup, or leave it in maildrop while pickup is away."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pyfix.base.failure import words_for
from pyfix.commands.outcome import CommandError, CommandLog
from pyfix.mail.ipc.client import IpcError, check_hello
from pyfix.mail.ipc.frame import ProtocolError, encode
from pyfix.mail.ipc.messages import AnyMessage, ContentChunk, ContentEnd, Goodbye, LocalSubmit, Refused, Submitted
from pyfix.mail.ipc.peer import Peer, PeerGone
from pyfix.mail.message.flaws import find_flaw_in_request
from pyfix.mail.queue import Queue
from pyfix.mail.queue.maildrop import FRAME_LIMIT, write_drop_file

CHUNK: Final = 64 * 1024
SILENCE_S: Final = 60.0
"""Well below the time after which pickup gives a silent connection up."""
_NOT_ALLOWED: Final = "5.7.1"
_TIMEOUT_S: Final = 3600.0


class Refusal(CommandError):
    """The mail system does not take the message; `reply` says so in SMTP."""

    def __init__(self, user: str, code: int, status: str, reason: str, exit_status: int) -> None:
        super().__init__(f"{user}: {reason.removeprefix('Error: ')}", exit_status)
        self.reply = f"{code} {status} {reason}"


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
        self._check(request)
        try:
            peer = _connect(self.pickup)
        except IpcError as error:
            self._drop(request, content, error)
            return ""
        try:
            reply = send_submission(peer, request, content)
        except (PeerGone, ProtocolError) as error:
            raise CommandError(f"{self.user}: queue file write error: {error}", os.EX_TEMPFAIL) from error
        finally:
            peer.close()
        return self._judge(reply)

    def _check(self, request: LocalSubmit) -> None:
        """Find here what pickup would refuse, so that it does not wait in maildrop for that."""
        if (flaw := find_flaw_in_request(request)) is not None:
            raise Refusal(self.user, 501, flaw.status, flaw.reason, os.EX_DATAERR)
        if len(encode(request)) > FRAME_LIMIT:
            reason = "Error: too many recipients for one message"
            raise Refusal(self.user, 552, "5.5.3", reason, os.EX_DATAERR)

    def _judge(self, reply: AnyMessage) -> str:
        match reply:
            case Submitted(reason="", queue_id=queue_id):
                return queue_id
            case Submitted(code=code, status=status, reason=reason):
                raise Refusal(self.user, code, status, reason, _exit_status(status))
            case _:
                raise CommandError(f"{self.user}: unexpected {type(reply).__name__} from pickup", os.EX_TEMPFAIL)

    def _drop(self, request: LocalSubmit, content: Iterable[bytes], problem: IpcError) -> None:
        try:
            write_drop_file(self.queue, request, content)
        except OSError as error:
            self.log.warning(f"mail system is down ({problem}), and maildrop: {error.strerror}")
            raise CommandError(f"{self.user}: queue file write error", os.EX_TEMPFAIL) from error


def _connect(path: str) -> Peer:
    """Return a connection whose greeting has been read; raise IpcError, or CommandError when it is a refusal."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    sock.settimeout(_TIMEOUT_S)
    peer = Peer(sock)
    try:
        sock.connect(path)
        greeting = peer.receive()
        if isinstance(greeting, Refused):
            raise CommandError(greeting.reason, os.EX_TEMPFAIL)
        check_hello(greeting, path)
    except (OSError, PeerGone, ProtocolError) as error:
        peer.close()
        raise IpcError(f"connect to {path}: {words_for(error)}") from error
    except (IpcError, CommandError):
        peer.close()
        raise
    return peer


def send_submission(peer: Peer, request: LocalSubmit, content: Iterable[bytes]) -> AnyMessage:
    """Send everything, or as much as it takes to be refused, and return the answer."""
    peer.send(request)
    for piece in content:
        for start in range(0, max(1, len(piece)), CHUNK):
            peer.send(ContentChunk(piece[start : start + CHUNK]))
        if select.select([peer.sock], [], [], 0)[0] and not isinstance(early := peer.receive(), Goodbye):
            return early
    peer.send(ContentEnd())
    return _receive(peer)


def _receive(peer: Peer) -> AnyMessage:
    while isinstance(reply := peer.receive(), Goodbye):
        pass
    return reply


def _exit_status(status: str) -> int:
    """Return the status of sysexits.h for an RFC 3463 code."""
    if not status.startswith("5"):
        return os.EX_TEMPFAIL
    return os.EX_NOPERM if status == _NOT_ALLOWED else os.EX_UNAVAILABLE

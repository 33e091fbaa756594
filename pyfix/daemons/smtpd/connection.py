"""The bytes of one SMTP client: lines in, replies out, timeouts, the end.

This is aiosmtpd's session class with its engine replaced, because measured on one new connection with one message
it took 0.60 ms of CPU and this takes a third of that at most:
- SMTP.__init__ looks through all attributes of itself and of its handler for hooks, for every connection. It is not
  called; the command table (session.py) is made once a process. Nor is that of StreamReaderProtocol: its reader,
  writer and queue of waiters are not used, and cost an idle connection 3 KiB.
- A task for each connection, and a wakeup of it for each line: here `data_received` runs the dialogue itself as far
  as the input goes, and where it must wait (trivial-rewrite, cleanup, a thread) the future that it waits for calls
  it again. The handlers are coroutines as in aiosmtpd; they do not see the difference, but that there is no current
  task: what needs one (asyncio.timeout, the DNS library) must be given a task of its own.
- A timer is set and cancelled for each command: here a deadline is written down, and deadlines.py looks at it once.
- Replies are gathered and written once when the input is used up, without drain. A client that does not read them
  is not served on until it does (pause_writing), and falls to the timeout.

With smtpd_per_request_deadline a command must be whole within smtpd_timeout, counted from the end of the one before;
content earns time by its size. Without, each piece of input begins the timeout anew. What the server itself waits for
is never the client's time.

Input is bounded: while the dialogue waits, reading stops at INPUT_LIMIT bytes.

A fault of the program ends the session in which it shows, with 421 and a line in the log, and not the process with
the sessions of everybody else: whatever the event loop calls here is `guarded`, and so is the dialogue.
"""

from __future__ import annotations

import asyncio
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from aiosmtpd.smtp import SMTP

from pyfix.base.log import one_line
from pyfix.daemons.smtpd import log
from pyfix.daemons.smtpd.content import Receiver
from pyfix.daemons.smtpd.peername import Peer, address_of, own_address_of
from pyfix.daemons.smtpd.server import Server
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.smtp import replies
from pyfix.mail.tls.layer import TlsLayer
from pyfix.mail.tls.session import TlsSession
from pyfix.proto.dialogue import Dialogue

INPUT_LIMIT: Final = 64 * 1024
AFTER_MESSAGE: Final = "END-OF-MESSAGE"
"""Where a session is when a message has been answered: to hang up here is no loss, and not logged."""
NO_PEER: Final = Peer("unknown", "unknown", label="unknown[unknown]")


C = TypeVar("C", bound="Connection")
P = ParamSpec("P")
R = TypeVar("R")


def guarded(event: Callable[Concatenate[C, P], R]) -> Callable[Concatenate[C, P], R | None]:
    """Make an event of the loop end its session, and nothing else, when it raises what nobody expects."""

    @functools.wraps(event)
    def handle(self: C, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return event(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - see the module: a fault ends its session, not the process
            self.break_off(error)
            return None

    return handle


class Connection(SMTP, ABC):
    """The transport side of a session."""

    def __init__(self, server: Server) -> None:  # no super().__init__(): see the module
        self.server = server
        self.params = server.params
        """As they were when the session began."""
        self.loop = server.loop
        self.transport: asyncio.Transport | None = None
        """Where replies go: the socket's, or the layer once the session is encrypted."""
        self.layer: TlsLayer | None = None
        """Between the two, from the beginning of a handshake on."""
        self.tls: TlsSession | None = None
        """How the session is encrypted; None: not at all."""
        self.is_encrypted = False
        self.deadline = 0.0
        self._timeout = self.params.smtpd_timeout
        self._data_rate = self.params.smtpd_min_data_rate if self.params.smtpd_per_request_deadline else 0
        """Bytes of content that earn a second; 0: whatever the client sends earns the whole timeout."""
        self.peer = NO_PEER
        self.where = "CONNECT"
        """Name of the last command, for the log."""
        self._port = ""
        self._own_address = ""
        """Where the client has connected to."""
        self._input = b""
        self._at = 0
        """How much of the input is used up."""
        self._receiver: Receiver | None = None
        """What takes the input while it is content."""
        self._output: list[str] = []
        self._dialogue = Dialogue() if server.keeps_dialogue else None
        """What was said, for the postmaster; None when nobody wants to know."""
        self._trouble = Trouble.NONE
        """The classes of all that went wrong in this dialogue."""
        self._reason = ""
        """Why the session ended before its time."""
        self._is_working = False
        self._is_closing = False
        self._has_ended = False
        """The end of the session was logged, or needs no line of its own."""
        self._eof = False
        self._lost = False
        self._reading_paused = False
        self._writable: asyncio.Future[None] | None = None

    # --- events of the transport

    @guarded
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but inheritance
        server = self.server
        server.worker.client_opened()
        self.deadline = self.loop.time() + self._timeout
        server.deadlines.watch(self)
        address, self._port = address_of(transport)
        self._own_address = own_address_of(transport)
        self._drive(self._begin(address))

    def data_received(self, data: bytes) -> None:
        """Input came; use it up, or keep it while the dialogue waits for something else."""
        if self._is_closing:
            return
        if not self._data_rate:
            self.deadline = self.loop.time() + self._timeout
        elif self._receiver is not None:
            self.deadline = min(self.deadline + len(data) / self._data_rate, self.loop.time() + self._timeout)
        self._input = self._input[self._at :] + data if self._input else data
        self._at = 0
        if not self._is_working:
            self._drive(self._handle_client())
        elif len(self._input) > INPUT_LIMIT and self.transport is not None:
            self._reading_paused = True
            self.transport.pause_reading()

    @guarded
    def eof_received(self) -> bool:
        """The client sends no more; what it sent before is still answered."""
        self._eof = True
        if not self._is_working:
            self._finish_eof()
        return not self._is_closing

    @guarded
    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self._lost = True
        self._is_closing = True
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if not self._is_working:
            self._ended()

    def pause_writing(self) -> None:
        """The client does not read what it is sent."""
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        """It reads again."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- the dialogue

    def _drive(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin a part of the dialogue."""
        self._is_working = True
        self._advance(work)

    def _advance(self, work: Coroutine[Any, Any, None], awaited: asyncio.Future[Any] | None = None) -> None:
        """Run the dialogue as far as it goes without waiting; `awaited` is what it waited for."""
        try:
            try:
                waits_for = work.send(None)
            except StopIteration:
                if awaited is not None:
                    self.deadline = self.loop.time() + self._timeout
                self._rest()
            else:
                self._wait(work, waits_for)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - see the module
            self.break_off(error)

    def _wait(self, work: Coroutine[Any, Any, None], waits_for: Any) -> None:
        """Have the dialogue go on once a future is done; in the next turn of the loop when it only lets others go."""
        if waits_for is None:
            self.loop.call_soon(self._advance, work)
            return
        waits_for._asyncio_future_blocking = False  # it was yielded to somebody who knows how to wait: asyncio.Future
        waits_for.add_done_callback(functools.partial(self._advance, work))

    def _rest(self) -> None:
        """The input is used up: send the replies and wait for more."""
        self._is_working = False
        if self._output:
            self._flush()
        if self._lost:
            self._ended()
        elif self._eof:
            self._finish_eof()
        elif self._reading_paused and self.transport is not None and not self._is_closing:
            self._reading_paused = False
            self.transport.resume_reading()

    @abstractmethod
    async def _begin(self, address: str) -> None:
        """Greet the client, then answer what it has sent meanwhile."""

    def _say(self, reply: str) -> None:
        """Put a reply to those that go out next."""
        self._output.append(reply)
        if self._dialogue is not None:
            self._dialogue.said(reply)

    @abstractmethod
    async def push(self, status: str) -> None:  # type: ignore[override]  # bytes are never pushed here
        """Queue a reply."""

    @abstractmethod
    async def _handle_client(self) -> None:
        """Answer the input."""

    def _flush(self) -> None:
        """Write the replies gathered so far."""
        if self._output and self.transport is not None and not self._lost:
            output = map(replies.soften, self._output) if self.params.soft_bounce else self._output
            self.transport.write(("\r\n".join(output) + "\r\n").encode("utf-8", "replace"))
        self._output.clear()

    def _close(self) -> None:
        """End the session from this side."""
        self._flush()
        self._is_closing = True
        self._input, self._at = b"", 0
        if self.transport is not None:
            self.transport.close()

    def _finish_eof(self) -> None:
        if not self._is_closing:
            self._close()

    def _ended(self) -> None:
        """The connection is gone and nothing runs any more: log and forget."""
        server = self.server
        if self.transport is None:
            return
        self.transport = None
        server.deadlines.forget(self)
        server.worker.client_closed()
        if not self._has_ended:
            self._has_ended = True
            self._reason = "lost connection"
            if self.where != AFTER_MESSAGE:
                self._log_end(self._reason)
        self._release()

    def break_off(self, error: BaseException) -> None:
        """The program has a fault: end this session."""
        log.internal_error(self.server.log, self.where, self.peer.label, one_line(error))
        self._has_ended = True
        self._is_working = False
        self._trouble |= Trouble.SOFTWARE
        self._reason = "internal error"
        try:
            if not self._is_closing:
                self._say(replies.internal_error(self.params.myhostname))
                self._close()
            if self._lost:
                self._ended()
        except Exception as second:  # noqa: BLE001 - a fault in what ends the session
            log.internal_error(self.server.log, self.where, self.peer.label, one_line(second))
            self._is_closing = True
            if self.transport is not None:
                self.transport.abort()

    def _log_end(self, reason: str) -> None:
        log.ended(self.server.log, reason, self.where, self.peer.label)

    @abstractmethod
    def _release(self) -> None:
        """Let go of everything that the session holds."""

    # --- time

    @guarded
    def timed_out(self) -> None:
        """The deadline has passed: the client was silent, or does not read, or does not close."""
        if self.transport is None:
            return
        if self._is_closing or self._writable is not None:
            if not self._has_ended:
                self._end_late()
            self.transport.abort()
        elif self._is_working:
            self.deadline = self.loop.time() + self._timeout
        else:
            self._end_late()
            self._say(replies.timeout(self.params.myhostname))
            self._close()

    def _end_late(self) -> None:
        self._has_ended = True
        self._reason = "timeout"
        self._log_end(self._reason)

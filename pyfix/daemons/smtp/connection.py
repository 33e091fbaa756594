"""One server connection on the event loop: performs what the session asks, watches the clock, streams the content.

A bare asyncio.Protocol: no task and no stream object per connection. All bytes that one event produces leave in one
write. The content goes out in chunks; while the server is slow, writing pauses and no more of the file is read, so a
large message costs a few hundred KiB of memory.

The outcome of a message goes to its `Listener` as it becomes known; `deliver()` returns when there is nothing more to
come. Every wait has the time limit of its stage. One timer a connection is set again only when it would be late.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, Final, ParamSpec, Protocol, cast

from pyfix.base.failure import words_for
from pyfix.base.log import Log, one_line
from pyfix.daemons.smtp import verdict
from pyfix.mail.delivery import Content
from pyfix.mail.delivery.content import ContentError, HeadedContent
from pyfix.mail.ipc.messages import Dsn
from pyfix.proto.dialogue import Dialogue
from pyfix.proto.smtp_client.actions import (
    Accepted,
    Action,
    Closed,
    Complaint,
    Finished,
    Garbled,
    Idle,
    Lost,
    MessageRefused,
    Ready,
    RecipientRefused,
    Send,
    SendContent,
    SiteRefused,
    Stage,
    Unsendable,
    Violated,
)
from pyfix.proto.smtp_client.commands import Mail, Rcpt
from pyfix.proto.smtp_client.content import ContentEncoder
from pyfix.proto.smtp_client.downgrade import Downgrader, TooDeep
from pyfix.proto.smtp_client.reply import Reply
from pyfix.proto.smtp_client.session import Session, SessionSettings

_CHUNK: Final = 64 * 1024
_HIGH_WATER: Final = 192 * 1024
P = ParamSpec("P")


class Listener(Protocol):
    """Who wants to know what becomes of a message."""

    def accepted(self, index: int | None, reply: Reply) -> None: ...

    def recipient_refused(self, index: int, dsn: Dsn) -> None: ...

    def message_refused(self, dsn: Dsn) -> None: ...

    def connection_failed(self, dsn: Dsn) -> None: ...

    def line_broken(self, limit: int) -> None: ...

    def connection_stale(self) -> None:
        """A kept connection had ended before the message began: nothing happened yet."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server as the log names it."""

    host: str
    address: str
    port: int

    @property
    def peer(self) -> str:
        """Return host[address]."""
        return f"{self.host}[{self.address}]"

    @property
    def relay(self) -> str:
        """Return host[address]:port."""
        return f"{self.host}[{self.address}]:{self.port}" if self.port else self.peer


@dataclass(frozen=True, slots=True)
class Message:
    """What one transaction sends."""

    mail: Mail
    recipients: list[Rcpt]
    content: Content | HeadedContent
    probe: bool = False
    """Ask for the recipients only."""
    to_7bit: bool = False
    """Convert 8-bit parts, because the server does not take them."""


def _contained(callback: Callable[Concatenate[Connection, P], None]) -> Callable[Concatenate[Connection, P], None]:
    """Keep an unexpected exception from the event loop, which serves the deliveries of others as well."""

    @functools.wraps(callback)
    def run(self: Connection, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - a bug that one message meets must not end the others
            self._break(error)

    return run


class Connection(asyncio.Protocol):
    """From connect to close; used for one message after another."""

    def __init__(
        self,
        endpoint: Endpoint,
        settings: SessionSettings,
        timeouts_s: dict[Stage, float],
        log: Log,
        *,
        line_limit: int,
        skip_5xx_greeting: bool,
        keeps_dialogue: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.dialogue = Dialogue() if keeps_dialogue else None
        """What was said since the connection was opened or kept."""
        self.session = Session(settings, self.dialogue)
        self.uses = 0
        self.opened_at = 0.0
        self.idle_until = 0.0
        """Set by the cache while it holds the connection."""
        self.greeting_name = ""
        self.on_idle: Callable[[Connection], None] | None = None
        self.on_closed: Callable[[Connection], None] | None = None
        self.on_trouble: Callable[[Connection], None] | None = None
        """Told at the end of a dialogue in which the protocol was broken."""
        self.wants_keep: Callable[[Connection], bool] = lambda connection: False
        self._timeouts_s = timeouts_s
        self._log = log
        self._line_limit = line_limit
        self._skip_5xx_greeting = skip_5xx_greeting
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._listener: Listener | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._handshake_failure: Dsn | None = None
        self._message: Message | None = None
        self._encoder: ContentEncoder | None = None
        self._downgrader: Downgrader | None = None
        self._sent = 0
        self._paused = False
        self._keep = False
        self._heard = True
        """The server has said something about this message."""
        self._out: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = 0.0
        self._is_late = False
        self._has_trouble = False

    # --- what its owner asks ----------------------------------------------------------------------------------

    async def handshake(self) -> Dsn | None:
        """Wait for greeting and EHLO; return why the server can't be used, None when it can."""
        if self.session.stage is not Stage.READY and self._handshake_failure is None:
            await self._wait()
        return self._handshake_failure

    async def deliver(self, message: Message, listener: Listener) -> None:
        """Send one message; the listener has heard of every recipient when this returns."""
        self._listener = listener
        self._message = message
        self._sent = 0
        self.uses += 1
        self._heard = self._keep = False
        actions = self.session.begin(
            message.mail, message.recipients, with_size=not message.to_7bit, probe=message.probe
        )
        self._perform(actions)
        if self._listener is not None:
            await self._wait()

    def quit(self) -> None:
        """Leave politely."""
        self.on_idle = None
        self._perform(self.session.quit())

    def abort(self) -> None:
        """Leave at once."""
        if self._transport is not None:
            self._transport.abort()

    def abandon(self) -> None:
        """Leave at once and report nothing more: an inner fault has left the message in an unknown state."""
        self.on_idle = None
        self._end_message()
        self.abort()

    @property
    def is_usable(self) -> bool:
        """True while another message may be sent."""
        return self.session.is_reusable and self._transport is not None and not self._transport.is_closing()

    # --- what the event loop reports ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(_HIGH_WATER)
        self.opened_at = self._loop.time()
        self._watch()

    @_contained
    def data_received(self, data: bytes) -> None:
        self._heard = True
        self._perform(self.session.receive(data))

    def eof_received(self) -> None:
        """Nothing more will come: the transport closes itself, and connection_lost follows."""

    @_contained
    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.session.stage is not Stage.CLOSED:
            self._perform(self.session.lost())
        self._transport = None
        if self.on_closed is not None:
            self.on_closed(self)
        self._wake()

    def pause_writing(self) -> None:
        self._paused = True

    @_contained
    def resume_writing(self) -> None:
        self._paused = False
        if self.session.stage is Stage.CONTENT:
            self._stream()
            self._flush()
            self._watch()

    # --- actions ------------------------------------------------------------------------------------------------

    def _perform(self, actions: list[Action]) -> None:
        """Carry out all actions, then write what they produced and look at the clock."""
        for action in actions:
            _PERFORM[type(action)](self, action)
        self._flush()
        self._watch()

    def _do_send(self, action: Send) -> None:
        self._out.append(action.data)

    def _do_ready(self, action: Ready) -> None:
        self.greeting_name = action.greeting_name
        features = action.features
        if features.bad_size:
            self._log.warning(f'bad EHLO SIZE limit "{features.bad_size}" from {self.endpoint.relay}')
        if features.lacks_8bitmime:
            self._log.info(f"host {self.endpoint.peer} offers SMTPUTF8 support, but not 8BITMIME")
        self._wake()

    def _do_send_content(self, action: SendContent) -> None:
        self._encoder = ContentEncoder(self._line_limit)
        self._downgrader = Downgrader() if self._message is not None and self._message.to_7bit else None
        self._keep = self.wants_keep(self)
        self._stream()

    def _do_accepted(self, action: Accepted) -> None:
        if self._listener is not None:
            self._listener.accepted(action.index, action.reply)

    def _do_recipient_refused(self, action: RecipientRefused) -> None:
        self._look_for_trouble(action.reply)
        if self._listener is not None:
            dsn = verdict.refused(action.reply, action.stage, self.endpoint.host, self.endpoint.peer)
            self._listener.recipient_refused(action.index, dsn)

    def _do_message_refused(self, action: MessageRefused) -> None:
        self._look_for_trouble(action.reply)
        if self._listener is None:
            return
        if self.uses > 1 and action.stage is Stage.MAIL and action.reply.code == 421:
            self._listener.connection_stale()
        else:
            dsn = verdict.refused(action.reply, action.stage, self.endpoint.host, self.endpoint.peer)
            self._listener.message_refused(dsn)

    def _do_unsendable(self, action: Unsendable) -> None:
        if self._listener is None:
            return
        if action.index is None:
            self._listener.message_refused(verdict.unsendable(sender=True))
        else:
            self._listener.recipient_refused(action.index, verdict.unsendable(sender=False))

    def _do_site_refused(self, action: SiteRefused) -> None:
        self._look_for_trouble(action.reply)
        self._fail(
            verdict.site_refused(
                action.reply,
                action.stage,
                self.endpoint.host,
                self.endpoint.peer,
                skip_5xx_greeting=self._skip_5xx_greeting,
            )
        )

    def _do_lost(self, action: Lost) -> None:
        say = verdict.timed_out if self._is_late else verdict.lost
        self._fail(say(action.stage, self.endpoint.peer))

    def _do_violated(self, action: Violated) -> None:
        self._fail(verdict.violated(action.reason, self.endpoint.peer))

    def _do_finished(self, action: Finished) -> None:
        self._end_message()
        self._perform(self.session.finish(keep=self._keep or self.wants_keep(self)))

    def _do_garbled(self, action: Garbled) -> None:
        self._has_trouble = True

    def _do_idle(self, action: Idle) -> None:
        self._end_dialogue()
        if self.on_idle is not None:
            self.on_idle(self)

    def _do_complaint(self, action: Complaint) -> None:
        self._log.warning(f"{self.endpoint.peer}: {action.text}")

    def _do_closed(self, action: Closed) -> None:
        self._end_dialogue()
        self._end_message()
        if self._transport is not None:
            self._flush()
            self._transport.close()
        self._wake()

    def _fail(self, dsn: Dsn) -> None:
        if self._listener is None:
            self._handshake_failure = dsn
        elif self.uses > 1 and not self._heard and not self._is_late:
            self._listener.connection_stale()
        else:
            self._listener.connection_failed(dsn)

    def _end_message(self) -> None:
        self._listener = None
        self._message = None
        self._encoder = None
        self._wake()

    # --- trouble ------------------------------------------------------------------------------------------------

    def _look_for_trouble(self, reply: Reply) -> None:
        self._has_trouble = self._has_trouble or verdict.breaks_protocol(reply)

    def _end_dialogue(self) -> None:
        """Tell of trouble; what comes next is about another message."""
        if self.dialogue is None:
            return
        if self._has_trouble and self.on_trouble is not None:
            self.on_trouble(self)
        self._has_trouble = False
        self.dialogue.clear()

    # --- content ------------------------------------------------------------------------------------------------

    def _stream(self) -> None:
        """Write content until the server is behind or there is no more."""
        message, encoder = self._message, self._encoder
        if message is None or encoder is None:
            return
        content = message.content
        while not self._paused and self._sent < content.length:
            try:
                chunk = content.read() if content.is_small else content.read_range(self._sent, _CHUNK)
                self._sent += len(chunk)
                if self._downgrader is not None:
                    chunk = self._downgrader.convert(chunk)
            except (OSError, ContentError) as error:
                self._log.warning(f"read message content: {words_for(error)}")
                self._give_up(verdict.unreadable())
                return
            except TooDeep:
                self._give_up(verdict.nested_too_deep())
                return
            self._out.append(encoder.encode(chunk))
            if self._sent < content.length:
                self._flush()
        if self._sent >= content.length:
            self._end_content(encoder)

    def _give_up(self, dsn: Dsn) -> None:
        """The content can't be sent to its end: only the loss of the connection tells the server."""
        if self._listener is not None:
            self._listener.message_refused(dsn)
        self._end_message()
        self.abort()

    def _end_content(self, encoder: ContentEncoder) -> None:
        if self._downgrader is not None:
            self._out.append(encoder.encode(self._downgrader.finish()))
        self._out.append(encoder.finish())
        if encoder.broke_line and self._listener is not None:
            self._listener.line_broken(self._line_limit)
        for action in self.session.terminate(then_quit=not self._keep):
            _PERFORM[type(action)](self, action)

    def _flush(self) -> None:
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            if self._transport is not None and data:
                self._transport.write(data)

    # --- time ---------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Start the time limit of the present stage."""
        stage = self.session.stage
        if stage is Stage.IDLE or self._transport is None:
            self._deadline = 0.0
            return
        self._deadline = self._loop.time() + self._timeouts_s[stage]
        if self._timer is None or self._deadline < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = self._deadline
            self._timer = self._loop.call_at(self._deadline, self._look_at_clock)

    @_contained
    def _look_at_clock(self) -> None:
        self._timer = None
        if not self._deadline:
            return
        if self._loop.time() < self._deadline:
            self._timer_at = self._deadline
            self._timer = self._loop.call_at(self._deadline, self._look_at_clock)
            return
        self._is_late = True
        self._perform(self.session.lost())
        self.abort()

    # --- waiting --------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Until _wake. By then another message may wait on this connection already, so `_waiter` is left alone."""
        waiter = self._waiter = self._loop.create_future()
        await waiter

    def _break(self, error: Exception) -> None:
        """Pass a fault on to the delivery that waits; nobody else would hear of it."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        else:
            self._log.warning(f"{self.endpoint.relay}: {one_line(error)}")
        self.abandon()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


_PERFORM: Final[dict[type[Action], Callable[[Connection, Action], None]]] = cast(
    "dict[type[Action], Callable[[Connection, Action], None]]",
    {
        Send: Connection._do_send,
        Ready: Connection._do_ready,
        SendContent: Connection._do_send_content,
        Accepted: Connection._do_accepted,
        RecipientRefused: Connection._do_recipient_refused,
        MessageRefused: Connection._do_message_refused,
        Unsendable: Connection._do_unsendable,
        SiteRefused: Connection._do_site_refused,
        Lost: Connection._do_lost,
        Violated: Connection._do_violated,
        Garbled: Connection._do_garbled,
        Finished: Connection._do_finished,
        Idle: Connection._do_idle,
        Complaint: Connection._do_complaint,
        Closed: Connection._do_closed,
    },
)

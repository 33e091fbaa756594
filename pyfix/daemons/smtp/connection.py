"""One server connection on the event loop: performs what the session asks, watches the clock, streams the content.

A bare asyncio.Protocol: no task and no stream object per connection. All bytes that one event produces leave in one
write. The content goes out in chunks; while the server is slow, writing pauses and no more of the file is read, so a
large message costs a few hundred KiB of memory.

The outcome of a message goes to its `Listener` as it becomes known (reports.py); `deliver()` returns when there is
nothing more to come. Every wait has the time limit of its stage.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, cast

from pyfix.base.failure import words_for
from pyfix.base.log import Log, one_line
from pyfix.daemons.smtp import verdict
from pyfix.daemons.smtp.reports import Reports
from pyfix.daemons.smtp.settings import ClientSettings
from pyfix.daemons.smtp.stream import ContentStream
from pyfix.daemons.smtp.time_limit import TimeLimit
from pyfix.daemons.smtp.transaction import Endpoint, Listener, Message
from pyfix.mail.delivery.content import ContentError
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
from pyfix.proto.smtp_client.downgrade import TooDeep
from pyfix.proto.smtp_client.session import Session

_HIGH_WATER: Final = 192 * 1024
P = ParamSpec("P")


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

    def __init__(self, endpoint: Endpoint, settings: ClientSettings, log: Log, *, keeps_dialogue: bool = False) -> None:
        self.endpoint = endpoint
        self.dialogue = Dialogue() if keeps_dialogue else None
        """What was said since the connection was opened or kept."""
        self.session = Session(settings.session, self.dialogue)
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
        self._settings = settings
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._limit = TimeLimit(self._loop, self._be_late)
        self._reports = Reports(endpoint, skip_5xx_greeting=settings.skip_5xx_greeting)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._message: Message | None = None
        self._stream: ContentStream | None = None
        self._paused = False
        self._keep = False
        self._out: list[bytes] = []

    # --- what its owner asks ----------------------------------------------------------------------------------

    async def handshake(self) -> Dsn | None:
        """Wait for greeting and EHLO; return why the server can't be used, None when it can."""
        if self.session.stage is not Stage.READY and self._reports.handshake_failure is None:
            await self._wait()
        return self._reports.handshake_failure

    async def deliver(self, message: Message, listener: Listener) -> None:
        """Send one message; the listener has heard of every recipient when this returns."""
        self.uses += 1
        self._reports.begin(listener, is_reused=self.uses > 1)
        self._message = message
        self._keep = False
        actions = self.session.begin(
            message.mail, message.recipients, with_size=not message.to_7bit, probe=message.probe
        )
        self._perform(actions)
        if self._reports.is_wanted:
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
        self._reports.has_heard = True
        self._perform(self.session.receive(data))

    def eof_received(self) -> None:
        """Nothing more will come: the transport closes itself, and connection_lost follows."""

    @_contained
    def connection_lost(self, exc: Exception | None) -> None:
        self._limit.cancel()
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
            self._send_content()
            self._flush()
            self._watch()

    @_contained
    def _be_late(self) -> None:
        """The time limit has passed."""
        self._reports.is_late = True
        self._perform(self.session.lost())
        self.abort()

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
        if self._message is not None:
            self._stream = ContentStream(self._message, self._settings.line_limit)
        self._keep = self.wants_keep(self)
        self._send_content()

    def _do_finished(self, action: Finished) -> None:
        self._end_message()
        self._perform(self.session.finish(keep=self._keep or self.wants_keep(self)))

    def _do_garbled(self, action: Garbled) -> None:
        self._reports.has_trouble = True

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

    def _end_message(self) -> None:
        self._reports.end()
        self._message = None
        self._stream = None
        self._wake()

    def _end_dialogue(self) -> None:
        """Tell of trouble; what comes next is about another message."""
        if self.dialogue is None:
            return
        if self._reports.has_trouble and self.on_trouble is not None:
            self.on_trouble(self)
        self._reports.has_trouble = False
        self.dialogue.clear()

    # --- content ------------------------------------------------------------------------------------------------

    def _send_content(self) -> None:
        """Write content until the server is behind or there is no more."""
        stream = self._stream
        if stream is None:
            return
        try:
            while not self._paused and not stream.is_read:
                self._out.append(stream.next_piece())
                if not stream.is_read:
                    self._flush()
        except (OSError, ContentError) as error:
            self._log.warning(f"read message content: {words_for(error)}")
            self._give_up(verdict.unreadable())
            return
        except TooDeep:
            self._give_up(verdict.nested_too_deep())
            return
        if stream.is_read:
            self._end_content(stream)

    def _give_up(self, dsn: Dsn) -> None:
        """The content can't be sent to its end: only the loss of the connection tells the server."""
        self._reports.content_failed(dsn)
        self._end_message()
        self.abort()

    def _end_content(self, stream: ContentStream) -> None:
        self._out.append(stream.finish())
        if stream.broke_line:
            self._reports.line_broken(self._settings.line_limit)
        for action in self.session.terminate(then_quit=not self._keep):
            _PERFORM[type(action)](self, action)

    def _flush(self) -> None:
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            if self._transport is not None and data:
                self._transport.write(data)

    # --- waiting --------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Start the time limit of the present stage."""
        stage = self.session.stage
        if stage is Stage.IDLE or self._transport is None:
            self._limit.suspend()
        else:
            self._limit.start(self._settings.timeouts_s[stage])

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
        Accepted: lambda self, action: self._reports.accepted(action),
        RecipientRefused: lambda self, action: self._reports.recipient_refused(action),
        MessageRefused: lambda self, action: self._reports.message_refused(action),
        Unsendable: lambda self, action: self._reports.unsendable(action),
        SiteRefused: lambda self, action: self._reports.site_refused(action),
        Lost: lambda self, action: self._reports.lost(action),
        Violated: lambda self, action: self._reports.violated(action),
        Garbled: Connection._do_garbled,
        Finished: Connection._do_finished,
        Idle: Connection._do_idle,
        Complaint: Connection._do_complaint,
        Closed: Connection._do_closed,
    },
)

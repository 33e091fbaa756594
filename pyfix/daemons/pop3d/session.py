"""The bytes of one client: input to the dialogue, its actions carried out, timeouts, the end.

Actions are carried out in their order, and the next one waits until the client has taken enough of the one before
(pause_writing): a client that reads slowly costs one piece of a message. Input stops at INPUT_LIMIT bytes that wait.

A fault of the program ends the session in which it shows, and not the process with those of everybody else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from pyfix.base.log import Log, one_line
from pyfix.daemons.pop3d.box import Box
from pyfix.daemons.pop3d.params import END_OF_HEADERS, NO_NULS, Pop3dParameters
from pyfix.daemons.pop3d.sending import Sending
from pyfix.mail.mailbox.reading import MailboxInUse, MessageGone, ReadingError
from pyfix.proto.pop3.actions import Action, Close, Fetch, Listing, Reply, Update
from pyfix.proto.pop3.capabilities import Policy
from pyfix.proto.pop3.content import Encoder
from pyfix.proto.pop3.transaction import Counts, Transaction
from pyfix.service.deadlines import Deadlines
from pyfix.service.rights import RightsError
from pyfix.service.worker import Worker

INPUT_LIMIT: Final = 64 * 1024
_PIECE: Final = 4096
"""Input that is answered at a time: replies are longer than commands, and a client need not read them."""
TROUBLE: Final = b"-ERR [SYS/TEMP] Internal error occurred. Refer to server log for more information.\r\n"
_IN_USE: Final = b"-ERR [IN-USE] Mailbox is locked by another POP3 session.\r\n"
_SHUTTING_DOWN: Final = b"-ERR [SYS/TEMP] Server shutting down.\r\n"
_INACTIVE: Final = b"-ERR Disconnected for inactivity.\r\n"


@dataclass(frozen=True, slots=True)
class Shared:
    """What all sessions of a process share."""

    worker: Worker
    log: Log
    loop: asyncio.AbstractEventLoop
    params: Pop3dParameters
    policy: Policy
    deadlines: Deadlines
    summary: Callable[[Mapping[str, int]], str]


class Session(asyncio.Protocol):
    """One client, from the moment it has logged in."""

    __slots__ = (
        "_actions",
        "_box",
        "_dialogue",
        "_has_ended",
        "_input",
        "_input_bytes",
        "_is_at_eof",
        "_is_closing",
        "_is_lost",
        "_is_paused",
        "_is_performing",
        "_is_reading_paused",
        "_is_stopping",
        "_is_waiting",
        "_listing",
        "_name",
        "_on_end",
        "_output_bytes",
        "_sending",
        "_shared",
        "_size",
        "_transport",
        "deadline",
    )  # fmt: skip

    def __init__(self, shared: Shared, name: str, rest: bytes, on_end: Callable[[], None]) -> None:
        """name: what the log calls the session; rest: input that has come already."""
        self._shared = shared
        self._name = name
        self._on_end = on_end
        self._input = rest
        self._dialogue: Transaction | None = None
        self._box: Box | None = None
        self._size = (0, 0)
        self._actions: deque[Action] = deque()
        self._listing: Iterator[bytes] | None = None
        self._sending: Sending | None = None
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self._is_reading_paused = False
        self._is_performing = False
        self._is_stopping = False
        self._is_waiting = False
        self._is_at_eof = False
        self._is_closing = False
        self._is_lost = False
        self._has_ended = False
        self._input_bytes = 0
        self._output_bytes = 0
        self.deadline = 0.0

    @property
    def is_wanted(self) -> bool:
        """True as long as there is a client that has anything to say, or may have."""
        return not self._is_lost and not self._is_closing and not (self._is_at_eof and not self._input)

    @property
    def is_idle(self) -> bool:
        """True when it is the client's turn."""
        return not (self._is_waiting or self._actions or self._sending or self._listing or self._input)

    # --- the beginning

    def begin(self, box: Box) -> None:
        """The mailbox is open: greet the client and answer what it has sent meanwhile."""
        params = self._shared.params
        self._box = box
        self._size = (len(box.mailbox), box.mailbox.total_octets)
        self._dialogue = Transaction(
            box.mailbox,
            self._shared.policy,
            keeps_flags=params.pop3_no_flag_updates,
            last=box.last_seen() if params.pop3_enable_last else None,
        )
        self._take([Reply(b"+OK Logged in.\r\n")])

    def refuse(self, error: Exception) -> None:
        """The mailbox can't be opened."""
        if isinstance(error, MailboxInUse):
            self._write(_IN_USE)
            self._end("Couldn't lock POP3 session")
        else:
            self._shared.log.error(f"{self._name}: {error}")
            self._write(TROUBLE)
            self._end("Couldn't open INBOX")

    def abandon(self) -> None:
        """The client has gone before its mailbox was open."""
        self._end("Connection closed")

    # --- events of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client's connection is ours now."""
        self._transport = cast(asyncio.Transport, transport)
        self._extend()
        self._shared.deadlines.watch(self)

    def data_received(self, data: bytes) -> None:
        """Input came."""
        self._input_bytes += len(data)
        self._extend()
        self._input += data
        if self._dialogue is not None:
            self._perform()
        if not self._has_room:
            self._pause_reading()

    def eof_received(self) -> bool:
        """The client sends no more; what it has sent before is still answered."""
        self._is_at_eof = True
        self._perform()
        return not self._is_closing

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self._is_lost = True
        self._stop_sending()
        self._end("Connection closed")
        self._shared.deadlines.forget(self)
        self._on_end()

    def pause_writing(self) -> None:
        """The client is slow: it is answered when it has taken this."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """It has taken what there was."""
        self._is_paused = False
        self._extend()
        self._perform()

    def _pause_reading(self) -> None:
        if not self._is_reading_paused and self._transport is not None and not self._transport.is_closing():
            self._is_reading_paused = True
            self._transport.pause_reading()

    def _extend(self) -> None:
        self.deadline = self._shared.loop.time() + self._shared.params.pop3_timeout

    # --- actions

    def _take(self, actions: list[Action]) -> None:
        self._actions += actions
        self._perform()

    def _perform(self) -> None:
        """Carry out what can be carried out now."""
        if self._is_performing:
            return
        self._is_performing = True
        try:
            while not self._is_paused and not self._is_waiting and self._perform_one():
                pass
        except Exception as error:  # noqa: BLE001 - see the module
            self._break_off(error)
        finally:
            self._is_performing = False
        if self._is_at_eof and self.is_idle and self._dialogue is not None:
            self._end("Connection closed")
        elif self._is_stopping:
            self.say_goodbye()
        if self._is_reading_paused and self._may_read():
            self._is_reading_paused = False
            cast(asyncio.Transport, self._transport).resume_reading()

    def _may_read(self) -> bool:
        return self._dialogue is not None and self._has_room and not self._is_closing and not self._is_lost

    @property
    def _has_room(self) -> bool:
        return len(self._input) + (self._dialogue.waiting_input if self._dialogue else 0) <= INPUT_LIMIT

    def _perform_one(self) -> bool:
        """Take one step; return whether there is more to do at once."""
        if self._sending is not None:
            self._send_piece(self._sending)
        elif self._listing is not None:
            self._send_block(self._listing)
        elif self._actions:
            self._begin_action(self._actions.popleft())
        elif self._input and self._dialogue is not None and not self._has_ended:
            piece, self._input = self._input[:_PIECE], self._input[_PIECE:]
            self._actions += self._dialogue.receive(piece)
        else:
            return False
        return True

    def _begin_action(self, action: Action) -> None:
        match action:
            case Reply(data):
                self._write(data)
            case Fetch():
                self._fetch(action)
            case Listing(blocks):
                self._listing = blocks
            case Update(deleted=(), seen=()):
                dialogue, box = self._parts()
                box.close()
                self._actions += dialogue.updated()
            case Update():
                self._is_waiting = True
                self._shared.worker.spawn(self._update(action))
            case Close(reason):
                self._end(reason)
            case _:
                raise TypeError(f"{action} is no action of a session with its mailbox")

    def _fetch(self, fetch: Fetch) -> None:
        dialogue, box = self._parts()
        try:
            stream = box.open_message(fetch.number)
        except MessageGone:
            self._actions += dialogue.gone()
        except (ReadingError, RightsError) as error:
            self._shared.log.error(f"{self._name}: {error}")
            self._actions += dialogue.failed()
        else:
            workarounds = self._shared.params.pop3_client_workarounds
            encoder = Encoder(
                fetch.lines, no_nuls=NO_NULS in workarounds, ends_header=END_OF_HEADERS in workarounds
            )  # fmt: skip
            self._sending = Sending(stream, encoder, fetch.head)

    def _send_piece(self, sending: Sending) -> None:
        try:
            piece = sending.next_piece()
        except OSError as error:
            self._shared.log.error(f"{self._name}: message can't be read to its end: {error.strerror}")
            self._end("Read failed", abort=True)
            return
        self._write(piece)
        if not sending.is_done:
            return
        self._stop_sending()
        dialogue, box = self._parts()
        self._actions += dialogue.fetched(sending.sent)
        if not self._actions and not self._is_paused:
            box.open_ahead()

    def _send_block(self, listing: Iterator[bytes]) -> None:
        block = next(listing, None)
        if block is not None:
            self._write(block)
            return
        self._listing = None
        self._actions += self._parts()[0].done()

    def _stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.close()
            self._sending = None

    async def _update(self, update: Update) -> None:
        dialogue, box = self._parts()
        log = self._shared.log
        try:
            removed = await box.update(update.deleted, update.seen)
        except (ReadingError, RightsError) as error:
            log.error(f"{self._name}: {error}")
            actions = dialogue.updated(is_good=False)
        except Exception as error:  # noqa: BLE001 - see the module
            log.error(f"{self._name}: internal error: {one_line(error)}")
            actions = dialogue.updated(is_good=False)
        else:
            for failure in removed.failures:
                log.error(f"{self._name}: {failure}")
            actions = dialogue.updated(is_good=not removed.failures, messages=removed.messages)
        self._is_waiting = False
        if self._has_ended:
            return
        self._take(actions)

    def _parts(self) -> tuple[Transaction, Box]:
        if self._dialogue is None or self._box is None:
            raise RuntimeError("the session has not begun")
        return self._dialogue, self._box

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._is_lost:
            self._output_bytes += len(data)
            self._transport.write(data)

    # --- the end

    def say_goodbye(self) -> None:
        """The mail system stops: tell the client once it has what it is getting."""
        self._is_stopping = True
        if self._dialogue is None or self._has_ended or not self.is_idle:
            return
        self._write(_SHUTTING_DOWN)
        self._end("Shutting down")

    def refresh(self) -> None:
        """Keep the lock of the mailbox."""
        if self._box is not None and not self._has_ended:
            try:
                self._box.refresh()
            except (ReadingError, RightsError) as error:
                self._shared.log.error(f"{self._name}: {error}")
                self._write(b"-ERR [SYS/TEMP] Couldn't update POP3 session lock.\r\n")
                self._end("Couldn't update POP3 session lock")

    def timed_out(self) -> None:
        """The deadline has passed: the client is silent, or takes nothing."""
        if self._is_waiting or (self._dialogue is None and not self._is_closing):
            self._extend()  # the mailbox is at work, not the client
            return
        if self._is_closing or self._is_paused:
            self._end("Inactivity - no output taken", abort=True)
            return
        self._write(_INACTIVE)
        self._end(f"Inactivity - no input for {self._shared.params.pop3_timeout:.0f} secs")

    def _end(self, reason: str, *, abort: bool = False) -> None:
        """Log, let go of the mailbox and close, once; `abort`: what is not sent yet is dropped."""
        if not self._has_ended:
            self._has_ended = True
            self._stop_sending()
            self._listing = None
            self._actions.clear()
            self._input = b""
            if self._box is not None:
                self._box.close()
            self._shared.log.tell(f"{self._name}: Disconnected: {reason} {self._summary()}".rstrip())
        self._is_closing = True
        if self._transport is not None and not self._is_lost:
            if abort:
                self._transport.abort()
            else:
                self._transport.close()

    def _summary(self) -> str:
        counts = self._dialogue.counts if self._dialogue is not None else Counts()
        return self._shared.summary(
            {
                "t": counts.top, "p": counts.top_bytes, "r": counts.retr, "b": counts.retr_bytes, "d": counts.deleted,
                "m": self._size[0], "s": self._size[1], "i": self._input_bytes, "o": self._output_bytes,
            }
        )  # fmt: skip

    def _break_off(self, error: Exception) -> None:
        self._shared.log.error(f"{self._name}: internal error: {one_line(error)}")
        self._write(TROUBLE)
        self._end("Internal error")

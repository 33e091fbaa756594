"""The active queue: which messages are in work, and how many recipients of them are in memory.

A message enters by a hint, which carries what its file says, or by a scan; either way its file is renamed to
active/ first. Its recipients are read piece by piece: at most half of the room that is left for recipients
(qmgr_message_recipient_limit), so that one mailing never takes all of it, and qmgr_message_recipient_minimum in any
case, so that every active message moves.

When nothing of a message is pending any more it is handed to `on_finished`, which ends in `drop`.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pyfix.base import clock
from pyfix.base.log import Log
from pyfix.daemons.qmgr import log as events
from pyfix.daemons.qmgr.message import Message
from pyfix.daemons.qmgr.trouble import give_up_file, lasting_fault
from pyfix.mail.ipc.messages import Arrived, Recipient
from pyfix.mail.queue import CorruptFile, Entry, Queue, QueueFile

_LOCKED_S = 1.0
"""How long somebody may look at a file before it counts as being delivered."""
_RETRY_S = 60.0
"""Until a file is looked at again that can be neither used nor moved."""
_PIECE = 1000
"""Recipients that are read and resolved at a time: what the queue file keeps together."""


@dataclass(frozen=True, slots=True)
class ActiveLimits:
    """The parameters."""

    messages: int
    recipients: int
    minimum: int
    locked_wait: float
    """How long a file that an old agent works on, or that can't be opened, is left alone."""


class ActiveQueue:
    """See the module. `on_recipients` routes what has been read."""

    def __init__(
        self,
        queue: Queue,
        limits: ActiveLimits,
        log: Log,
        on_recipients: Callable[[Message, list[Recipient]], None],
        on_finished: Callable[[Message], None],
        on_room: Callable[[], None],
        call_later: Callable[..., object],
    ) -> None:
        self._queue = queue
        self._limits = limits
        self._log = log
        self._on_recipients = on_recipients
        self._on_finished = on_finished
        self._on_room = on_room
        self._call_later = call_later
        self._messages: dict[str, Message] = {}
        self._recipients = 0

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def has_room(self) -> bool:
        """Tell whether another message may enter."""
        return len(self._messages) < self._limits.messages

    @property
    def recipients(self) -> int:
        """Recipients in memory."""
        return self._recipients

    # --- entering ---------------------------------------------------------------------------------------------

    def recover(self) -> int:
        """Move what the last qmgr left in active/ back to incoming/; return how many messages."""
        entries = self._queue.scan("active", partial(events.scan_failed, self._log, "active"))
        return sum(self._recover(entry) for entry in entries)

    def _recover(self, entry: Entry) -> bool:
        """Return False for a finished message whose removal was cut short, and for one that can't be moved."""
        if entry.complete:
            is_moved = self._move(entry.id, "active", "incoming")
            if is_moved:
                events.recovered(self._log, entry.id)
            return is_moved
        try:
            self._queue.remove("active", entry.id)
        except OSError as error:
            events.remove_failed(self._log, entry.id, error)
        return False

    def take_hint(self, hint: Arrived) -> None:
        """Take a new message whose hint tells all about it."""
        if not self._move(hint.queue_id, "incoming", "active"):
            return
        message = Message(hint.queue_id, hint.envelope, hint.content_offset, hint.content_length, clock.now())
        self._enter(message)
        recipients = hint.recipients
        if recipients is None or len(recipients) > self._allowance(message):
            self._load(message)
        else:
            self._accept(message, recipients, None)

    def take_file(self, name: str, queue_id: str, flushed: bool = False) -> None:
        """Take a message that a scan of queue `name` found; one that is gone meanwhile is no error."""
        if self._move(queue_id, name, "active"):
            self._take_active(queue_id, flushed, False)

    def _take_active(self, queue_id: str, flushed: bool, waited: bool) -> None:
        """Read a file that lies in active/ and make it a message."""
        try:
            with self._queue.open("active", queue_id) as file:
                if not _is_free(file):
                    self._leave_alone(queue_id, flushed, waited)
                    return
                message = Message(queue_id, file.envelope, file.content_offset, file.content_length, clock.now())
        except (OSError, CorruptFile) as error:
            if not self._set_aside(queue_id, error):
                self._call_later(_RETRY_S, self._take_active, queue_id, flushed, False)
            return
        message.scanned = True
        message.flushed = flushed
        self._enter(message)
        self._load(message)

    def _enter(self, message: Message) -> None:
        self._messages[message.id] = message
        events.opened(self._log, message)

    def _move(self, queue_id: str, old: str, new: str, due: float | None = None) -> bool:
        """Return False for a file that is not there, or can't be moved now: the next scan tries again."""
        try:
            self._queue.move(queue_id, old, new, due)
        except FileNotFoundError:
            return False
        except OSError as error:
            events.rename_failed(self._log, queue_id, old, new, error)
            return False
        return True

    def _leave_alone(self, queue_id: str, flushed: bool, waited: bool) -> None:
        """Somebody holds the file: mailq for a moment, or an agent that outlived the last qmgr."""
        if waited:
            events.still_delivered(self._log, queue_id)
            self._move(queue_id, "active", "deferred", clock.now() + self._limits.locked_wait)
        else:
            self._call_later(_LOCKED_S, self._take_active, queue_id, flushed, True)

    def _set_aside(self, queue_id: str, error: OSError | CorruptFile) -> bool:
        """Move a file that can't be opened out of the way of all others; return False if that does not work either."""
        if isinstance(error, FileNotFoundError):
            return True
        if fault := lasting_fault(queue_id, error):
            return self.quarantine(queue_id, fault)
        assert isinstance(error, OSError)
        events.file_failed(self._log, queue_id, error)
        return self._move(queue_id, "active", "deferred", clock.now() + self._limits.locked_wait)

    def quarantine(self, queue_id: str, reason: str) -> bool:
        """Put a file aside for a person to look at; return False when it can't be moved now."""
        try:
            action = self._queue.quarantine("active", queue_id)
        except FileNotFoundError:
            return True
        except OSError as error:
            events.rename_failed(self._log, queue_id, "active", "corrupt", error)
            return False
        events.corrupt(self._log, queue_id, reason, action)
        return True

    # --- recipients -------------------------------------------------------------------------------------------

    def _allowance(self, message: Message) -> int:
        """Return how many recipients of a message may be read now."""
        room = max(0, self._limits.recipients - self._recipients) // 2
        return max(room, self._limits.minimum - message.pending)

    def _load(self, message: Message) -> None:
        """Read the next recipients. A message of which nothing is left to deliver is finished at once."""
        limit = min(self._allowance(message), _PIECE)
        try:
            with self._queue.open("active", message.id) as file:
                recipients, next_start = file.read_recipients(message.next_start or 0, limit)
        except (OSError, CorruptFile) as error:
            give_up_file(self._log, message, error)
            recipients, next_start = [], None
        self._accept(message, recipients, next_start)

    def _accept(self, message: Message, recipients: list[Recipient], next_start: int | None) -> None:
        if message.envelope.redirect and recipients:
            recipients, next_start = [_redirected(recipients[0], message.envelope.redirect)], None
        message.next_start = next_start
        message.pending += len(recipients)
        message.refill_at = message.pending // 2
        self._recipients += len(recipients)
        if recipients:
            self._on_recipients(message, recipients)
        elif not message.pending:
            self._end(message)

    def routed(self, message: Message) -> None:
        """The recipients that were read are queued for their transports: read on while there is plenty of room."""
        if message.next_start is not None and self._allowance(message) >= _PIECE:
            self._load(message)

    def settle(self, message: Message, count: int) -> None:
        """So many recipients of a message need no more work in this attempt."""
        message.pending -= count
        self._recipients -= count
        if message.next_start is not None:
            if message.pending <= message.refill_at:
                self._load(message)
        elif not message.pending:
            self._end(message)

    # --- leaving ----------------------------------------------------------------------------------------------

    def _end(self, message: Message) -> None:
        if message.gone:
            events.vanished(self._log, message)
            self.drop(message)
        else:
            self._on_finished(message)

    def drop(self, message: Message) -> None:
        """The message has left the active queue."""
        del self._messages[message.id]
        self._on_room()


def _redirected(recipient: Recipient, address: str) -> Recipient:
    """One recipient stands for all (REDIRECT): the file goes away with it."""
    return Recipient(address, recipient.original, recipient.orcpt, recipient.notify, recipient.position)


def _is_free(file: QueueFile) -> bool:
    """Tell whether no agent holds the file."""
    try:
        fcntl.flock(file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

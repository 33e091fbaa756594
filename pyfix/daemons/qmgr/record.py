"""What agents reported, recorded with the bounce, defer and trace services.

A recipient is marked done in the queue file only when its bounce is on record: a bounce that can't be recorded is a
deferral. A deferral that can't be recorded stays one, only mailq lacks the reason. A success notice that can't be
recorded is lost, with a warning: the mail itself was delivered, and sending it again would be worse.

Once a message is older than its lifetime, a deferral is a bounce.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pyfix.base import clock
from pyfix.base.log import Log
from pyfix.daemons.qmgr import log as events
from pyfix.daemons.qmgr.backoff import BackoffLimits, is_expired
from pyfix.daemons.qmgr.message import Message
from pyfix.daemons.qmgr.trouble import lasting_fault
from pyfix.mail.ipc.aclient import AsyncChannel
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import Done, DropLog, LogRecipient, Outcome, Recipient
from pyfix.mail.queue import CorruptFile, Queue


class LogService:
    """One of the three services: its name, the folder of its logs, and a connection to it.

    The connection carries requests in order.
    """

    def __init__(self, name: str, folder: str, timeout: float) -> None:
        self.name = name
        self.folder = folder
        self.channel = AsyncChannel(f"private/{name}", timeout)

    async def log(self, queue_id: str, recipient: Recipient, outcome: Outcome) -> None:
        """Return when the recipient is on record; raise IpcError."""
        await self.channel.call(LogRecipient(queue_id, recipient, outcome), Done)

    async def drop_log(self, queue_id: str) -> None:
        """Return when the message's log is gone; raise IpcError."""
        await self.channel.call(DropLog(queue_id), Done)


@dataclass(frozen=True, slots=True)
class Services:
    """The three."""

    bounce: LogService
    defer: LogService
    trace: LogService

    def close(self) -> None:
        """Close the connections."""
        for service in (self.bounce, self.defer, self.trace):
            service.channel.disconnect()


class Recorder:
    """Records the outcomes of one request at a time."""

    def __init__(self, services: Services, queue: Queue, limits: BackoffLimits, log: Log) -> None:
        self._services = services
        self._queue = queue
        self._limits = limits
        self._log = log

    async def record(self, message: Message, recipients: Sequence[Recipient], outcomes: Sequence[Outcome]) -> None:
        """Return when every outcome is on record and the message knows what it has to know."""
        by_position = {recipient.position: recipient for recipient in recipients}
        known = [outcome for outcome in outcomes if outcome.position in by_position]
        results = await asyncio.gather(
            *[self._record(message, by_position[outcome.position], outcome) for outcome in known]
        )
        failed = {outcome.position for outcome, is_done in zip(known, results, strict=True) if not is_done}
        done = {outcome.position for outcome in known if outcome.verb in ("bounced", "deferred")} - failed
        if done:
            self._mark_done(message, sorted(done))

    async def _record(self, message: Message, recipient: Recipient, outcome: Outcome) -> bool:
        """Return False if the recipient has to be tried again."""
        match outcome.verb:
            case "bounced":
                return await self._bounce(message, recipient, outcome)
            case "deferred":
                return await self._defer(message, recipient, outcome)
            case _:
                return await self._trace(message, recipient, outcome)

    async def _bounce(self, message: Message, recipient: Recipient, outcome: Outcome) -> bool:
        try:
            await self._services.bounce.log(message.id, recipient, outcome)
        except IpcError as error:
            events.service_failed(self._log, message.id, self._services.bounce.name, error)
            message.deferred = True
            return False
        message.bounced = True
        return True

    async def _defer(self, message: Message, recipient: Recipient, outcome: Outcome) -> bool:
        if is_expired(message.age(clock.now()), message.envelope.sender, self._limits):
            returned = Outcome(outcome.position, "bounced", outcome.dsn, outcome.address)
            is_recorded = await self._bounce(message, recipient, returned)
            message.expired = message.expired or is_recorded
            return is_recorded
        is_first, message.deferred = not message.deferred, True
        try:
            if is_first and message.scanned:  # the reasons of the last attempt give way to those of this one
                await self._services.defer.drop_log(message.id)
            await self._services.defer.log(message.id, recipient, outcome)
        except IpcError as error:
            events.service_failed(self._log, message.id, self._services.defer.name, error)
        return False

    async def _trace(self, message: Message, recipient: Recipient, outcome: Outcome) -> bool:
        try:
            await self._services.trace.log(message.id, recipient, outcome)
        except IpcError as error:
            events.service_failed(self._log, message.id, self._services.trace.name, error)
        else:
            message.traced = True
        return True

    def _mark_done(self, message: Message, positions: Sequence[int]) -> None:
        """Mark them durably: whatever else happens to the message, nobody is told twice."""
        try:
            with self._queue.open("active", message.id, writable=True) as file:
                for position in positions:
                    file.mark_done(position)
                file.sync()
        except FileNotFoundError:
            return
        except (OSError, CorruptFile) as error:
            self._not_marked(message, error)

    def _not_marked(self, message: Message, error: OSError | CorruptFile) -> None:
        """A message that need not be tried again goes anyway; of one that has to be, the sender may be told twice."""
        fault = lasting_fault(message.id, error)
        message.corrupt = message.corrupt or fault
        if isinstance(error, OSError) and not fault:
            events.file_failed(self._log, message.id, error)

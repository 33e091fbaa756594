"""From routed recipients to requests, and from the agents' answers back to the messages.

Every recipient that `assign` takes is given back to ActiveQueue.settle exactly once: delivered, recorded, or found
to be done already. What stands in the way of a delivery (a transport that is out of order, a dead destination)
turns it into a request to the retry service, which defers it with the reason and the log line that a delivery would
have had. Only if that service itself does not work is a recipient deferred here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from pyfix.base import clock
from pyfix.base.log import Log
from pyfix.daemons.qmgr import log as events
from pyfix.daemons.qmgr.active import ActiveQueue
from pyfix.daemons.qmgr.deliver import Pool, PoolLimits
from pyfix.daemons.qmgr.destination import Destination
from pyfix.daemons.qmgr.message import Message
from pyfix.daemons.qmgr.params import QmgrParameters
from pyfix.daemons.qmgr.record import Recorder
from pyfix.daemons.qmgr.route import DISCARDED, RETRY, Route, RouteRules, explain, route
from pyfix.daemons.qmgr.scheduler import Entry
from pyfix.daemons.qmgr.transport import BROKEN, UNAVAILABLE, Transport, Transports, suspended
from pyfix.daemons.qmgr.trouble import give_up_file
from pyfix.mail.ipc.messages import Deliver, Delivered, Dsn, Outcome, Recipient, Resolved
from pyfix.mail.queue import CorruptFile, Queue

_ATTEMPTS: Final = 3
"""Agents that may die with a request in hand before it is put off."""

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Dispatcher:
    """See the module. `active` is set once both exist."""

    active: ActiveQueue

    def __init__(
        self, queue: Queue, params: QmgrParameters, rules: RouteRules, recorder: Recorder, log: Log, spawn: Spawn
    ):
        self._queue = queue
        self._params = params
        self._rules = rules
        self._recorder = recorder
        self._log = log
        self._spawn = spawn
        self._pool_limits = PoolLimits(idle_s=params.ipc_idle, greeting_s=params.transport_retry_time)
        self._is_stopped = False
        self.recording = 0
        """Answers whose outcomes are being recorded."""
        self.transports = Transports(params, log, self._make_pool)

    def _make_pool(self, transport: Transport) -> Pool:
        return Pool(f"private/{transport.name}", AgentEvents(self, transport), self._spawn, self._pool_limits)

    # --- from recipients to requests --------------------------------------------------------------------------

    def assign(self, message: Message, recipients: Sequence[Recipient], resolved: Sequence[Resolved]) -> None:
        """Queue recipients for delivery, those of one destination together."""
        groups: dict[tuple[Transport, Destination], list[Recipient]] = {}
        for recipient, result in zip(recipients, resolved, strict=True):
            found = route(message, recipient.address, result, self._rules)
            recipient.address = found.recipient
            if found.transport:
                groups.setdefault(self._place(found), []).append(recipient)
            else:
                self._discard(message, recipient)
        for (transport, destination), members in groups.items():
            self._submit(message, transport, destination, members)
        self.active.routed(message)
        for transport in {transport for transport, _ in groups}:
            self.dispatch(transport)

    def _place(self, found: Route) -> tuple[Transport, Destination]:
        transport = self.transports.get(found.transport)
        return transport, transport.destination(found.nexthop, found.recipient)

    def _submit(
        self, message: Message, transport: Transport, destination: Destination, recipients: list[Recipient]
    ) -> None:
        """Queue recipients of one destination, as many in a request as the transport takes."""
        obstacle = transport.obstacle(destination, clock.monotonic())
        if obstacle is not None:
            self._put_off(message, transport, recipients, obstacle)
            return
        job = transport.job(message)
        size = transport.recipient_limit or len(recipients)
        for start in range(0, len(recipients), size):
            transport.scheduler.add(job, destination, recipients[start : start + size])

    def _put_off(self, message: Message, transport: Transport, recipients: list[Recipient], reason: Dsn) -> None:
        """Let the retry service defer what can't be delivered now; without it do that here."""
        if transport.name == RETRY:
            self._record_here(message, recipients, reason)
            return
        retry = self.transports.get(RETRY)
        for_recipient = recipients[0].address
        self._submit(message, retry, retry.destination(explain(reason), for_recipient), recipients)
        self.dispatch(retry)

    def _record_here(self, message: Message, recipients: list[Recipient], reason: Dsn) -> None:
        for recipient in recipients:
            events.deferred(self._log, message, recipient, reason)
        outcomes = [Outcome(recipient.position, "deferred", reason, recipient.address) for recipient in recipients]
        self._record(message, recipients, outcomes)

    def _discard(self, message: Message, recipient: Recipient) -> None:
        events.discarded(self._log, message, recipient, DISCARDED)
        try:
            with self._queue.open("active", message.id, writable=True) as file:
                file.mark_done(recipient.position)
        except (OSError, CorruptFile):
            pass  # nobody waits for this mail
        asyncio.get_running_loop().call_soon(self.active.settle, message, 1)

    # --- to the agents ----------------------------------------------------------------------------------------

    def dispatch(self, transport: Transport) -> None:
        """Hand out requests while there are agents for them."""
        scheduler, pool = transport.scheduler, transport.pool
        while scheduler.promised and not self._is_stopped and not transport.is_paused:
            agent = pool.pick(scheduler.promised)
            if agent is None:
                return
            entry = scheduler.select()
            if entry is None:
                return
            pool.send(agent, _request(entry), entry)
            if transport.pause:
                transport.is_paused = True
                asyncio.get_running_loop().call_later(transport.pause, self._end_pause, transport)

    def _end_pause(self, transport: Transport) -> None:
        transport.is_paused = False
        self.dispatch(transport)

    def stop(self) -> None:
        """Hand out no more requests."""
        self._is_stopped = True

    def close(self) -> None:
        """Close the connections to all agents."""
        for transport in self.transports.all():
            transport.pool.close()

    @property
    def under_way(self) -> int:
        """Requests that agents work on, and answers that are being recorded."""
        return self.transports.in_flight + self.recording

    def sweep(self) -> None:
        """Forget what has passed; called every few seconds."""
        now = clock.monotonic()
        for transport in self.transports.all():
            transport.sweep(now)

    def flush(self) -> None:
        """Forgive all transports and destinations."""
        for transport in self.transports.all():
            transport.forgive()

    # --- from the agents --------------------------------------------------------------------------------------

    def answered(self, transport: Transport, entry: Entry, reply: Delivered) -> None:
        """An agent did what it could."""
        message, destination = entry.job.message, entry.destination
        if reply.dead is None:
            destination.succeed()
        elif destination.fail(reply.dead, clock.monotonic() + self._params.minimal_backoff_time):
            self._withdraw(transport, transport.scheduler.withdraw(destination), suspended(reply.dead))
        self._release(transport, destination)
        if reply.outcomes:
            self._record(message, entry.recipients, reply.outcomes)
        else:
            self.active.settle(message, len(entry.recipients))
        self.dispatch(transport)

    def _release(self, transport: Transport, destination: Destination) -> None:
        """Free the place of a delivery, after a pause where the destination has a rate delay."""
        if not transport.rate_delay:
            transport.scheduler.release(destination)
            return
        destination.held = True
        transport.scheduler.release(destination)
        asyncio.get_running_loop().call_later(transport.rate_delay, self._resume, transport, destination)

    def _resume(self, transport: Transport, destination: Destination) -> None:
        destination.held = False
        transport.scheduler.admit(destination)
        self.dispatch(transport)

    def _record(self, message: Message, recipients: list[Recipient], outcomes: list[Outcome]) -> None:
        self.recording += 1
        self._spawn(self._record_and_settle(message, recipients, outcomes))

    async def _record_and_settle(self, message: Message, recipients: list[Recipient], outcomes: list[Outcome]) -> None:
        try:
            await self._recorder.record(message, recipients, outcomes)
        finally:
            self.recording -= 1
        self.active.settle(message, len(recipients))

    def lost(self, transport: Transport, entries: list[Entry], blamed: int) -> None:
        """Agents died with these: try again what is not done, but not for ever."""
        events.transport_failed(self._log, transport.name)
        for entry in entries:
            transport.scheduler.release(entry.destination)
            remaining = self._not_done(entry.job.message, entry.recipients)
            if remaining and blamed:
                blamed -= 1
                entry.attempts += 1
            self._try_again(transport, entry, remaining)
        self.dispatch(transport)

    def _try_again(self, transport: Transport, entry: Entry, remaining: list[Recipient]) -> None:
        message = entry.job.message
        if len(remaining) < len(entry.recipients):
            self.active.settle(message, len(entry.recipients) - len(remaining))
        if not remaining:
            return
        if entry.attempts >= _ATTEMPTS:
            self._put_off(message, transport, remaining, BROKEN)
            return
        obstacle = transport.obstacle(entry.destination, clock.monotonic())
        if obstacle is not None:
            self._put_off(message, transport, remaining, obstacle)
        else:
            transport.scheduler.add(entry.job, entry.destination, remaining, entry.attempts)

    def _not_done(self, message: Message, recipients: list[Recipient]) -> list[Recipient]:
        """Return those that the queue file shows as not done: of a file that can't be read, none."""
        first = min(recipient.position for recipient in recipients)
        last = max(recipient.position for recipient in recipients)
        try:
            with self._queue.open("active", message.id) as file:
                found, _ = file.read_recipients(first, last - first + 1)
        except (OSError, CorruptFile) as error:
            give_up_file(self._log, message, error)
            return []
        to_do = {recipient.position for recipient in found}
        return [recipient for recipient in recipients if recipient.position in to_do]

    def unavailable(self, transport: Transport, reason: str) -> None:
        """Nobody serves this transport."""
        events.transport_unreachable(self._log, transport.pool.path, reason)
        transport.reason = UNAVAILABLE
        transport.retry_at = clock.monotonic() + self._params.transport_retry_time
        self._withdraw(transport, transport.scheduler.withdraw_all(), UNAVAILABLE)

    def _withdraw(self, transport: Transport, entries: list[Entry], reason: Dsn) -> None:
        for entry in entries:
            self._put_off(entry.job.message, transport, entry.recipients, reason)


class AgentEvents:
    """Tells the dispatcher which transport's agents something happened to."""

    __slots__ = ("_dispatcher", "_transport")

    def __init__(self, dispatcher: Dispatcher, transport: Transport) -> None:
        self._dispatcher = dispatcher
        self._transport = transport

    def agent_ready(self) -> None:
        """An agent can take a request."""
        self._dispatcher.dispatch(self._transport)

    def agent_answered(self, entry: Entry, reply: Delivered) -> None:
        """A request is done."""
        self._dispatcher.answered(self._transport, entry, reply)

    def agent_lost(self, entries: list[Entry], blamed: int) -> None:
        """Requests went down with their agent."""
        self._dispatcher.lost(self._transport, entries, blamed)

    def agents_unavailable(self, reason: str) -> None:
        """Nobody takes requests."""
        self._dispatcher.unavailable(self._transport, reason)


def _request(entry: Entry) -> Deliver:
    """Return the request of an entry; the pool numbers it."""
    message = entry.job.message
    return Deliver(
        0, message.id, entry.destination.nexthop, message.envelope, entry.recipients, message.content_offset,
        message.content_length, message.active_since, message.is_last(entry.recipients),
    )  # fmt: skip

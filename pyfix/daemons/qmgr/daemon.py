"""The queue manager's process: what comes in, what runs on a timer, and how the parts are wired."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.daemons.qmgr import log as events
from pyfix.daemons.qmgr.active import ActiveLimits, ActiveQueue
from pyfix.daemons.qmgr.backoff import BackoffLimits
from pyfix.daemons.qmgr.dispatch import Dispatcher
from pyfix.daemons.qmgr.finish import Finisher
from pyfix.daemons.qmgr.message import Message
from pyfix.daemons.qmgr.params import QmgrParameters
from pyfix.daemons.qmgr.record import LogService, Recorder, Services
from pyfix.daemons.qmgr.recycle import Recycler
from pyfix.daemons.qmgr.resolve import Resolver
from pyfix.daemons.qmgr.route import RouteRules
from pyfix.daemons.qmgr.scan import Feeder
from pyfix.mail.ipc.aclient import AsyncChannel
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import AnyMessage, Arrived, Hello, Recipient, Trigger
from pyfix.mail.ipc.peer import credentials_of
from pyfix.mail.queue import Queue
from pyfix.service.service import ManyClientsDaemon, Service
from pyfix.service.worker import Listener

_SWEEP_S: Final = 2.0
_STOP_S: Final = 5.0
"""How long deliveries under way may hold up the end of the process; what remains is recovered at the next start."""
_STOP_STEP_S: Final = 0.02
_DEBRIS_S: Final = 86400.0
"""Age of an incomplete file at which nobody can still be writing to it: far beyond every timeout of smtpd."""
_DEBRIS_INTERVAL_S: Final = 3600.0


class QmgrDaemon(ManyClientsDaemon[QmgrParameters]):
    """See the module."""

    depth = 1000
    solitary = True
    permanent = True

    def before_jail(self) -> None:
        """Nothing is opened yet: the queue directory is the jail."""
        self._queue = Queue.from_params(self.params)

    def watchdog_timeout(self, daemon_timeout: float) -> float:
        """Return a time of its own: all mail waits for a queue manager that is stuck."""
        return self.params.qmgr_daemon_timeout

    async def start(self) -> None:
        """Recover, then look at both queues."""
        self._wire()
        self._active.recover()
        loop = asyncio.get_running_loop()
        loop.call_later(_SWEEP_S, self._sweep)
        self._remove_debris()
        self._feeder.scan_incoming()
        self._run_queue()

    def _wire(self) -> None:
        params, queue, log, spawn = self.params, self._queue, self.log, self.worker.spawn
        backoff = _backoff_limits(params)
        self._clients: set[Connection] = set()
        self._services = services = Services(
            LogService(params.bounce_service_name, "bounce", params.qmgr_ipc_timeout),
            LogService(params.defer_service_name, "defer", params.qmgr_ipc_timeout),
            LogService(params.trace_service_name, "trace", params.qmgr_ipc_timeout),
        )
        recorder = Recorder(services, queue, backoff, log)
        self._recycler = Recycler(Queue.from_params(params))
        self._finisher = Finisher(services, queue, self._recycler, backoff, log, spawn)
        self._dispatcher = Dispatcher(queue, params, _route_rules(params), recorder, log, spawn)
        rewrite = AsyncChannel(f"private/{params.rewrite_service_name}", params.qmgr_ipc_timeout)
        self._resolver = Resolver(rewrite, log, spawn, per_sender=self._routes_by_sender())
        self._active = ActiveQueue(
            queue,
            _active_limits(params),
            log,
            self._route,
            self._finisher.finish,
            self._resume_scans,
            asyncio.get_running_loop().call_later,
        )
        self._finisher.active = self._dispatcher.active = self._active
        self._feeder = Feeder(queue, self._active, log)

    def _routes_by_sender(self) -> bool:
        """Tell whether trivial-rewrite's answers depend on the sender: else one answer serves all senders."""
        params = self.params
        return bool(params.sender_dependent_relayhost_maps or params.sender_dependent_default_transport_maps)

    def _route(self, message: Message, recipients: list[Recipient]) -> None:
        """Recipients have been read: ask where they go, then queue them."""
        addresses = [recipient.address for recipient in recipients]
        assign = self._dispatcher.assign
        self._resolver.resolve(
            message.envelope.sender, addresses, lambda resolved: assign(message, recipients, resolved)
        )

    def _resume_scans(self) -> None:
        self._feeder.resume()

    # --- what comes in ----------------------------------------------------------------------------------------

    def protocol(self, listener: Listener) -> asyncio.BaseProtocol:
        """Those who send hints keep their connections, so they are no clients whom the end of the process waits for."""
        return _HintConnection(self.receive, self._parted, self._greet)

    def _greet(self, connection: Connection) -> None:
        self._clients.add(connection)
        connection.send(Hello(self.worker.service, depth=self.depth))

    def _parted(self, connection: Connection, problem: str) -> None:
        self._clients.discard(connection)

    def receive(self, message: AnyMessage, connection: Connection) -> None:
        """Take a hint or a trigger; neither is answered."""
        if isinstance(message, Arrived):
            assert isinstance(connection, _HintConnection)
            self._arrived(message, connection.is_trusted)
        elif isinstance(message, Trigger):
            self._trigger(message.what)
        else:
            super().receive(message, connection)

    def _arrived(self, hint: Arrived, is_trusted: bool) -> None:
        """A full active queue, or a stranger's word, makes it a hint that incoming has something."""
        if is_trusted and self._active.has_room and not self.worker.is_retiring:
            try:
                self._active.take_hint(hint)
            except ValueError:
                self.log.warning(f"bad queue id in a hint: {hint.queue_id[:100]}")
        else:
            self._feeder.scan_incoming()

    def _trigger(self, what: str) -> None:
        match what.split(" ", 1):
            case ["scan"]:
                self._feeder.scan_incoming()
            case ["deferred"]:
                self._feeder.scan_deferred()
            case ["flush"]:
                self._flush()
            case ["release", queue_id]:
                self._release(queue_id)
            case _:
                self.log.warning(f"request ignored: {what[:100]}")

    def _flush(self) -> None:
        """Try everything now."""
        self._dispatcher.flush()
        self._feeder.scan_incoming()
        self._feeder.scan_deferred(flush=True)

    def _release(self, queue_id: str) -> None:
        """Try one deferred message now."""
        try:
            self._queue.move(queue_id, "deferred", "incoming", clock.now())
        except FileNotFoundError:
            pass  # it may be in incoming already
        except (ValueError, OSError) as error:
            self.log.warning(f"release {queue_id[:100]}: {words_for(error)}")
            return
        self._feeder.scan_incoming()

    # --- timers -----------------------------------------------------------------------------------------------

    def wakeup(self) -> None:
        """The master's timer: look for mail that no hint told of."""
        self._feeder.scan_incoming()

    def _run_queue(self) -> None:
        self._feeder.scan_deferred()
        asyncio.get_running_loop().call_later(self.params.queue_run_delay, self._run_queue)

    def _sweep(self) -> None:
        self._dispatcher.sweep()
        asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def _remove_debris(self) -> None:
        """Off the loop: incoming may be large."""
        self.worker.spawn(self._find_debris())
        asyncio.get_running_loop().call_later(_DEBRIS_INTERVAL_S, self._remove_debris)

    async def _find_debris(self) -> None:
        problems: list[OSError] = []  # to be logged here: the log belongs to the loop's thread
        names = await asyncio.to_thread(
            self._queue.remove_debris, "incoming", clock.now() - _DEBRIS_S, problems.append
        )  # fmt: skip
        for name in names:
            events.debris_removed(self.log, name)
        for error in problems:
            events.scan_failed(self.log, "incoming", error)

    # --- the end ----------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Start nothing; let deliveries that agents have begun come back, for a while."""
        self._feeder.stop()
        self._dispatcher.stop()
        end = clock.monotonic() + _STOP_S
        # Two counters in two objects change rarely at this point: an event for each would be more to get wrong.
        while (self._dispatcher.under_way or self._finisher.under_way) and clock.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(_STOP_STEP_S)
        self._hang_up()
        self._recycler.close()

    def _hang_up(self) -> None:
        """Close every connection; who had sent hints will meet the next qmgr."""
        self._dispatcher.close()
        self._resolver.close()
        self._services.close()
        for connection in list(self._clients):
            connection.close()


class _HintConnection(Connection):
    """Knows whether its other end is of this mail system: only such are believed what a message's file says."""

    is_trusted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.is_trusted = credentials_of(transport.get_extra_info("socket")).uid in (0, os.getuid())
        super().connection_made(transport)


def _active_limits(params: QmgrParameters) -> ActiveLimits:
    return ActiveLimits(
        params.qmgr_message_active_limit,
        params.qmgr_message_recipient_limit,
        params.qmgr_message_recipient_minimum,
        params.minimal_backoff_time,
    )


def _backoff_limits(params: QmgrParameters) -> BackoffLimits:
    return BackoffLimits(
        params.minimal_backoff_time,
        params.maximal_backoff_time,
        params.maximal_queue_lifetime,
        params.bounce_queue_lifetime,
        params.delay_warning_time,
    )


def _route_rules(params: QmgrParameters) -> RouteRules:
    return RouteRules(frozenset(params.defer_transports), params.default_filter_nexthop, params.double_bounce_sender)


SERVICE = Service("qmgr", QmgrDaemon, QmgrParameters)

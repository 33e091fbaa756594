"""The asyncio loop (uvloop): many connections at once in one process.

A process says BUSY to the master from SPREAD clients on, so that on a machine with more cores the master starts
another; it goes on accepting up to its limit. It says FULL there, and is full until an eighth of the places is free
again: at the limit somebody comes for each one who goes. Log lines that fall within a millisecond leave together.
"""

from __future__ import annotations

import asyncio
import os
import resource
import threading
from typing import Any, Final

import uvloop

from pyfix.base import clock
from pyfix.service.params import ServiceParameters
from pyfix.service.service import ManyClientsDaemon, Server
from pyfix.service.status import RELAX, STOP, STRESS, WAKEUP, State, StatusChannel
from pyfix.service.watchdog import Watchdog
from pyfix.service.worker import Listener, Worker

SPREAD: Final = 64
BACKLOG: Final = 4096
_LOG_DELAY_S = 0.001


class ManyClientsLoop:
    """Runs one daemon until it has to go."""

    def __init__(
        self,
        daemon: ManyClientsDaemon[ServiceParameters],
        worker: Worker,
        params: ServiceParameters,
        status: StatusChannel,
        listeners: list[Listener],
    ) -> None:
        self._daemon = daemon
        self._worker = worker
        self._calm = params
        self._stressed = worker.stressed_config.read(ServiceParameters)
        self._status = status
        self._listeners = listeners
        self._adopt()
        self._is_full = False
        self._is_serving = False
        self._is_finishing = False
        self._watchdog = Watchdog(daemon.watchdog_timeout(params.daemon_timeout))
        self._servers: list[Server] = []
        self._uses = 0
        self._clients = 0
        self._last_use = clock.monotonic()
        self._failure: BaseException | None = None
        self._wake: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self._thread: int

    def _adopt(self) -> None:
        """Have the parameters hold that there are for the present mood of the service."""
        self._params = self._stressed if self._worker.stress else self._calm
        limit = self._worker.client_limit or self._params.process_client_limit
        self._limit = min(limit, _affordable_clients(self._daemon.descriptors))

    def run(self) -> None:
        """Serve until max_use, max_idle, the master or the daemon itself ends it."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._main())
        self._worker.log.flush()
        if self._failure is not None:
            raise self._failure

    async def _main(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        loop.set_exception_handler(self._failed)
        self._tick()
        self._wake = asyncio.Event()
        self._worker.on_change = self._changed
        self._worker.log.on_first_line(self._plan_flush)
        self._worker.log.flush()
        loop.add_reader(self._status.sock.fileno(), self._obey)
        await self._daemon.start()
        await self._open()
        self._status.report(State.FREE)
        self._is_serving = True
        try:
            while not self._is_over():
                await self._wait()
            self._is_serving = False
            await self._finish()
        finally:
            self._worker.on_change = lambda: None
            self._worker.log.on_first_line(None)

    def _tick(self) -> None:
        """As long as the loop calls this, the process is not stuck, whatever its coroutines wait for."""
        self._watchdog.wind()
        if self._is_serving:
            self._daemon.idle()
        asyncio.get_running_loop().call_later(self._watchdog.tick_s, self._tick)

    def _plan_flush(self) -> None:
        if threading.get_ident() == self._thread:
            self._loop.call_later(_LOG_DELAY_S, self._worker.log.flush)
        else:
            self._loop.call_soon_threadsafe(self._worker.log.flush)

    async def _wait(self) -> None:
        """Until something changed, or a tick has passed."""
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), self._watchdog.tick_s)
        except TimeoutError:
            pass

    async def _open(self) -> None:
        """Begin to accept. The listening socket is shared with siblings, so each server gets a descriptor of its
        own; create_server would shrink the backlog to 100 unless told."""
        for listener in self._listeners:
            sock = listener.sock.dup()
            sock.setblocking(False)
            self._servers.append(await self._daemon.listen(listener, sock, BACKLOG))

    def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    def _changed(self) -> None:
        """The number of clients changed, or the worker wants to go."""
        clients = self._worker.clients
        if clients > self._clients:
            self._uses += 1
        self._clients = clients
        self._last_use = clock.monotonic()
        if clients >= self._limit and self._servers:
            self._close()
            self._wake.set()
        elif clients < self._limit and not self._servers:
            self._wake.set()
        self._status.report(self._state(clients))
        if self._worker.is_retiring:
            self._wake.set()

    def _state(self, clients: int) -> State:
        if clients >= self._limit:
            self._is_full = True
        elif clients <= self._limit - max(1, self._limit // 8):
            self._is_full = False
        if self._is_finishing:
            return State.RETIRING
        if self._is_full:
            return State.FULL
        return State.BUSY if clients >= SPREAD else State.FREE

    def _is_over(self) -> bool:
        if self._worker.is_retiring or self._failure is not None:
            return True
        if not self._servers and self._clients < self._limit:
            self._worker.spawn(self._open())
        if self._daemon.permanent:
            return False
        if self._uses >= self._params.max_use * SPREAD:
            return True
        return not self._clients and clock.monotonic() - self._last_use >= self._params.max_idle

    def _obey(self) -> None:
        """Carry out what the master says."""
        try:
            orders = self._status.read()
        except BlockingIOError:
            return
        if not orders:
            asyncio.get_running_loop().remove_reader(self._status.sock.fileno())
            self._worker.retire()
        for order in orders:
            if order == STOP[0]:
                self._worker.retire()
                self._daemon.system_stops()
            elif order == WAKEUP[0]:
                self._daemon.wakeup()
            elif order in (STRESS[0], RELAX[0]):
                self._worker.stress = order == STRESS[0]
                self._worker.show_stress(self._worker.stress)
                self._adopt()
                self._daemon.stress_changed()

    async def _finish(self) -> None:
        """Accept no more; wait for the clients there are; then let the daemon finish."""
        self._close()
        self._is_finishing = True
        self._status.report(State.RETIRING)
        self._daemon.retiring()
        while self._worker.clients and self._failure is None:
            await self._wait()
        try:
            await asyncio.wait_for(self._daemon.stop(), self._params.ipc_timeout)
        except TimeoutError:
            self._worker.log.warning("work under way was left when the process ended")

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception that nobody expected: log it in one line and end the process; the queue has everything."""
        error = context.get("exception")
        if isinstance(error, (ConnectionError, TimeoutError)) and "task" not in context:
            return  # a peer that hung up; what a task of the daemon's own raises is never expected
        if error is None:
            self._worker.log.warning(str(context.get("message")))
            return
        self._failure = error
        self._wake.set()


def _affordable_clients(descriptors: int) -> int:
    """Return how many clients the limit of open files allows: each has some all the time, one in three a file more."""
    return max(4, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100) * 3 // (3 * descriptors + 1))


def cpu_count() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))

"""The process: requests of many clients, each answered in its order.

A table that waits for nobody is asked on the spot. One that may wait is asked in threads of its own, so that it stops
neither other clients nor other tables; what its client asks meanwhile waits for that answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from pyfix.daemons.proxymap.params import ProxymapParameters
from pyfix.daemons.proxymap.tables import Cursors, Opened, Refusal, Request, Tables
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import AnyMessage, Goodbye, ProxyAnswer, ProxyStatus
from pyfix.mail.maps.lending import asker
from pyfix.mail.maps.params import READ_MAPS, WRITE_MAPS
from pyfix.service.service import ManyClientsDaemon, Service, UnexpectedMessage


class ProxymapDaemon(ManyClientsDaemon[ProxymapParameters]):
    """Tables for others."""

    depth = 100
    shares_processes = True

    def before_jail(self) -> None:
        """Find out which of the two services this is, and load the code for its tables."""
        params, name = self.params, self.worker.service
        if name == params.proxywrite_service_name:
            self._tables = Tables(self.config, WRITE_MAPS, params.proxy_write_maps, writes=True)
        elif name == params.proxymap_service_name:
            self._tables = Tables(self.config, READ_MAPS, params.proxy_read_maps, writes=False)
        else:
            self.log.fatal(
                f"service name {name} must be one of {params.proxymap_service_name} or {params.proxywrite_service_name}"
            )
        self._tables.load()
        self._cursors: dict[Connection, Cursors] = {}
        self._waiting: dict[Connection, deque[Request]] = {}
        """What clients have asked while an answer is on its way to them."""

    async def start(self) -> None:
        """The loop runs: it searches patterns for the threads."""
        self._ask = asker(asyncio.get_running_loop())

    def receive(self, message: AnyMessage, connection: Connection) -> None:
        """Answer a request, or begin to."""
        if not isinstance(message, Request):
            problem = UnexpectedMessage(message)
            self.log.warning(f"{self.worker.service}: bad request from a local client: {problem}")
            connection.abort(str(problem))
        elif connection in self._waiting:
            self._waiting[connection].append(message)
        else:
            self._serve(message, connection)

    def _serve(self, request: Request, connection: Connection) -> None:
        try:
            opened = self._tables.find(request, self._ask)
        except Refusal as refusal:
            for warning in refusal.warnings:
                self.log.warning(warning)
            connection.send(refusal.answer)
            return
        if opened.threads is not None:
            self._waiting[connection] = deque()
            self.worker.spawn(self._serve_slowly(request, opened, connection))
            return
        self._send(self._tables.answer(request, opened, self._cursors_of(connection)), connection)

    async def _serve_slowly(self, request: Request, opened: Opened, connection: Connection) -> None:
        """Answer one request once a thread has found the answer, then those that came meanwhile."""
        answer = await asyncio.get_running_loop().run_in_executor(
            opened.threads, self._tables.answer, request, opened, self._cursors_of(connection)
        )
        self._send(answer, connection)
        waiting = self._waiting.pop(connection)
        while waiting and connection.is_open:
            self._serve(waiting.popleft(), connection)
            if connection in self._waiting:
                self._waiting[connection].extend(waiting)
                return
        if self.worker.is_retiring:
            connection.close()

    def _send(self, answer: ProxyAnswer, connection: Connection) -> None:
        if answer.status is ProxyStatus.RETRY:
            self.log.warning(answer.reason)
        connection.send(answer)

    def _cursors_of(self, connection: Connection) -> Cursors:
        return self._cursors.setdefault(connection, Cursors())

    def connection_lost(self, connection: Connection) -> None:
        """A client has gone."""
        self._cursors.pop(connection, None)

    def find_changed(self) -> Iterator[str]:
        return self._tables.find_changed()

    def retiring(self) -> None:
        """Part from clients that wait for nothing: they find the next process when they need it."""
        for connection in list(self.connections):
            connection.send(Goodbye())
            if connection not in self._waiting:
                connection.close()


SERVICE = Service("proxymap", ProxymapDaemon, ProxymapParameters)

"""The loop of the log service, whose clients send and never wait for an answer.

The processes of the mail system write to one pipe, commands send datagrams. After each wakeup the loop lets lines
gather for a few milliseconds: under load that is one wakeup for dozens of messages where each line cost one.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from typing import Final

from pyfix.base.logpipe import LogPipe
from pyfix.service.params import ServiceParameters
from pyfix.service.service import DatagramDaemon
from pyfix.service.status import STOP, State, StatusChannel
from pyfix.service.watchdog import Watchdog
from pyfix.service.worker import Listener, Worker

_DATAGRAM_BYTES = 256 * 1024
_QUIET_S = 1.0
"""How long nobody may have sent anything before the process ends, when the master is gone and others finish their
work. When the system stops, everybody else has ended already."""
_BATCH = 64
_GATHER_S: Final = 0.005
"""How long lines gather before they are written."""


class DatagramLoop:
    """Runs one daemon until the master ends it."""

    def __init__(
        self,
        daemon: DatagramDaemon[ServiceParameters],
        worker: Worker,
        params: ServiceParameters,
        status: StatusChannel,
        listeners: list[Listener],
        pipe: LogPipe | None,
    ) -> None:
        self._daemon = daemon
        self._worker = worker
        self._status = status
        self._listeners = listeners
        self._pipe = pipe
        self._watchdog = Watchdog(daemon.watchdog_timeout(params.daemon_timeout))
        self._quiet_s = _QUIET_S

    def run(self) -> None:
        """Take lines until told to go; then those that are there already."""
        poll = select.epoll()
        poll.register(self._status.sock, select.EPOLLIN)
        for listener in self._listeners:
            listener.sock.setblocking(False)
            poll.register(listener.sock, select.EPOLLIN)
        if self._pipe is not None:
            poll.register(self._pipe, select.EPOLLIN)
        self._watchdog.wind()
        self._status.report(State.FREE)
        while not self._worker.is_retiring:
            self._watchdog.wind()
            events = poll.poll(self._watchdog.tick_s)
            if any(fd == self._status.sock.fileno() for fd, _ in events):
                self._obey()
            elif events:
                time.sleep(_GATHER_S)  # what others log meanwhile is written with the same call
                self._take()
            else:
                self._daemon.idle()
        poll.unregister(self._status.sock)
        while self._daemon.is_ready() and poll.poll(self._quiet_s):
            self._watchdog.wind()
            self._take()

    def _obey(self) -> None:
        try:
            orders = self._status.read()
        except BlockingIOError:
            return
        if STOP in orders:
            self._quiet_s = 0.0
        if not orders or STOP in orders:
            self._worker.retire()

    def _take(self) -> None:
        """Take what is there, all in one piece, unless another process has to: the file was moved."""
        if not self._daemon.is_ready():
            self._worker.retire()
            return
        if self._pipe is not None:
            self._daemon.lines(self._pipe.read())
        for listener in self._listeners:
            self._daemon.datagrams(list(self._receive(listener.sock)))

    @staticmethod
    def _receive(sock: socket.socket) -> Iterator[bytes]:
        for _ in range(_BATCH):
            try:
                yield sock.recv(_DATAGRAM_BYTES)
            except BlockingIOError:
                return

"""The datagram loop: for postlog, whose clients send and never wait for an answer."""

from __future__ import annotations

import select
import socket

from pyfix.service.params import ServiceParameters
from pyfix.service.service import DatagramDaemon
from pyfix.service.status import STOP, State, StatusChannel
from pyfix.service.worker import Listener, Worker

_TICK_S = 1.0
_DATAGRAM_BYTES = 256 * 1024
_QUIET_S = 1.0
"""How long nobody may have sent anything before the process ends, when the master is gone and others finish their
work. When the system stops, everybody else has ended already."""
_BATCH = 64


class DatagramLoop:
    """Runs one daemon until the master ends it."""

    def __init__(
        self,
        daemon: DatagramDaemon[ServiceParameters],
        worker: Worker,
        status: StatusChannel,
        listeners: list[Listener],
    ) -> None:
        self._daemon = daemon
        self._worker = worker
        self._status = status
        self._listeners = listeners
        self._quiet_s = _QUIET_S

    def run(self) -> None:
        """Take datagrams until told to go; then those that are there already."""
        poll = select.epoll()
        poll.register(self._status.sock, select.EPOLLIN)
        by_fd = {listener.sock.fileno(): listener.sock for listener in self._listeners}
        for fd, sock in by_fd.items():
            sock.setblocking(False)
            poll.register(fd, select.EPOLLIN)
        self._status.report(State.FREE)
        while not self._worker.is_retiring:
            events = poll.poll(_TICK_S)
            for fd, _ in events:
                if fd == self._status.sock.fileno():
                    self._obey(poll)
                else:
                    self._drain(by_fd[fd])
            if not events:
                self._daemon.idle()
        poll.unregister(self._status.sock)
        while self._daemon.is_ready() and (events := poll.poll(self._quiet_s)):
            for fd, _ in events:
                self._drain(by_fd[fd])

    def _obey(self, poll: select.epoll) -> None:
        try:
            orders = self._status.read()
        except BlockingIOError:
            return
        if STOP in orders:
            self._quiet_s = 0.0
        if not orders or STOP in orders:
            self._worker.retire()

    def _drain(self, sock: socket.socket) -> None:
        """Take what is there, all in one piece."""
        if not self._daemon.is_ready():
            self._worker.retire()
            return
        batch: list[bytes] = []
        while len(batch) < _BATCH:
            try:
                batch.append(sock.recv(_DATAGRAM_BYTES))
            except BlockingIOError:
                break
        self._daemon.datagrams(batch)

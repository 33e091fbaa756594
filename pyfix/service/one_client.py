"""The blocking loop: one connection at a time, many requests on it.

For daemons that spend their time in the file system or in tables: several such processes are faster than one event
loop, and read from top to bottom. A connection is kept by its client between requests, so accepting is rare.
"""

from __future__ import annotations

import select
from typing import Final

from pyfix.base import clock
from pyfix.base.sockets import limit_waiting
from pyfix.mail.ipc.frame import ProtocolError
from pyfix.mail.ipc.messages import Goodbye, Hello
from pyfix.mail.ipc.peer import Peer, PeerGone
from pyfix.service.params import ServiceParameters
from pyfix.service.service import OneClientDaemon, UnexpectedMessage
from pyfix.service.status import STOP, WAKEUP, State, StatusChannel
from pyfix.service.watchdog import Watchdog
from pyfix.service.worker import Listener, Worker

_STRANGER_BYTES: Final = 1024 * 1024
_STRANGER_S: Final = 60.0
"""What a client of a service that is open to all may send in a message, and how long it may say nothing."""


class OneClientLoop:
    """Runs one daemon until it has to go."""

    def __init__(
        self,
        daemon: OneClientDaemon[ServiceParameters],
        worker: Worker,
        params: ServiceParameters,
        status: StatusChannel,
        listeners: list[Listener],
    ) -> None:
        self._daemon = daemon
        self._worker = worker
        self._params = params
        self._status = status
        self._listeners = {listener.sock.fileno(): listener for listener in listeners}
        self._poll = select.epoll()
        self._patience_s = min(params.ipc_timeout, _STRANGER_S) if daemon.open_to_all else params.ipc_timeout
        self._watchdog = Watchdog(daemon.watchdog_timeout(params.daemon_timeout))
        self._uses = 0
        self._master_is_there = True

    def run(self) -> None:
        """Serve until max_use, max_idle, the master or the daemon itself ends it."""
        self._watchdog.wind()
        self._poll.register(self._status.sock, select.EPOLLIN)
        for fd in self._listeners:
            self._poll.register(fd, select.EPOLLIN | select.EPOLLEXCLUSIVE)
        self._status.report(State.FREE)
        last_use = clock.monotonic()
        while not self._is_over(last_use):
            self._worker.log.flush()
            events = self._poll.poll(self._watchdog.tick_s)
            self._watchdog.wind()
            if not events:
                self._daemon.idle()
                continue
            for fd, _ in events:
                if fd == self._status.sock.fileno():
                    self._obey()
                elif not self._worker.is_retiring:
                    self._accept(self._listeners[fd])
            last_use = clock.monotonic()
        self._worker.log.flush()

    def _is_over(self, last_use: float) -> bool:
        if self._worker.is_retiring or not self._master_is_there:
            return True
        if self._daemon.permanent:
            return False
        return self._uses >= self._params.max_use or clock.monotonic() - last_use >= self._params.max_idle

    def _obey(self) -> None:
        """Carry out what the master says."""
        try:
            orders = self._status.read()
        except BlockingIOError:
            return
        if not orders:
            self._master_is_there = False
            self._worker.retire()
        for order in orders:
            if order == STOP[0]:
                self._worker.retire()
            elif order == WAKEUP[0]:
                self._wake_up()

    def _wake_up(self) -> None:
        self._status.report(State.BUSY)
        self._daemon.wakeup()
        self._worker.log.flush()
        self._status.report(State.FREE)

    def _accept(self, listener: Listener) -> None:
        try:
            sock, _ = listener.sock.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self._status.report(State.BUSY)
        self._uses += 1
        limit_waiting(sock, self._patience_s)
        peer = Peer(sock, _STRANGER_BYTES) if self._daemon.open_to_all else Peer(sock)
        try:
            self._serve(peer)
        except PeerGone:
            pass  # a client may leave at any time; what it left undone is its own to know
        except (ProtocolError, UnexpectedMessage) as error:
            self._worker.log.warning(f"{listener.name}: bad request from a local client: {error}")
        finally:
            peer.close()
            self._daemon.disconnected(peer)
        self._daemon.idle()
        self._status.report(State.FREE)

    def _serve(self, peer: Peer) -> None:
        peer.send(Hello(self._worker.service, depth=self._daemon.depth))
        poll = select.poll()
        poll.register(peer.sock, select.POLLIN)
        poll.register(self._status.sock, select.POLLIN)
        patience = clock.monotonic() + self._patience_s
        goodbye_sent = False
        while True:
            if self._worker.is_retiring and not goodbye_sent:
                peer.send(Goodbye())
                goodbye_sent = True
            if self._wait(peer, poll):
                patience = self._look_around() + self._patience_s
                self._answer(peer)
            elif clock.monotonic() > patience:
                raise PeerGone(f"no request within {self._patience_s:g} seconds")

    def _look_around(self) -> float:
        """Once a tick, also under load: wind the watchdog up, let the daemon see changed tables. Return the time."""
        now = clock.monotonic()
        if self._watchdog.wind(now):
            self._daemon.idle()
        return now

    def _answer(self, peer: Peer) -> None:
        for reply in self._daemon.handle_all(peer.receive_all(), peer):
            self._worker.log.flush()
            peer.send(reply)
            self._look_around()
        self._worker.log.flush()

    def _wait(self, peer: Peer, poll: select.poll) -> bool:
        """Wait until the client speaks (True) or the master does, or a while has passed (False)."""
        ready = poll.poll(self._watchdog.tick_s * 1000)
        if not ready:
            self._watchdog.wind()
            self._daemon.idle()
            self._worker.log.flush()
        has_request = False
        for fd, _ in ready:
            if fd == self._status.sock.fileno():
                self._obey()
                if not self._master_is_there:
                    poll.unregister(fd)
            else:
                has_request = True
        return has_request

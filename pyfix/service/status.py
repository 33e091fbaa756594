"""What a worker and the master tell each other over the socket pair that the worker was born with.

Worker to master: its state, whenever it changes. Master to worker: "W" look at your queue, "S" finish, the system
stops, "T" and "R" the service has no place left for clients, or has again (the parameter "stress"). The end of the
stream tells the worker that its generation is over (reload, or the master is gone): it stops to accept, finishes what
it has begun, and exits. A lost master thus never leaves workers behind.
"""

from __future__ import annotations

import enum
import select
import socket
import struct
from typing import Final

_REPORT = struct.Struct(">IIB")
REPORT_SIZE: Final = _REPORT.size
_PATIENCE_MS: Final = 5000


class State(enum.IntEnum):
    """A worker's readiness for another client."""

    FREE = 0
    BUSY = 1
    FULL = 2
    """Busy with as many clients as it may have at once."""
    RETIRING = 3
    """Finishes what it has and takes no more: another one is to be there for new clients."""


WAKEUP: Final = b"W"
STOP: Final = b"S"
STRESS: Final = b"T"
RELAX: Final = b"R"


class StatusChannel:
    """The worker's end."""

    def __init__(self, sock: socket.socket, pid: int, generation: int) -> None:
        self.sock = sock
        self._pid = pid
        self._generation = generation
        self._state: State | None = None

    def report(self, state: State) -> None:
        """Tell the master, if that is news to it, waiting a while for a master that is busy. One that is gone will
        be noticed at the next read."""
        if state is self._state:
            return
        poll = select.poll()
        poll.register(self.sock, select.POLLOUT)
        poll.poll(_PATIENCE_MS)
        try:
            self.sock.send(_REPORT.pack(self._pid, self._generation, state))
        except (BrokenPipeError, ConnectionResetError, BlockingIOError):
            self._state = None
        else:
            self._state = state

    def read(self) -> bytes:
        """Return the orders that have come; empty when the master closed the channel. Never waits."""
        try:
            return self.sock.recv(64)
        except BlockingIOError:
            raise
        except OSError:
            return b""


def parse_reports(data: bytes) -> list[tuple[int, int, State]]:
    """Return (pid, generation, state) for each whole report; raise ValueError for bytes that are none."""
    if len(data) % _REPORT.size:
        raise ValueError(f"status report of {len(data)} bytes")
    return [(pid, generation, State(state)) for pid, generation, state in _REPORT.iter_unpack(data)]

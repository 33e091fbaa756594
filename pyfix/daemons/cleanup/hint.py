"""Tell qmgr that messages have arrived, without ever waiting for it.

The connection is kept and non-blocking. Hints that do not go out at once are dropped: the messages are in the queue,
and a scan of qmgr finds them; the next hint that goes out asks for one. So a qmgr that is away, slow or just being
restarted delays no submission.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Final

from pyfix.base import clock
from pyfix.mail.ipc.frame import encode
from pyfix.mail.ipc.messages import Arrived, Trigger

_RETRY_S: Final = 0.2
"""How long a qmgr that did not listen is left alone."""
_RECEIVE_BYTES: Final = 4096


class QmgrHint:
    """One kept connection to qmgr's socket at `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._sock: socket.socket | None = None
        self._not_before = 0.0
        self._has_dropped = False

    def send(self, hints: Sequence[Arrived | Trigger]) -> bool:
        """Send hints if that is possible right now; tell whether they went out."""
        if self._has_dropped:
            hints = [*hints, Trigger("scan")]
        self._has_dropped = not self._try_to_send(b"".join(map(encode, hints)))
        return not self._has_dropped

    def _try_to_send(self, data: bytes) -> bool:
        if self._sock is not None and self._has_ended(self._sock):
            self.close()
        if self._sock is None and not self._connect():
            return False
        assert self._sock is not None
        try:
            if self._sock.send(data) == len(data):
                return True
        except OSError:
            pass
        self._give_up()
        return False

    def close(self) -> None:
        """Close the connection; the next hint connects again."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _connect(self) -> bool:
        if clock.monotonic() < self._not_before:
            return False
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            self._sock.connect(self._path)
        except OSError:
            self._give_up()
            return False
        return True

    def _give_up(self) -> None:
        """A hint cut off in its middle would garble the next: the connection goes with it."""
        self.close()
        self._not_before = clock.monotonic() + _RETRY_S

    @staticmethod
    def _has_ended(sock: socket.socket) -> bool:
        """Read away the greeting; notice that the other end closed."""
        try:
            return not sock.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True

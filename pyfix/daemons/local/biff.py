"""Tell the biff service that a mailbox file has new mail: one datagram "user@offset", nobody answers.

A machine without that service (they all are, today) has nothing to tell: `find` gives None then.
See: biff, comsat(8).
"""

from __future__ import annotations

import socket

_HOST = "127.0.0.1"


class Biff:
    """An open socket to the service."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._address = (_HOST, port)

    @classmethod
    def find(cls) -> Biff | None:
        """Return the service, or None where there is none."""
        try:
            return cls(socket.getservbyname("biff", "udp"))
        except OSError:
            return None

    def notify(self, user: str, offset: int) -> None:
        """Tell where in the mailbox the new message begins. A lost datagram is no loss."""
        try:
            self._socket.sendto(f"{user}@{offset}\0".encode(), self._address)
        except OSError:
            return

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()

"""Blocking sockets with a time limit that the kernel keeps.

Python's own settimeout makes a socket non-blocking and asks poll(2) before each call: two system calls where one
will do. The mail path makes tens of them a message.
"""

from __future__ import annotations

import socket
import struct

_TIMEVAL = struct.Struct("@ll")


def limit_waiting(sock: socket.socket, seconds: float) -> None:
    """Make each send and receive give up after a while: BlockingIOError then (SO_RCVTIMEO, socket(7))."""
    whole = int(seconds)
    value = _TIMEVAL.pack(whole, int((seconds - whole) * 1_000_000))
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)

"""The datagram that tells of new mail."""

import socket

from pyfix.daemons.local.biff import Biff


def test_biff_is_told_user_and_offset() -> None:
    """One datagram; nobody has to listen."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        biff = Biff(server.getsockname()[1])
        biff.notify("joe", 1234)
        assert server.recv(100) == b"joe@1234\0"
    biff.notify("joe", 5)
    biff.notify("joe", 6)
    biff.close()

"""What a client may cost that does not read what it is sent."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from pyfix.base.log import MemoryLog
from pyfix.daemons.pop3_login.connection import Connection, Shared
from pyfix.proto.dovecot_auth import Mechanism
from pyfix.proto.pop3.capabilities import Policy
from pyfix.service.deadlines import Deadlines


class FullTransport:
    """Tells its protocol to pause at 64 KiB, as those of an event loop do."""

    def __init__(self, protocol: Connection) -> None:
        self.protocol = protocol
        self.written = bytearray()
        self.pending = 0
        self.is_paused = self.is_reading_paused = False

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return ("127.0.0.1", 1)

    def write(self, data: bytes) -> None:
        self.written += data
        self.pending += len(data)
        if self.pending > 65536 and not self.is_paused:
            self.is_paused = True
            self.protocol.pause_writing()

    def take(self) -> None:
        """The client reads all."""
        self.pending, self.is_paused = 0, False
        self.protocol.resume_writing()

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False

    def close(self) -> None: ...


def shared(loop: asyncio.AbstractEventLoop) -> Shared:
    worker: Any = SimpleNamespace(client_opened=lambda: None, client_closed=lambda: None)
    params: Any = SimpleNamespace(
        login_greeting="Hello.", disable_plaintext_auth=True, pop3_login_timeout=60, myhostname="mail.test"
    )
    auth: Any = SimpleNamespace(known_mechanisms=(Mechanism("PLAIN", frozenset({"plaintext"})),))
    tls: Any = SimpleNamespace(context=None, is_mandatory=False, settings=SimpleNamespace(wrapper=False))
    deadlines = Deadlines(loop, 60)
    return Shared(worker, MemoryLog(), loop, params, Policy(), auth, tls, deadlines, set())


def test_replies_wait_while_the_client_does_not_read() -> None:
    async def play() -> None:
        connection = Connection(shared(asyncio.get_running_loop()))
        transport: Any = FullTransport(connection)
        connection.connection_made(transport)
        connection.data_received(b"CAPA\r\n" * 20_000)
        assert len(transport.written) < 300_000 and transport.is_reading_paused
        while transport.is_paused:
            transport.take()
        assert transport.written.count(b"\r\n.\r\n") == 20_000 and not transport.is_reading_paused
        connection.connection_lost(None)

    asyncio.run(play())

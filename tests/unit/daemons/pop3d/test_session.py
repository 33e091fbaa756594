"""What a client may cost that does not read what it is sent."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from pyfix.base.log import MemoryLog
from pyfix.daemons.pop3d.session import Session, Shared
from pyfix.proto.pop3.capabilities import Policy
from pyfix.service.deadlines import Deadlines


class Box:
    """A mailbox of 5,000 messages that nobody opens."""

    class mailbox:
        total_octets = 0

        def __len__(self) -> int:
            return 5000

        def octets(self, first: int, last: int) -> list[int]:
            return [100] * (last - first + 1)

    def __init__(self) -> None:
        self.mailbox = self.mailbox()

    def close(self) -> None: ...


class FullTransport:
    """Tells its protocol to pause at 64 KiB, as those of an event loop do."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.written = 0
        self.lists = 0
        self.pending = 0
        self.is_paused = self.is_reading_paused = False

    def write(self, data: bytes) -> None:
        self.written += len(data)
        self.lists += data.startswith(b"+OK 5000 messages")
        self.pending += len(data)
        if self.pending > 65536 and not self.is_paused:
            self.is_paused = True
            self.session.pause_writing()

    def take(self) -> None:
        """The client reads all."""
        self.pending, self.is_paused = 0, False
        self.session.resume_writing()

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False

    def close(self) -> None: ...


def test_replies_wait_while_the_client_does_not_read() -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        params: Any = SimpleNamespace(pop3_timeout=60, pop3_no_flag_updates=False, pop3_enable_last=False)
        worker: Any = SimpleNamespace()
        common = Shared(worker, MemoryLog(), loop, params, Policy(), Deadlines(loop, 60), lambda values: "")
        session = Session(common, "pop3(alice)", b"NOOP\r\n", lambda: None)
        transport: Any = FullTransport(session)
        session.connection_made(transport)
        box: Any = Box()
        session.begin(box)
        session.data_received(b"LIST\r\n" * 20_000)
        assert transport.written < 80_000 and transport.is_reading_paused
        for _ in range(20):
            transport.take()
        assert transport.lists > 10
        session.connection_lost(None)

    asyncio.run(play())

"""How long a client may take, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from typing import Any

from stage import Stage

STRICT = "smtpd_per_request_deadline = yes\nsmtpd_min_data_rate = 500\nsmtpd_timeout = 100\n"


class Clock:
    """The loop of a session, with a time of its own."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio.get_running_loop(), name)


def left(main_cf: str, *steps: tuple[float, bytes]) -> list[float]:
    """Return how many seconds the client has at first, and after each (pause, input)."""
    found: list[float] = []

    async def run() -> None:
        stage, clock = Stage(main_cf), Clock()
        session: Any = stage.session
        session.loop = clock
        wire: Any = stage.wire
        session.connection_made(wire)
        await stage.settle()
        found.append(session.deadline - clock.now)
        for pause, data in steps:
            clock.now += pause
            session.data_received(data)
            await stage.settle()
            found.append(session.deadline - clock.now)
        session.connection_lost(None)
        await stage.settle()
        stage.executor.shutdown()

    asyncio.run(run())
    return found


def left_in_content(*steps: tuple[float, bytes]) -> list[float]:
    """The same, from 354 on."""
    envelope = b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<u1@virtual.test>\r\nDATA\r\n"
    return left(STRICT, (0, envelope), *steps)[1:]


def test_each_piece_of_input_begins_the_timeout_anew() -> None:
    """The default: the limit is for one read."""
    assert left("smtpd_timeout = 100\n", (90, b"HE"), (90, b"LO"), (90, b" x\r\n")) == [100, 100, 100, 100]


def test_pieces_of_a_command_earn_no_time() -> None:
    """Who trickles a byte at a time has as long as others; a whole command begins the next one's time."""
    assert left(STRICT, (40, b"HE"), (50, b"LO"), (9, b" x\r\n"), (50, b"NO")) == [100, 60, 10, 100, 50]


def test_command_that_is_too_long_earns_no_time() -> None:
    """It is cut, and has not ended yet."""
    assert left(STRICT, (40, b"NOOP " + b"x" * 5000), (40, b"x" * 5000)) == [100, 60, 20]


def test_content_earns_time_by_its_size_and_no_more_than_the_timeout() -> None:
    """smtpd_min_data_rate."""
    assert left_in_content((50, b"x" * 5000), (50, b"x" * 1000), (5, b"x" * 100_000)) == [100, 60, 12, 100]


def test_end_of_content_begins_the_time_of_the_next_command() -> None:
    """Whatever was left of the message's."""
    assert left_in_content((90, b"x\r\n.\r\n")) == [100, 100]


def test_older_name_of_the_setting_is_heard() -> None:
    """As Postfix does."""
    main_cf = "smtpd_per_record_deadline = yes\nsmtpd_timeout = 100\n"
    assert left(main_cf, (40, b"HE")) == [100, 60]


def test_stress_makes_it_the_default() -> None:
    """With a timeout of ten seconds."""
    assert left("stress = yes\n", (4, b"HE")) == [10, 6]

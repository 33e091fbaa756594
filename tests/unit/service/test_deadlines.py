"""Timeouts of sessions, with a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyfix.service.deadlines import Deadlines

TIMEOUT_S = 300.0
TICK_S = 1.0


class Loop:
    """A loop with one timer at most."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timer: tuple[float, Callable[[], None]] | None = None

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable[[], None]) -> object:
        assert self.timer is None
        self.timer = (self.now + delay, call)
        return self.timer

    def run_until(self, end: float) -> None:
        while self.timer is not None and self.timer[0] <= end:
            (self.now, call), self.timer = self.timer, None
            call()
        self.now = end


@dataclass(eq=False)
class Client:
    """A session that notes when it was told."""

    loop: Loop
    deadline: float
    told: list[float] = field(default_factory=list)

    def timed_out(self) -> None:
        self.told.append(self.loop.time())


def make() -> tuple[Loop, Deadlines]:
    """Return a loop and what is tested."""
    loop: Any = Loop()
    return loop, Deadlines(loop, TIMEOUT_S)


def test_silent_session_is_told_within_a_tick_of_its_deadline() -> None:
    """Not before, and not a tick later."""
    loop, deadlines = make()
    client = Client(loop, 1300.0)
    deadlines.watch(client)
    loop.run_until(1299.9)
    assert client.told == []
    loop.run_until(1302.0)
    assert 1300.0 <= client.told[0] <= 1300.0 + TICK_S


def test_session_that_spoke_once_is_not_kept_behind_others() -> None:
    """One that moved its deadline by a second waits no longer than one that moved it by much."""
    loop, deadlines = make()
    busy, quiet = Client(loop, 1300.0), Client(loop, 1300.5)
    deadlines.watch(busy)
    deadlines.watch(quiet)
    quiet.deadline = 1302.0
    busy.deadline = 1599.0
    loop.run_until(1304.0)
    assert 1302.0 <= quiet.told[0] <= 1302.0 + TICK_S
    assert busy.told == []
    loop.run_until(1601.0)
    assert 1599.0 <= busy.told[0] <= 1599.0 + TICK_S


def test_session_that_does_not_end_is_told_again_each_tick() -> None:
    """A close that the client ignores is followed by an abort at once, whoever else waits."""
    loop, deadlines = make()
    others = [Client(loop, 1600.0) for _ in range(10)]
    client = Client(loop, 1300.0)
    for one in (*others, client):
        deadlines.watch(one)
    loop.run_until(1304.0)
    assert 3 <= len(client.told) <= 4
    assert client.told[1] - client.told[0] <= 2 * TICK_S


def test_ended_session_is_not_told_and_the_timer_ends() -> None:
    """No timer runs while there are no sessions."""
    loop, deadlines = make()
    client = Client(loop, 1300.0)
    deadlines.watch(client)
    deadlines.forget(client)
    loop.run_until(1400.0)
    assert client.told == []
    assert loop.timer is None
    assert list(deadlines) == []


def test_session_that_forgets_itself_when_told_is_gone() -> None:
    """timed_out may end the session on the spot."""
    loop, deadlines = make()

    class Ending(Client):
        def timed_out(self) -> None:
            super().timed_out()
            deadlines.forget(self)

    client = Ending(loop, 1300.0)
    deadlines.watch(client)
    loop.run_until(1400.0)
    assert len(client.told) == 1
    assert loop.timer is None


def test_idle_sessions_are_looked_at_once_a_timeout() -> None:
    """Ten thousand of them cost nothing between."""
    loop, deadlines = make()

    class Looked(Client):
        looks_at_deadline = 0

        def __getattribute__(self, name: str) -> Any:
            if name == "deadline":
                Looked.looks_at_deadline += 1
            return super().__getattribute__(name)

    for number in range(10_000):
        deadlines.watch(Looked(loop, 1300.0 + number / 100))
    Looked.looks_at_deadline = 0
    loop.run_until(1299.0)
    assert Looked.looks_at_deadline == 0
    assert len(list(deadlines)) == 10_000

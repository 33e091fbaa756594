"""The threads of auth: one while all goes quickly, more when questions hang, and what they raise arrives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine

import pytest

from pyfix.daemons.auth.crew import Crew


def run(test: Callable[[Crew], Coroutine[None, None, None]], limit: int = 5) -> None:
    """Run a test with a crew of its own; all threads must end."""

    async def main() -> None:
        crew = Crew(asyncio.get_running_loop(), limit)
        async with asyncio.timeout(20):
            await test(crew)
            crew.close()
            while crew.size:
                await asyncio.sleep(0.001)

    asyncio.run(main())


def test_one_thread_serves_quick_questions() -> None:
    """In their order."""
    order: list[int] = []

    async def test(crew: Crew) -> None:
        assert crew.size == 0
        answers = [crew.run(lambda number=number: order.append(number)) for number in range(50)]  # type: ignore[misc]
        await asyncio.gather(*answers)
        assert order == list(range(50))
        assert crew.size == 1

    run(test)


def test_questions_that_hang_hold_up_nobody_else() -> None:
    """Until all threads hang that there may be; then the others wait, and come in time."""
    released = threading.Event()

    async def test(crew: Crew) -> None:
        hanging = [crew.run(released.wait) for _ in range(4)]
        assert await crew.run(lambda: "quick") == "quick"
        assert crew.size == 5
        hanging += [crew.run(released.wait) for _ in range(3)]
        assert not any(answer.done() for answer in hanging)
        released.set()
        assert await asyncio.gather(*hanging) == [True] * 7

    run(test)


def test_threads_that_find_nothing_to_do_go() -> None:
    """But for one."""
    released = threading.Event()

    async def test(crew: Crew) -> None:
        hanging = [crew.run(released.wait) for _ in range(5)]
        assert await crew.run(released.set) is None
        await asyncio.gather(*hanging)
        while crew.size > 1:
            await crew.run(lambda: None)
            await asyncio.sleep(0.001)

    run(test, limit=6)


def test_what_is_raised_arrives() -> None:
    """Whatever it is, and the thread goes on."""

    def fail() -> None:
        raise SystemExit("not here")

    async def test(crew: Crew) -> None:
        with pytest.raises(ZeroDivisionError):
            await crew.run(lambda: 1 // 0)
        answer = crew.run(fail)
        while not answer.done():
            await asyncio.sleep(0.001)
        assert isinstance(answer.exception(), SystemExit)
        assert await crew.run(lambda: 5) == 5

    run(test)


def test_answer_that_nobody_waits_for_is_dropped() -> None:
    """Cancelled in between."""
    released = threading.Event()

    async def test(crew: Crew) -> None:
        answer = crew.run(released.wait)
        answer.cancel()
        released.set()
        assert await crew.run(lambda: 5) == 5

    run(test)

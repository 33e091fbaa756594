"""The gate: who is let in at once, who waits, and that nobody waits for ever."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.auth.gate import Gate
from pyfix.daemons.auth.penalty import Banned, Limits, Penalties


def run(outcomes: list[bool], limit: int) -> tuple[int, int, int]:
    """Try all at once from one source, with these outcomes; return how many were tried and refused, and the most that
    were under way."""
    penalties = Penalties(Limits(0.0, limit, 600.0))
    gate, numbers = Gate(penalties), itertools.count()
    tried = refused = inside = most = 0

    async def attempt(is_good: bool) -> None:
        nonlocal tried, refused, inside, most
        if isinstance(await gate.enter("source"), Banned):
            refused += 1
            return
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        tried += 1
        inside -= 1
        if is_good:
            penalties.succeed("source", "joe", 0.0)
        else:
            penalties.fail("source", "joe", str(next(numbers)).encode(), asyncio.get_running_loop().time())
        gate.leave("source")

    async def main() -> None:
        async with asyncio.timeout(20):
            await asyncio.gather(*map(attempt, outcomes))
        assert not gate._places

    asyncio.run(main())
    return tried, refused, most


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 4))
def test_all_come_to_an_end(outcomes: list[bool], limit: int) -> None:
    """However it goes, and no more fail than may."""
    tried, refused, most = run(outcomes, limit)
    assert tried + refused == len(outcomes)
    assert not limit or most <= limit
    assert limit or not refused


@pytest.mark.parametrize("limit", [1, 3])
def test_failures_at_once_are_no_more_than_the_limit(limit: int) -> None:
    """The others are refused."""
    assert run([False] * 50, limit) == (limit, 50 - limit, limit)


def test_who_is_not_counted_never_waits() -> None:
    """Clients in auth_failure_exceptions."""

    async def main() -> None:
        gate = Gate(Penalties(Limits(0.0, 1, 600.0)))
        for _ in range(100):
            await gate.enter("")
        gate.leave("")

    asyncio.run(main())

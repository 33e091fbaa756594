"""Questions of an evaluation that smtpd answers in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvloop

from pyfix.base.log import MemoryLog
from pyfix.daemons.smtpd.answers import Answers
from pyfix.mail.config import Config
from pyfix.mail.maps import MatchList, open_maps
from pyfix.mail.maps.lending import asker
from pyfix.mail.restrictions.questions import Answer, Evaluation, Lookup, LookupFailed, Search
from pyfix.mail.restrictions.search import Searcher

NAMES = "unix:passwd.byname"
"""Asks the name service, which may take its time: in a thread."""


def ask(question: Lookup) -> Evaluation[Answer | str]:
    """Ask one question; a failure is a result, too."""
    try:
        return (yield question)
    except LookupFailed as problem:
        return f"failed: {problem}"


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """The threads for lookups."""
    with ThreadPoolExecutor(1) as threads:
        yield threads


def decide(executor: ThreadPoolExecutor, table: str, key: str) -> Any:
    """Look `key` up in a list of tables of which one blocks."""
    config = Config.from_text("")
    maps = open_maps([NAMES, table], "test_maps", config)

    async def run() -> Any:
        maps.lend(asker(asyncio.get_running_loop()))
        networks = MatchList("127.0.0.1", "mynetworks", config)
        rewrite: Any = None
        answers = Answers(MemoryLog(), networks, Searcher(lambda domain: False), executor, rewrite, rewrite, rewrite)
        return await answers.decide(ask(Lookup(Search.ALIAS, maps, key)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def test_pattern_beside_a_table_that_blocks_is_found(executor: ThreadPoolExecutor) -> None:
    """The thread has it searched by the loop."""
    assert decide(executor, "regexp:{{/^a(.*)@b/ $1}}", "axyz@b.test") == "xyz"


def test_pattern_beside_a_table_that_blocks_cannot_hang_the_process(executor: ThreadPoolExecutor) -> None:
    """In a thread nothing could interrupt it."""
    answer = decide(executor, "regexp:{{/(.*)-(.*)-(.*)-(.*)-(.*)@x/ found}}", "-" * 300 + "@b.test")
    assert "takes more than 1 seconds" in answer

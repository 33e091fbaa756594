"""Requests to try mail, on their way from many users to qmgr."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from pyfix.base.log import MemoryLog
from pyfix.daemons.pickup.flush import FlushRelay
from pyfix.daemons.pickup.submission import Submitter
from pyfix.mail.config import Config
from pyfix.mail.ipc.frame import encode
from pyfix.mail.ipc.messages import Done, Hello, Message, Trigger
from pyfix.mail.maps import STRING, MatchList

USER = Submitter(os.getuid(), "user")


async def ask_at_once(path: str, requests: Sequence[str]) -> tuple[list[Message], int]:
    """Return the answers to these, and to one that comes after all of them, and how often qmgr was connected to."""
    connections = 0

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(encode(Hello("qmgr")))
        await reader.read()
        writer.close()

    anybody = MatchList(["static:anyone"], "authorized_flush_users", Config.from_text(""), kind=STRING)
    relay = FlushRelay(path, anybody, MemoryLog("pickup"))
    async with await asyncio.start_unix_server(greet, path):
        answers = await asyncio.gather(*[relay.pass_on(Trigger(what), USER, is_trusted=False) for what in requests])
        last = await relay.pass_on(Trigger("flush"), USER, is_trusted=False)
    return [*answers, last], connections


@pytest.mark.parametrize(
    ("requests", "connections"),
    [(["flush"] * 50, 2), (["flush", "release A", "release B", "release A"], 4)],
)
def test_requests_for_the_same_thing_are_one(tmp_path: Path, requests: list[str], connections: int) -> None:
    """Everybody is answered when qmgr has it; one that comes later is another."""
    answers, seen = asyncio.run(ask_at_once(str(tmp_path / "qmgr"), requests))
    assert answers == [Done()] * (len(requests) + 1)
    assert seen == connections

"""Requests to try mail, on their way from many users to qmgr."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from pyfix.base.log import MemoryLog
from pyfix.daemons.pickup.flush import FlushRelay
from pyfix.daemons.pickup.submission import Submitter
from pyfix.mail.config import Config
from pyfix.mail.ipc.messages import Done, Message, Trigger
from pyfix.mail.maps import STRING, MatchList

USER = Submitter(os.getuid(), "user")


async def ask_at_once(path: Path, requests: Sequence[str]) -> list[Message]:
    """Return the answers to these, and to one that comes after all of them."""
    anybody = MatchList(["static:anyone"], "authorized_flush_users", Config.from_text(""), kind=STRING)
    relay = FlushRelay(str(path), anybody, MemoryLog("pickup"))
    answers = await asyncio.gather(*[relay.pass_on(Trigger(what), USER, is_trusted=False) for what in requests])
    return [*answers, await relay.pass_on(Trigger("flush"), USER, is_trusted=False)]


@pytest.mark.parametrize(
    ("requests", "connections"),
    [(["flush"] * 50, 2), (["flush", "release A", "release B", "release A"], 4)],
)
def test_requests_for_the_same_thing_are_one(tmp_path: Path, requests: list[str], connections: int) -> None:
    """Everybody is answered when qmgr has it; one that comes later is another."""
    with socket.socket(socket.AF_UNIX) as qmgr:
        qmgr.bind(str(tmp_path / "qmgr"))
        qmgr.listen(64)
        qmgr.setblocking(False)
        assert asyncio.run(ask_at_once(tmp_path / "qmgr", requests)) == [Done()] * (len(requests) + 1)
        seen = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                qmgr.accept()[0].close()
                seen += 1
    assert seen == connections

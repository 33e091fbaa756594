"""The thread that removes the files of finished messages."""

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pyfix.daemons.qmgr.recycle import Recycler
from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.queue import Queue


def make_queue(root: Path, messages: int) -> tuple[Queue, list[str]]:
    """A queue with messages in active/."""
    for name in ("incoming", "active", "spare"):
        (root / name).mkdir()
    queue = Queue(str(root))
    found = []
    for _ in range(messages):
        file = queue.create()
        file.commit(Envelope("a@b.test", 1.0, 0), [Recipient("c@d.test")], content=[b"A: b\n\n"])
        queue.move(file.id, "incoming", "active")
        found.append(file.id)
    return queue, found


def test_all_that_was_asked_for_is_done_before_the_end(tmp_path: Path) -> None:
    """Each caller is told once, in the order of the requests; close waits for the last."""

    async def run() -> None:
        queue, names = make_queue(tmp_path, 100)
        told: list[tuple[str, OSError | None]] = []
        recycler = Recycler(queue)
        for name in names:
            recycler.recycle(name, partial(_note, told, name))
        recycler.close()
        await asyncio.sleep(0)  # the loop takes what the thread has told it
        assert told == [(name, None) for name in names]
        assert os.listdir(tmp_path / "active") == []
        assert sorted(os.listdir(tmp_path / "spare")) == sorted(names)

    asyncio.run(run())


def test_a_file_that_is_gone_is_told_of(tmp_path: Path) -> None:
    """postsuper -d was faster; the next file is removed all the same."""

    async def run() -> None:
        queue, names = make_queue(tmp_path, 2)
        (tmp_path / "active" / names[0]).unlink()
        told: list[tuple[str, OSError | None]] = []
        recycler = Recycler(queue)
        for name in names:
            recycler.recycle(name, partial(_note, told, name))
        recycler.close()
        await asyncio.sleep(0)
        assert [type(error) for _, error in told] == [FileNotFoundError, type(None)]

    asyncio.run(run())


def test_a_fault_of_the_program_reaches_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that died alone would leave every later message where it is."""

    async def run() -> None:
        queue, names = make_queue(tmp_path, 1)

        def fail(name: str, queue_id: str) -> None:
            raise ZeroDivisionError(queue_id)

        monkeypatch.setattr(queue, "recycle", fail)
        seen: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.set_result(context["exception"]))
        Recycler(queue).recycle(names[0], print)
        assert isinstance(await asyncio.wait_for(seen, 30), ZeroDivisionError)

    asyncio.run(run())


def _note(told: list[tuple[str, Any]], name: str, error: OSError | None) -> None:
    told.append((name, error))

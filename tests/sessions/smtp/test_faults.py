"""A fault of the program in one session: that session ends, with a line in the log, and no other notices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from stage import Stage

REPLY = b"421 4.3.0 mail.example.test Error: internal error\r\n"


class Fault(Exception):
    """What nobody expects."""


def fail(*args: Any, **kwargs: Any) -> Any:
    """Stand in for a method with a fault."""
    raise Fault("boom")


async def fail_later(*args: Any, **kwargs: Any) -> Any:
    """The same, after a wait."""
    await asyncio.sleep(0)
    raise Fault("boom")


def run(pieces: list[bytes], break_it: Callable[[Stage], None], main_cf: str = "") -> tuple[bytes, Stage]:
    """Play a session in which something is broken; nobody is told of it unless main.cf says so."""

    async def play() -> tuple[bytes, Stage]:
        stage = Stage(main_cf or "notify_classes =\n")
        break_it(stage)
        return await stage.play(pieces, faults=True), stage

    return asyncio.run(play())


HELLO = b"HELO x\r\n"
MESSAGE = [HELLO, b"MAIL FROM:<a@b.c>\r\n", b"RCPT TO:<u1@virtual.test>\r\n", b"DATA\r\n", b"x\r\n.\r\n"]


@pytest.mark.parametrize("broken", [fail, fail_later], ids=["at once", "in a task"])
@pytest.mark.parametrize(
    ("part", "method"),
    [("peers", "find"), ("answers", "decide"), ("queue", "create"), ("cleanup", "call")],
    ids=["connect", "restrictions", "storage", "cleanup"],
)
def test_fault_ends_the_session_with_421_and_one_line(part: str, method: str, broken: Callable[..., Any]) -> None:
    """Whether it comes at once or in a task; nothing of the session stays behind."""
    if (part, broken) == ("queue", fail_later):
        pytest.skip("files are created without waiting")
    written, stage = run(MESSAGE, lambda stage: setattr(getattr(stage.server, part), method, broken))
    assert written.endswith(REPLY)
    assert written.count(b"421") == 1
    assert len([line for line in stage.log.lines if "boom" in line]) == 1
    assert "Fault: boom in " in next(line for line in stage.log.lines if line.startswith("warning: internal error"))
    assert stage.wire.closed
    assert stage.worker.clients == 0
    assert list(stage.server.deadlines) == []
    assert all(file.gone for file in stage.queue.files)


def test_postmaster_is_told_of_a_fault() -> None:
    """It is trouble of the class software, which the default of notify_classes holds."""

    def break_it(stage: Stage) -> None:
        stage.server.peers.find = fail  # type: ignore[method-assign]  # that is the fault

    _, stage = run(MESSAGE, break_it, "notify_classes = software\n")
    (notice,) = stage.cleanup.submitted
    assert notice.envelope.sender == "double-bounce@mail.example.test"
    assert (notice.body or b"").endswith(
        b"Transcript of session follows.\n\n Out: 421 4.3.0 mail.example.test Error: internal error\n\n"
        b"Session aborted, reason: internal error\n\nFor other details, see the local mail logfile\n"
    )


@pytest.mark.parametrize("broken", [fail, fail_later], ids=["at once", "in a task"])
@pytest.mark.parametrize(("part", "method"), [("queue", "create"), ("cleanup", "call")])
def test_fault_in_a_notice_is_one_more_line(part: str, method: str, broken: Callable[..., Any]) -> None:
    """What breaks the session breaks the notice about it: no circle, and nothing is left behind."""
    if (part, broken) == ("queue", fail_later):
        pytest.skip("files are created without waiting")
    _, stage = run(MESSAGE, lambda stage: setattr(getattr(stage.server, part), method, broken), "mail_name = Postfix\n")
    assert len([line for line in stage.log.lines if line.startswith("warning: postmaster notify: Fault: boom")]) == 1
    assert all(file.gone for file in stage.queue.files)


def test_fault_in_connection_made_ends_that_session() -> None:
    """The event loop never sees it."""
    written, stage = run([HELLO], lambda stage: setattr(stage.wire, "get_extra_info", fail))
    assert written == REPLY
    assert stage.worker.clients == 0


def test_fault_in_connection_lost_is_logged_and_the_session_is_forgotten() -> None:
    """The count of clients stays right."""
    _, stage = run([HELLO], lambda stage: setattr(stage.session, "_reset", fail))
    assert stage.worker.clients == 0
    assert list(stage.server.deadlines) == []
    assert len([line for line in stage.log.lines if "Fault: boom" in line]) >= 1


def test_fault_of_the_transport_is_followed_by_abort() -> None:
    """When not even the 421 can be written."""
    _, stage = run([HELLO], lambda stage: setattr(stage.wire, "write", fail))
    assert stage.wire.aborted
    assert stage.worker.clients == 0


def test_fault_when_time_is_up_leaves_the_clock_running() -> None:
    """Another session still gets its timeout."""

    async def play() -> None:
        stage = Stage()
        wire: Any = stage.wire
        stage.session.connection_made(wire)
        stage.session._log_end = fail  # type: ignore[method-assign]  # the fault
        stage.session.timed_out()
        assert stage.wire.aborted or stage.wire.closed
        stage.session.connection_lost(None)
        stage.executor.shutdown()

    asyncio.run(play())

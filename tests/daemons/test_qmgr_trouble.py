"""qmgr and a queue file that the system refuses: one file, and never all mail."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from qmgr_neighbours import Die, Neighbourhood, Qmgr, deliver_all, neighbourhood, report, running_qmgr

from pyfix.base import clock
from pyfix.mail.ipc.messages import AnyMessage, Arrived, Message, Recipient, Resolved
from pyfix.mail.queue import QueueFile
from pyfix.mail.queue.disk import Disk

EIO, EPERM, EACCES, EMFILE = errno.EIO, errno.EPERM, errno.EACCES, errno.EMFILE


@pytest.fixture
def near(tmp_path: Path) -> Iterator[Neighbourhood]:
    """A queue directory with all neighbours; agent "virtual" delivers."""
    with neighbourhood(tmp_path) as neighbours:
        neighbours.serve("virtual", deliver_all(neighbours.root))
        yield neighbours


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a call of an object fail for one queue id; qmgr, which is forked later, has it too."""

    def install(owner: object, name: str, code: int, is_meant: Callable[..., bool]) -> None:
        real = getattr(owner, name)

        def call(*arguments: object, **more: object) -> object:
            if is_meant(*arguments):
                raise OSError(code, os.strerror(code))
            return real(*arguments, **more)

        is_static = owner is Disk  # its calls are functions, not methods
        monkeypatch.setattr(owner, name, staticmethod(call) if is_static else call)

    return install


def names(hint: Arrived) -> Callable[..., bool]:
    """Tell whether the first argument is the path of this message."""
    return lambda path, *rest: str(path).endswith(hint.queue_id)


def is_put_off(near: Neighbourhood, hint: Arrived) -> bool:
    """True when the message is in deferred/, and its time has not come."""
    if near.place(hint.queue_id) != "deferred":
        return False
    return os.stat(near.queue.path("deferred", hint.queue_id)).st_mtime > clock.now() + 60


def check_others_flow(near: Neighbourhood, qmgr: Qmgr) -> None:
    """Mail that has nothing to do with it is delivered by this very process, which then ends as it should."""
    hint = near.message("b@virtual.test")
    qmgr.hint(hint)
    qmgr.wait_for_line(f"{hint.queue_id}: removed")
    assert qmgr.worker.stop() == 0


@pytest.mark.parametrize("code", [EIO, EMFILE])
@pytest.mark.parametrize("place", ["incoming", "active"])
def test_file_that_cannot_be_opened_now_waits(
    near: Neighbourhood, fail: Callable[..., None], code: int, place: str
) -> None:
    """With a warning that names file and error."""
    hint = near.message("a@virtual.test", place=place)
    fail(Disk, "open", code, names(hint))
    with running_qmgr(near.root) as qmgr:
        qmgr.wait_for_line(f"warning: {hint.queue_id}: queue file active/{hint.queue_id}: {os.strerror(code)}")
        qmgr.wait_until(lambda: is_put_off(near, hint))
        check_others_flow(near, qmgr)


def test_file_that_is_not_ours_goes_to_corrupt(near: Neighbourhood, fail: Callable[..., None]) -> None:
    """It can't be read at any time, until somebody has changed that."""
    hint = near.message("a@virtual.test")
    fail(Disk, "open", EACCES, names(hint))
    with running_qmgr(near.root) as qmgr:
        qmgr.wait_for_line(f"warning: {hint.queue_id}: queue file active/{hint.queue_id}: Permission denied")
        qmgr.wait_for_line(f'warning: saving corrupt file "{hint.queue_id}" from queue "active" to queue "corrupt"')
        check_others_flow(near, qmgr)
    assert near.place(hint.queue_id) == "corrupt"


def test_file_that_can_neither_be_opened_nor_moved_is_tried_again(
    near: Neighbourhood, fail: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is well again it is delivered."""
    monkeypatch.setattr("pyfix.daemons.qmgr.active._RETRY_S", 0.05)
    hint = near.message("a@virtual.test", place="active")
    sick = near.root / "sick"
    sick.touch()
    fail(Disk, "open", EIO, lambda path, *rest: names(hint)(path) and sick.exists())
    fail(os, "utime", EIO, lambda path, *rest: names(hint)(path) and sick.exists())
    with running_qmgr(near.root) as qmgr:
        qmgr.wait_for_line(f"{hint.queue_id}: rename from active to deferred: Input/output error")
        sick.unlink()
        qmgr.wait_for_line(f"{hint.queue_id}: removed")
        check_others_flow(near, qmgr)


def test_recipients_that_cannot_be_read_wait(near: Neighbourhood, fail: Callable[..., None]) -> None:
    """A hint without recipients makes qmgr read them."""
    hint = near.message("a@virtual.test")
    hint.recipients = None
    fail(QueueFile, "read_recipients", EIO, lambda file, *rest: file.envelope.sender == "sender@example.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_until(lambda: is_put_off(near, hint))
        check_others_flow(near, qmgr)


@pytest.mark.parametrize(("code", "place"), [(EIO, "deferred"), (EACCES, "corrupt")])
def test_marks_that_cannot_be_read_after_an_agent_died(
    near: Neighbourhood, fail: Callable[..., None], code: int, place: str
) -> None:
    """Who has been served is not known: nobody is served again now."""

    sick = near.root / "sick"

    def die(request: AnyMessage) -> Message:
        sick.touch()
        raise Die

    agent = near.serve("weak", die)
    hint = near.message("a@weak.test", "b@weak.test")
    fail(Disk, "open", code, lambda path, *rest: names(hint)(path) and sick.exists())
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_until(lambda: near.place(hint.queue_id) == place)
        check_others_flow(near, qmgr)
    assert len(agent.requests) == 1


@pytest.mark.parametrize("call", ["mark_done", "sync"])
def test_bounce_that_cannot_be_marked_is_sent(near: Neighbourhood, fail: Callable[..., None], call: str) -> None:
    """Nobody else has to be served: the message goes, and needs no mark."""
    near.serve("weak", report("bounced", "5.1.1", "unknown"))
    hint = near.message("a@weak.test")
    fail(QueueFile, call, EIO, lambda file, *rest: file.envelope.sender == "sender@example.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line(f"{hint.queue_id}: queue file active/{hint.queue_id}: Input/output error")
        qmgr.wait_for_line(f"{hint.queue_id}: removed")
        assert qmgr.worker.stop() == 0
    assert len(near.notices("bounce")) == 1


def test_bounce_in_a_file_that_is_not_ours_ends_in_corrupt(near: Neighbourhood, fail: Callable[..., None]) -> None:
    """Its bounce log stays where it is."""
    near.serve("weak", report("bounced", "5.1.1", "unknown"))
    hint = near.message("a@weak.test")
    fail(Disk, "open", EACCES, names(hint))
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_until(lambda: near.place(hint.queue_id) == "corrupt")
        check_others_flow(near, qmgr)


def test_delay_warning_that_cannot_be_marked_is_sent_once(
    near: Neighbourhood, fail: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the rename to deferred is refused at first, and tried again and again."""
    monkeypatch.setattr("pyfix.daemons.qmgr.finish._RETRY_S", 0.05)
    near.serve("weak", report("deferred", "4.4.1", "Connection refused"))
    hint = near.message("a@weak.test", age=3601)
    sick = near.root / "sick"
    sick.touch()
    fail(QueueFile, "update_envelope", EIO, lambda file, *rest: True)
    fail(Disk, "rename", EIO, lambda old, new: f"active/{hint.queue_id}" in old and sick.exists())
    with running_qmgr(near.root, "delay_warning_time = 1h") as qmgr:
        qmgr.hint(hint)
        text = f"{hint.queue_id}: rename from active to deferred: Input/output error"
        qmgr.wait_until(lambda: [line for line in qmgr.worker.log_lines() if text in line][2:])
        sick.unlink()
        qmgr.wait_until(lambda: is_put_off(near, hint))
        check_others_flow(near, qmgr)
    assert len(near.notices("defer")) == 1


def test_mail_to_double_bounce_that_cannot_be_marked_is_discarded(
    near: Neighbourhood, fail: Callable[..., None]
) -> None:
    """Nobody waits for it."""
    near.routes["double-bounce@here.test"] = Resolved("local", "here.test", "double-bounce@here.test", "local")
    hint = near.message(Recipient("double-bounce@here.test"), sender="")
    fail(QueueFile, "mark_done", EIO, lambda file, *rest: not file.envelope.sender)
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line(f"{hint.queue_id}: removed")
        check_others_flow(near, qmgr)


def test_file_that_cannot_be_put_off_since_it_is_not_ours(near: Neighbourhood, fail: Callable[..., None]) -> None:
    """Only its owner may set the time of a file."""
    near.serve("weak", report("deferred", "4.4.1", "Connection refused"))
    hint = near.message("a@weak.test")
    fail(os, "utime", EPERM, names(hint))
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_until(lambda: near.place(hint.queue_id) == "corrupt")
        check_others_flow(near, qmgr)


def test_corrupt_file_that_cannot_be_moved_is_tried_again(
    near: Neighbourhood, fail: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And stays in active/ until then."""
    for module in ("active", "finish"):  # the hint or the first scan, whichever comes first, finds the file
        monkeypatch.setattr(f"pyfix.daemons.qmgr.{module}._RETRY_S", 0.05)
    hint = near.message("a@virtual.test")
    hint.recipients = None
    sick = near.root / "sick"
    sick.touch()
    fail(Disk, "open", EACCES, names(hint))
    fail(Disk, "rename", EIO, lambda old, new: f"corrupt/{hint.queue_id}" in new and sick.exists())
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line(f"{hint.queue_id}: rename from active to corrupt: Input/output error")
        assert near.place(hint.queue_id) == "active"
        sick.unlink()
        qmgr.wait_until(lambda: near.place(hint.queue_id) == "corrupt")
        check_others_flow(near, qmgr)


@pytest.mark.parametrize("place", ["active", "incoming", "deferred"])
def test_queue_that_cannot_be_looked_at_is_a_warning(
    near: Neighbourhood, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """What comes by hints flows."""
    real = Disk.scandir

    def scandir(path: str) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        if path.endswith(place):
            raise PermissionError(EACCES, "Permission denied", f"{place}/A")
        return real(path)

    monkeypatch.setattr(Disk, "scandir", staticmethod(scandir))
    with running_qmgr(near.root) as qmgr:
        qmgr.wait_for_line(f"warning: scan queue {place}: {place}/A: Permission denied")
        check_others_flow(near, qmgr)

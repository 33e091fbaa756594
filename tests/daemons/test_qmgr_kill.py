"""qmgr is killed at every point that matters, and started again: nothing is lost, nobody hears twice without need.

The neighbours outlive it. Where a test says "killed at", the fake that is asked there kills qmgr before it answers.
"""

import fcntl
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qmgr_neighbours import (
    Handler,
    Neighbourhood,
    addresses,
    deliver_all,
    is_gone,
    mark,
    neighbourhood,
    report,
    running_qmgr,
)

from pyfix.base import clock
from pyfix.mail.ipc.messages import (
    NOTIFY_SUCCESS,
    AnyMessage,
    Deliver,
    Delivered,
    Done,
    DropLog,
    Dsn,
    LogRecipient,
    Message,
    Outcome,
    Recipient,
    SendNotice,
)


@pytest.fixture
def near(tmp_path: Path) -> Iterator[Neighbourhood]:
    """A queue directory with all neighbours, whose logs are real files."""
    with neighbourhood(tmp_path) as neighbours:
        for name in ("bounce", "defer", "trace"):
            neighbours.serve(name, keep_log(neighbours, name))
        yield neighbours


def keep_log(near: Neighbourhood, name: str) -> Handler:
    """A log service: a file a message, gone when its notice was sent."""

    def handle(request: AnyMessage) -> Message:
        assert isinstance(request, LogRecipient | SendNotice | DropLog)
        path = Path(near.queue.path(name, request.queue_id))
        if isinstance(request, LogRecipient):
            path.parent.mkdir(exist_ok=True)
            with path.open("a") as file:
                file.write(f"{request.recipient.address}\n")
        elif name != "defer" or isinstance(request, DropLog):
            path.unlink(missing_ok=True)
        return Done()

    return handle


class Killer:
    """Kills the running qmgr, once, when `when` says so."""

    def __init__(self, when: Callable[[AnyMessage], bool]) -> None:
        self.pid = 0
        self.struck = threading.Event()
        self._when = when
        self._lock = threading.Lock()

    def before(self, handler: Handler) -> Handler:
        """Strike before the request is carried out."""

        def handle(request: AnyMessage) -> Message | None:
            self._consider(request)
            return handler(request)

        return handle

    def after(self, handler: Handler) -> Handler:
        """Strike when the request has been carried out, before the answer."""

        def handle(request: AnyMessage) -> Message | None:
            reply = handler(request)
            self._consider(request)
            return reply

        return handle

    def _consider(self, request: AnyMessage) -> None:
        with self._lock:
            if self.pid and not self.struck.is_set() and self._when(request):
                os.kill(self.pid, signal.SIGKILL)
                self.struck.set()

    def run_until_struck(self, near: Neighbourhood) -> None:
        """Run qmgr until it is killed."""
        with running_qmgr(near.root) as qmgr:
            self.pid = qmgr.worker.pid
            assert self.struck.wait(30)


def run_until_removed(near: Neighbourhood, *ids: str) -> list[str]:
    """Run qmgr until these messages are removed; return its log."""
    with running_qmgr(near.root) as qmgr:
        for queue_id in ids:
            qmgr.wait_until(lambda queue_id=queue_id: is_gone(near.root, queue_id))
        qmgr.worker.stop()  # with its last lines
        return list(qmgr.worker.log_lines())


def test_message_that_was_active_is_delivered_at_the_next_start(near: Neighbourhood) -> None:
    """Files in active/ go back to incoming/ first."""
    near.serve("virtual", deliver_all(near.root))
    hint = near.message("a@virtual.test", place="active")
    lines = run_until_removed(near, hint.queue_id)
    assert f"{hint.queue_id}: removed" in lines


def test_removal_that_was_cut_short_is_completed(near: Neighbourhood) -> None:
    """A finished file may be left marked incomplete in active/: it is no message any more."""
    hint = near.message("a@virtual.test", place="active")
    (near.root / "active" / hint.queue_id).chmod(0o600)
    run_until_removed(near, hint.queue_id)


def test_killed_with_a_delivery_in_flight(near: Neighbourhood) -> None:
    """The delivery is repeated for those who were not done, and only for them."""

    def handle(request: AnyMessage) -> Message:
        assert isinstance(request, Deliver)
        if len(request.recipients) > 1:
            mark(near.root, request, request.recipients[:1])
        else:
            mark(near.root, request, request.recipients)
        return Delivered(request.seq, [])

    killer = Killer(lambda request: True)
    agent = near.serve("virtual", killer.after(handle))
    hint = near.message("a@virtual.test", "b@virtual.test")
    killer.run_until_struck(near)
    assert near.place(hint.queue_id) == "active"
    run_until_removed(near, hint.queue_id)
    assert [addresses(request) for request in agent.requests] == [
        ["a@virtual.test", "b@virtual.test"], ["b@virtual.test"],
    ]  # fmt: skip


def test_killed_at_the_bounce_record(near: Neighbourhood) -> None:
    """The recipient was recorded but not marked: it fails once more, and the sender is told once."""
    near.serve("virtual", report("bounced", "5.1.1", "unknown user"))
    killer = Killer(lambda request: isinstance(request, LogRecipient))
    near.serve("bounce", killer.after(keep_log(near, "bounce")))
    hint = near.message("a@virtual.test")
    killer.run_until_struck(near)
    run_until_removed(near, hint.queue_id)
    assert len(near.notices("bounce")) == 1


def test_killed_before_the_bounce_notice(near: Neighbourhood) -> None:
    """The log on disk tells the next qmgr that the sender is still to be told; nothing is delivered again."""
    agent = near.serve("virtual", report("bounced", "5.1.1", "unknown user"))
    killer = Killer(lambda request: isinstance(request, SendNotice))
    near.serve("bounce", killer.before(lambda request: None if isinstance(request, SendNotice) else keep(request)))
    keep = keep_log(near, "bounce")
    hint = near.message("a@virtual.test")
    killer.run_until_struck(near)
    near.serve("bounce", keep)
    run_until_removed(near, hint.queue_id)
    assert [notice.queue_id for notice in near.notices("bounce")] == [hint.queue_id]
    assert len(agent.requests) == 1


def test_killed_after_the_bounce_notice(near: Neighbourhood) -> None:
    """The notice is on its way and the log gone: the next qmgr just removes the message."""
    agent = near.serve("virtual", report("bounced", "5.1.1", "unknown user"))
    killer = Killer(lambda request: isinstance(request, SendNotice))
    near.serve("bounce", killer.after(keep_log(near, "bounce")))
    hint = near.message("a@virtual.test")
    killer.run_until_struck(near)
    run_until_removed(near, hint.queue_id)
    assert len(near.notices("bounce")) == 1
    assert len(agent.requests) == 1


def test_killed_at_the_defer_record(near: Neighbourhood) -> None:
    """The message is still active, so it is tried at once."""
    replies = [report("deferred", "4.2.2", "full"), deliver_all(near.root)]
    killer = Killer(lambda request: isinstance(request, LogRecipient))
    agent = near.serve("virtual", lambda request: replies[len(agent.requests) - 1](request))
    near.serve("defer", killer.after(keep_log(near, "defer")))
    hint = near.message("a@virtual.test")
    killer.run_until_struck(near)
    run_until_removed(near, hint.queue_id)
    assert len(agent.requests) == 2


def test_killed_before_the_success_report(near: Neighbourhood) -> None:
    """The trace log on disk is reported by the next qmgr."""

    def handle(request: AnyMessage) -> Message:
        assert isinstance(request, Deliver)
        mark(near.root, request, request.recipients)
        return Delivered(request.seq, [Outcome(0, "delivered", Dsn("2.0.0", "ok"), "a@virtual.test")])

    near.serve("virtual", handle)
    killer = Killer(lambda request: isinstance(request, SendNotice))
    keep = keep_log(near, "trace")
    near.serve("trace", killer.before(lambda request: None if isinstance(request, SendNotice) else keep(request)))
    hint = near.message(Recipient("a@virtual.test", notify=NOTIFY_SUCCESS))
    killer.run_until_struck(near)
    near.serve("trace", keep)
    run_until_removed(near, hint.queue_id)
    assert len(near.notices("trace")) == 1


def test_killed_twice_before_the_notice(near: Neighbourhood) -> None:
    """The second time the file may be back in incoming/: it is its log that counts, not where it was."""
    near.serve("virtual", report("bounced", "5.1.1", "unknown user"))
    keep = keep_log(near, "bounce")
    killer = Killer(lambda request: isinstance(request, SendNotice))
    near.serve("bounce", killer.before(lambda request: None if isinstance(request, SendNotice) else keep(request)))
    hint = near.message("a@virtual.test")
    killer.run_until_struck(near)
    near.queue.move(hint.queue_id, "active", "incoming")
    near.serve("bounce", keep)
    run_until_removed(near, hint.queue_id)
    assert len(near.notices("bounce")) == 1


def test_file_that_an_old_agent_still_works_on_is_skipped(near: Neighbourhood) -> None:
    """The agent's lock on it says so; it is not delivered twice at the same time."""
    agent = near.serve("virtual", deliver_all(near.root))
    held, other = near.message("a@virtual.test", place="active"), near.message("b@virtual.test", place="active")
    with near.queue.open("active", held.queue_id) as file:
        fcntl.flock(file.fd, fcntl.LOCK_SH)
        with running_qmgr(near.root) as qmgr:
            qmgr.wait_for_line(f"{held.queue_id}: skipped, still being delivered")
            qmgr.wait_for_line(f"{other.queue_id}: removed")
    assert near.place(held.queue_id) == "deferred"
    assert [addresses(request) for request in agent.requests] == [["b@virtual.test"]]


def test_stop_waits_for_a_delivery_under_way(near: Neighbourhood) -> None:
    """Its result is acted upon before qmgr ends; nothing new begins."""
    gate = threading.Event()
    deliver = deliver_all(near.root)

    def handle(request: AnyMessage) -> Message:
        assert gate.wait(30)
        return deliver(request)

    agent = near.serve("virtual", handle)
    hint = near.message("a@virtual.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        agent.wait(1)
        qmgr.worker.status.send(b"S")
        gate.set()
        assert qmgr.worker.stop() == 0
    assert is_gone(near.root, hint.queue_id)


@pytest.mark.parametrize("seed", range(3))
def test_random_kills_lose_nothing(near: Neighbourhood, seed: int) -> None:
    """Sixty messages of all kinds, five kills at random requests: each recipient is delivered, or its sender told.

    A delivery is repeated only if a kill found it in flight, so no recipient gets the message more often than there
    were kills, and one.
    """
    chance = random.Random(seed)
    delivered: Counter[str] = Counter()
    lock = threading.Lock()
    deferrals: set[str] = set()

    def handle(request: AnyMessage) -> Message:
        assert isinstance(request, Deliver)
        (recipient,) = request.recipients
        kind, name = recipient.address[0], f"{request.queue_id} {recipient.address}"
        if kind == "b":
            return report("bounced", "5.1.1", "unknown user")(request)
        with lock:
            if kind == "d" and name not in deferrals:
                deferrals.add(name)
                return report("deferred", "4.2.2", "full")(request)
            delivered[name] += 1
        mark(near.root, request, request.recipients)
        return Delivered(request.seq, [])

    killers = [Killer(lambda _: chance.random() < 0.03) for _ in range(5)]

    def kill_sometimes(handler: Handler) -> Handler:
        for killer in killers:
            handler = killer.before(handler) if chance.random() < 0.5 else killer.after(handler)
        return handler

    near.serve("local", kill_sometimes(handle), depth=1)
    for name in ("bounce", "defer"):
        near.serve(name, kill_sometimes(keep_log(near, name)))
    wanted = [near.message(*[f"{chance.choice('abd')}{n}@local.test" for n in range(3)]) for _ in range(60)]
    for killer in killers:
        for hint in wanted:  # what was put off is due again
            if near.place(hint.queue_id) == "deferred":
                near.queue.move(hint.queue_id, "deferred", "incoming", clock.now())
        with running_qmgr(near.root) as qmgr:
            killer.pid = qmgr.worker.pid
            qmgr.wait_until(lambda killer=killer: killer.struck.is_set() or is_settled(near))
            killer.struck.set()
    with running_qmgr(near.root) as qmgr:

        def all_gone() -> bool:
            if is_settled(near):
                qmgr.trigger("flush")
            return all(near.place(hint.queue_id) is None for hint in wanted)

        qmgr.wait_until(all_gone)
    told = Counter(notice.queue_id for notice in near.notices("bounce"))
    for hint in wanted:
        assert hint.recipients is not None
        for recipient in hint.recipients:
            if recipient.address[0] == "b":
                assert told[hint.queue_id] >= 1
            else:
                assert 1 <= delivered[f"{hint.queue_id} {recipient.address}"] <= 6


def is_settled(near: Neighbourhood) -> bool:
    """True when nothing is in work."""
    return not any(os.listdir(near.root / name) for name in ("incoming", "active"))

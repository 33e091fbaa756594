"""qmgr over its sockets, with faked neighbours: what becomes of a message."""

import fcntl
import os
import signal
import socket
import threading
from pathlib import Path

import pytest
from harness import DEADLINE_S, freeze_until_alarm
from qmgr_neighbours import (
    Die,
    Neighbourhood,
    addresses,
    defer_all,
    deliver_all,
    is_gone,
    mark,
    neighbourhood,
    outcomes,
    report,
    running_qmgr,
)

from pyfix.base import clock
from pyfix.daemons.qmgr import deliver
from pyfix.mail.ipc.messages import (
    NOTIFY_SUCCESS,
    AnyMessage,
    Deliver,
    Delivered,
    Done,
    DropLog,
    Dsn,
    Message,
    Recipient,
    Refused,
    Resolve,
    Resolved,
    SendNotice,
)

DAY = 86400


@pytest.fixture
def near(tmp_path: Path) -> Neighbourhood:
    """A queue directory with all neighbours."""
    with neighbourhood(tmp_path) as neighbours:
        yield neighbours


def test_hinted_message_is_delivered_and_removed(near: Neighbourhood) -> None:
    """The fast path, with Postfix's two lines and a request that tells all the agent needs."""
    agent = near.serve("virtual", deliver_all(near.root))
    hint = near.message("a@virtual.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line(f"{hint.queue_id}: removed")
        lines = qmgr.worker.log_lines()
    assert lines == [
        f"{hint.queue_id}: from=<sender@example.test>, size=21, nrcpt=1 (queue active)",
        f"{hint.queue_id}: removed",
    ]
    (request,) = agent.requests
    assert isinstance(request, Deliver)
    assert (request.queue_id, request.nexthop, request.last) == (hint.queue_id, "virtual.test", True)
    assert (request.content_offset, request.content_length) == (hint.content_offset, hint.content_length)
    assert request.envelope == hint.envelope
    assert is_gone(near.root, hint.queue_id)


def test_message_without_hint_is_found_at_start(near: Neighbourhood) -> None:
    """Hints may be lost; the scan finds the file."""
    near.serve("virtual", deliver_all(near.root))
    hint = near.message("a@virtual.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.wait_for_line(f"{hint.queue_id}: removed")


def test_message_without_hint_is_found_on_a_trigger(near: Neighbourhood) -> None:
    """As pickup or a wakeup of the master asks."""
    near.serve("virtual", deliver_all(near.root))
    with running_qmgr(near.root) as qmgr:
        first, second = near.message("a@virtual.test"), near.message("b@virtual.test")
        qmgr.trigger("scan")
        qmgr.wait_for_line(f"{first.queue_id}: removed")
        qmgr.wait_for_line(f"{second.queue_id}: removed")
        third = near.message("c@virtual.test")
        qmgr.worker.wake()
        qmgr.wait_for_line(f"{third.queue_id}: removed")


def test_recipients_of_one_destination_travel_together(near: Neighbourhood) -> None:
    """Fifty recipients of a domain are one request; another domain is another."""
    agent = near.serve("virtual", deliver_all(near.root))
    hint = near.message(*[f"user{n}@virtual.test" for n in range(50)], "x@virtual.other.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line("removed")
    assert sorted(len(addresses(request)) for request in agent.requests) == [1, 50]


def test_recipient_limit_cuts_requests(near: Neighbourhood) -> None:
    """The transport's own limit wins over the default."""
    agent = near.serve("virtual", deliver_all(near.root))
    with running_qmgr(near.root, "virtual_destination_recipient_limit = 3") as qmgr:
        qmgr.hint(near.message(*[f"user{n}@virtual.test" for n in range(7)]))
        qmgr.wait_for_line("removed")
    assert [len(addresses(request)) for request in agent.requests] == [3, 3, 1]


def test_local_gets_one_recipient_at_a_time(near: Neighbourhood) -> None:
    """Its default differs from that of the others; a connection for each delivery, since its depth is 1."""
    agent = near.serve("local", deliver_all(near.root), depth=1)
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(near.message("a@local.test", "b@local.test"))
        qmgr.wait_for_line("removed")
    assert sorted(addresses(request) for request in agent.requests) == [["a@local.test"], ["b@local.test"]]


def test_addresses_of_one_moment_are_resolved_together(near: Neighbourhood) -> None:
    """One Resolve for a message's recipients, each address once; the answer serves the next second too."""
    near.serve("virtual", deliver_all(near.root))
    first = near.message("a@virtual.test", "b@virtual.test", "a@virtual.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(first)
        qmgr.wait_for_line(f"{first.queue_id}: removed")
    asked = [request for request in near.fakes["rewrite"].requests if isinstance(request, Resolve)]
    assert [request.addresses for request in asked] == [["a@virtual.test", "b@virtual.test"]]


def test_senders_are_resolved_apart_where_routes_depend_on_them(near: Neighbourhood) -> None:
    """sender_dependent_relayhost_maps; otherwise the sender is not even told, so that one answer serves all."""
    near.serve("virtual", deliver_all(near.root))
    for value, senders in (("static:x", ["one@a.test", "two@a.test"]), ("", [""])):
        rewrite = near.serve("rewrite", near.fakes["rewrite"]._handler)
        hints = [near.message("a@virtual.test", sender=sender) for sender in ("one@a.test", "two@a.test")]
        with running_qmgr(near.root, f"sender_dependent_relayhost_maps = {value}") as qmgr:
            qmgr.hint(*hints)
            for hint in hints:
                qmgr.wait_for_line(f"{hint.queue_id}: removed")
        assert sorted({request.sender for request in rewrite.requests if isinstance(request, Resolve)}) == senders


def test_bounced_recipient_is_recorded_before_the_notice(near: Neighbourhood) -> None:
    """Record, notice with the message still in active/, then removal."""
    near.serve("virtual", report("bounced", "5.1.1", "unknown user"))
    seen: list[str | None] = []
    bounce = near.fakes["bounce"]._handler
    hint = near.message("a@virtual.test")

    def watch(request: AnyMessage) -> Message | None:
        seen.append(near.place(hint.queue_id))
        return bounce(request)

    near.serve("bounce", watch)
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line("removed")
    (logged,) = near.logged("bounce")
    assert (logged.queue_id, logged.recipient.address, logged.outcome.dsn.status) == (
        hint.queue_id, "a@virtual.test", "5.1.1",
    )  # fmt: skip
    (notice,) = near.notices("bounce")
    assert (notice.queue_id, notice.queue_name, notice.envelope) == (hint.queue_id, "active", hint.envelope)
    assert near.fakes["bounce"].requests == [logged, notice]
    assert seen == ["active", "active"]
    assert is_gone(near.root, hint.queue_id)


def test_deferred_recipient_is_recorded_and_the_message_put_off(near: Neighbourhood) -> None:
    """The file lies in deferred/ with the time of the next attempt; who was delivered is marked done."""

    def handle(request: AnyMessage) -> Message:
        assert isinstance(request, Deliver)
        mark(near.root, request, request.recipients[:1])
        dsn = Dsn("4.2.2", "mailbox full")
        return Delivered(request.seq, outcomes(request, "deferred", dsn)[1:])

    near.serve("virtual", handle)
    hint = near.message("a@virtual.test", "b@virtual.test", age=1000)
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_until(lambda: near.place(hint.queue_id) == "deferred")
    (logged,) = near.logged("defer")
    assert (logged.recipient.address, logged.outcome.dsn.reason) == ("b@virtual.test", "mailbox full")
    with near.queue.open("deferred", hint.queue_id) as file:
        assert [recipient.address for recipient in file.read_recipients()[0]] == ["b@virtual.test"]
    (entry,) = near.queue.scan("deferred")
    assert 990 < entry.mtime - clock.now() < 1010
    assert near.notices("bounce") == []


def test_deferred_message_is_tried_when_it_is_due(near: Neighbourhood) -> None:
    """Only then; after success its defer log goes."""
    near.serve("virtual", deliver_all(near.root))
    due = near.message("a@virtual.test", place="deferred", mtime=clock.now() - 1)
    early = near.message("b@virtual.test", place="deferred", mtime=clock.now() + 600)
    path = Path(near.queue.path("defer", due.queue_id))
    path.parent.mkdir(exist_ok=True)
    path.write_text("log\n")
    with running_qmgr(near.root) as qmgr:
        qmgr.wait_for_line(f"{due.queue_id}: removed")
        near.fakes["defer"].wait(1)
    assert near.fakes["defer"].requests == [DropLog(due.queue_id)]
    assert near.place(early.queue_id) == "deferred"


def test_deferred_queue_is_run_by_the_timer(near: Neighbourhood) -> None:
    """queue_run_delay."""
    near.serve("virtual", deliver_all(near.root))
    with running_qmgr(near.root, "queue_run_delay = 1s") as qmgr:
        hint = near.message("a@virtual.test", place="deferred", mtime=clock.now() - 1)
        qmgr.wait_for_line(f"{hint.queue_id}: removed")


def test_part_of_the_queue_that_cannot_be_looked_at_keeps_nothing_else(near: Neighbourhood) -> None:
    """A file stands where a hash directory should be: every scan tells of it and takes what lies elsewhere."""
    near.serve("virtual", deliver_all(near.root))
    queue_id = near.message("a@virtual.test").queue_id
    near.queue.move(queue_id, "incoming", "deferred", 1000.0)
    for digit in {*"0123456789ABCDEF"} - {queue_id[0]}:
        (near.root / "deferred" / digit).rmdir()
        (near.root / "deferred" / digit).touch()
    with running_qmgr(near.root) as qmgr:
        qmgr.wait_for_line(f"{queue_id}: removed")
        qmgr.wait_for_line(f"scan queue deferred: deferred/{'F' if queue_id[0] != 'F' else 'E'}: Not a directory")


def test_flush_takes_everything(near: Neighbourhood) -> None:
    """Time stamps do not count, and neither do dead destinations."""
    state = {"down": True}

    def handle(request: AnyMessage) -> Message:
        dsn = Dsn("4.4.1", "connect to smtp.test: Connection refused")
        if state["down"]:
            return report("deferred", dsn.status, dsn.reason, dead=dsn)(request)
        return deliver_all(near.root)(request)

    agent = near.serve("smtp", handle, depth=100, concurrent=True)
    first = near.message("a@smtp.test")
    with running_qmgr(near.root, "smtp_initial_destination_concurrency = 1") as qmgr:
        qmgr.hint(first)
        qmgr.wait_until(lambda: near.place(first.queue_id) == "deferred")
        second = near.message("b@smtp.test")
        qmgr.hint(second)
        qmgr.wait_until(lambda: near.place(second.queue_id) == "deferred")
        assert [addresses(request) for request in agent.requests] == [["a@smtp.test"]]
        state["down"] = False
        qmgr.trigger("flush")
        qmgr.wait_for_line(f"{first.queue_id}: removed")
        qmgr.wait_for_line(f"{second.queue_id}: removed")


def test_release_tries_one_deferred_message(near: Neighbourhood) -> None:
    """The others keep waiting; a word that is no queue id is refused in the log."""
    near.serve("virtual", deliver_all(near.root))
    later = clock.now() + 600
    wanted, other = (near.message(f"{n}@virtual.test", place="deferred", mtime=later) for n in "ab")
    with running_qmgr(near.root) as qmgr:
        qmgr.trigger("release ../etc/passwd")
        qmgr.trigger("nonsense")
        qmgr.trigger(f"release {wanted.queue_id}")
        qmgr.wait_for_line(f"{wanted.queue_id}: removed")
        qmgr.wait_for_line("warning: release ../etc/passwd: bad queue id")
        qmgr.wait_for_line("warning: request ignored: nonsense")
    assert near.place(other.queue_id) == "deferred"


def test_dead_destination_defers_without_trying(near: Neighbourhood) -> None:
    """Through the retry service, with Postfix's words."""
    down = Dsn("4.4.1", "connect to mx.smtp.test[192.0.2.1]:25: Connection timed out")
    agent = near.serve("smtp", report("deferred", down.status, down.reason, dead=down))
    first = near.message("a@smtp.test")
    with running_qmgr(near.root, "initial_destination_concurrency = 1") as qmgr:
        qmgr.hint(first)
        qmgr.wait_until(lambda: near.place(first.queue_id) == "deferred")
        second = near.message("b@smtp.test")
        qmgr.hint(second)
        qmgr.wait_until(lambda: near.place(second.queue_id) == "deferred")
    assert len(agent.requests) == 1
    assert [addresses(request) for request in near.fakes["retry"].requests] == [["b@smtp.test"]]
    assert near.logged("defer")[1].outcome.dsn == Dsn("4.4.1", f"delivery temporarily suspended: {down.reason}")


def test_missing_transport_defers_its_mail(near: Neighbourhood) -> None:
    """A warning once, and Postfix's reason; other transports go on."""
    near.serve("virtual", deliver_all(near.root))
    lost, fine = near.message("a@nosuch.test"), near.message("a@virtual.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(lost, fine)
        qmgr.wait_for_line(f"{fine.queue_id}: removed")
        qmgr.wait_until(lambda: near.place(lost.queue_id) == "deferred")
        qmgr.wait_for_line("warning: connect to transport private/nosuch: No such file or directory")
    assert near.logged("defer")[0].outcome.dsn == Dsn("4.3.0", "mail transport unavailable")


def test_transport_whose_processes_never_come_up_defers_its_mail(near: Neighbourhood) -> None:
    """The master listens, but each process dies of a mistake in master.cf: the mail waits in deferred/, not for ever in
    active/, and is delivered when the mistake is mended."""
    with socket.socket(socket.AF_UNIX) as master:
        master.bind(str(near.root / "private" / "broken"))
        master.listen()
        lost = near.message("a@broken.test")
        with running_qmgr(near.root, "transport_retry_time = 1s") as qmgr:
            qmgr.hint(lost)
            qmgr.wait_for_line("warning: connect to transport private/broken: no process has answered for 1 seconds")
            qmgr.wait_until(lambda: near.place(lost.queue_id) == "deferred")
            assert near.logged("defer")[0].outcome.dsn == Dsn("4.3.0", "mail transport unavailable")
            (near.root / "private" / "broken").unlink()
            near.serve("broken", deliver_all(near.root))
            qmgr.trigger("flush")
            qmgr.wait_for_line(f"{lost.queue_id}: removed")


def test_agent_that_is_of_no_use_is_let_go(near: Neighbourhood) -> None:
    """ipc_idle: a connection holds a process."""
    agent = near.serve("virtual", deliver_all(near.root))
    hint = near.message("a@virtual.test")
    with running_qmgr(near.root, "ipc_idle = 1s") as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line(f"{hint.queue_id}: removed")
        qmgr.wait_until(lambda: agent.ended == agent.connections)


def test_without_retry_service_qmgr_defers_itself(near: Neighbourhood) -> None:
    """Then the log line is its own."""
    near.remove("retry")
    hint = near.message(Recipient("a@nosuch.test", "alias@here.test"))
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_until(lambda: near.place(hint.queue_id) == "deferred")
        line = qmgr.wait_for_line("status=deferred (mail transport unavailable)")
    assert line.startswith(f"{hint.queue_id}: to=<a@nosuch.test>, orig_to=<alias@here.test>, relay=none, delay=")
    assert "dsn=4.3.0" in line


def test_log_of_an_earlier_attempt_is_found_whatever_the_name_of_the_service(near: Neighbourhood) -> None:
    """The folder has its name of the task, not of the service; qmgr was killed before it had asked for the notice."""
    near.serve("virtual", deliver_all(near.root))
    returns = near.serve("returns", lambda _: Done())
    hint = near.message("a@virtual.test")
    (near.root / "bounce" / hint.queue_id).touch()
    with running_qmgr(near.root, "bounce_service_name = returns") as qmgr:
        qmgr.wait_for_line(f"{hint.queue_id}: removed")
    assert [type(request) for request in returns.requests] == [SendNotice]


def test_success_notice_is_recorded_and_sent(near: Neighbourhood) -> None:
    """NOTIFY=SUCCESS goes to the trace service."""

    def handle(request: AnyMessage) -> Message:
        assert isinstance(request, Deliver)
        mark(near.root, request, request.recipients)
        return Delivered(request.seq, outcomes(request, "delivered", Dsn("2.0.0", "delivered to maildir")))

    near.serve("virtual", handle)
    hint = near.message(Recipient("a@virtual.test", notify=NOTIFY_SUCCESS))
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line("removed")
    assert [logged.outcome.verb for logged in near.logged("trace")] == ["delivered"]
    assert [notice.queue_id for notice in near.notices("trace")] == [hint.queue_id]
    assert near.notices("bounce") == []


def test_undeliverable_probe_is_finished(near: Neighbourhood) -> None:
    """sendmail -bv: reported through trace, never deferred."""
    near.serve("virtual", report("undeliverable", "4.2.2", "mailbox full"))
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(near.message("a@virtual.test", trace=1))
        qmgr.wait_for_line("removed")
    assert len(near.notices("trace")) == 1


def test_old_message_is_returned(near: Neighbourhood) -> None:
    """After maximal_queue_lifetime a deferral is a bounce with the same reason; a null sender's has its own limit."""
    near.serve("virtual", report("deferred", "4.4.1", "Connection refused"))
    old = near.message("a@virtual.test", age=5 * DAY + 1)
    bounce = near.message("b@virtual.test", age=DAY + 1, sender="")
    young = near.message("c@virtual.test", age=DAY + 1)
    with running_qmgr(near.root, "bounce_queue_lifetime = 1d") as qmgr:
        qmgr.hint(old, bounce, young)
        qmgr.wait_for_line(f"{old.queue_id}: from=<sender@example.test>, status=expired, returned to sender")
        qmgr.wait_for_line(f"{bounce.queue_id}: from=<>, status=expired, returned to sender")
        qmgr.wait_for_line(f"{old.queue_id}: removed")
        qmgr.wait_for_line(f"{bounce.queue_id}: removed")
        qmgr.wait_until(lambda: near.place(young.queue_id) == "deferred")
    assert {logged.queue_id for logged in near.logged("bounce")} == {old.queue_id, bounce.queue_id}
    assert near.logged("bounce")[0].outcome.dsn == Dsn("4.4.1", "Connection refused")
    assert near.logged("bounce")[0].outcome.verb == "bounced"


def test_delay_warning_is_sent_once(near: Neighbourhood) -> None:
    """After delay_warning_time, while the message is still in active/; the file remembers."""
    near.serve("virtual", report("deferred", "4.4.1", "Connection refused"))
    hint = near.message("a@virtual.test", age=3601)
    with running_qmgr(near.root, "delay_warning_time = 1h") as qmgr:
        qmgr.hint(hint)
        qmgr.wait_until(lambda: near.place(hint.queue_id) == "deferred")
        assert len(near.notices("defer")) == 1
        qmgr.trigger("flush")
        qmgr.wait_until(lambda: len(near.logged("defer")) == 2 and near.place(hint.queue_id) == "deferred")
    assert len(near.notices("defer")) == 1
    with near.queue.open("deferred", hint.queue_id) as file:
        assert file.envelope.delay_warned


def test_failing_bounce_service_defers_the_recipient(near: Neighbourhood) -> None:
    """What can't be recorded has not happened."""
    near.serve("virtual", report("bounced", "5.1.1", "unknown user"))
    near.serve("bounce", lambda _: Refused("disk full"))
    hint = near.message("a@virtual.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_until(lambda: near.place(hint.queue_id) == "deferred")
        qmgr.wait_for_line(f"warning: {hint.queue_id}: bounce service failure: private/bounce: disk full")
    with near.queue.open("deferred", hint.queue_id) as file:
        assert len(file.read_recipients()[0]) == 1


def test_neighbours_that_are_silent_are_given_up(near: Neighbourhood) -> None:
    """After qmgr_ipc_timeout: mail waits no longer for a bounce service that hangs, nor for trivial-rewrite."""
    speaks = threading.Event()

    def answer(_: AnyMessage) -> Message:
        speaks.wait()
        return Done()

    near.serve("virtual", report("bounced", "5.1.1", "unknown user"))
    near.serve("bounce", answer)
    hint = near.message("a@virtual.test")
    with running_qmgr(near.root, "qmgr_ipc_timeout = 1") as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line(f"{hint.queue_id}: bounce service failure: private/bounce: no answer within 1 seconds")
        qmgr.wait_until(lambda: near.place(hint.queue_id) == "deferred")
        near.serve("rewrite", answer)
        qmgr.hint(near.message("b@elsewhere.test"))
        qmgr.wait_for_line("problem talking to service rewrite: private/rewrite: no answer within 1 seconds")
        speaks.set()


def test_notice_that_cannot_be_sent_is_tried_again(near: Neighbourhood) -> None:
    """The recipient is done, the message stays until its sender can be told, and is not delivered again."""
    agent = near.serve("virtual", report("bounced", "5.1.1", "unknown user"))
    state = {"broken": True}
    hint = near.message("a@virtual.test")

    def handle(request: AnyMessage) -> Message:
        log = near.root / "bounce" / hint.queue_id
        log.touch()
        if type(request).__name__ == "SendNotice":
            if state["broken"]:
                return Refused("cleanup is busy")
            log.unlink()
        return done(request)

    done = near.fakes["bounce"]._handler
    near.serve("bounce", handle)
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_until(lambda: near.place(hint.queue_id) == "deferred")
        state["broken"] = False
        qmgr.trigger("flush")
        qmgr.wait_for_line(f"{hint.queue_id}: removed")
    assert len(agent.requests) == 1
    assert len(near.notices("bounce")) == 2


def test_agent_that_dies_is_replaced(near: Neighbourhood) -> None:
    """What it had in hand goes to another connection, but who is marked done gets it once."""
    died = threading.Event()

    def handle(request: AnyMessage) -> Message:
        assert isinstance(request, Deliver)
        if not died.is_set():
            died.set()
            mark(near.root, request, request.recipients[:1])
            raise Die
        return deliver_all(near.root)(request)

    agent = near.serve("virtual", handle)
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(near.message("a@virtual.test", "b@virtual.test"))
        qmgr.wait_for_line("removed")
        qmgr.wait_for_line("warning: transport virtual failure -- see a previous warning/fatal/panic")
    assert [addresses(request) for request in agent.requests] == [
        ["a@virtual.test", "b@virtual.test"], ["b@virtual.test"],
    ]  # fmt: skip


def test_message_that_kills_agents_is_deferred(near: Neighbourhood) -> None:
    """After three of them; messages that stood behind it in the pipeline are not to blame."""
    poison = near.message("a@virtual.test")

    def handle(request: AnyMessage) -> Message:
        assert isinstance(request, Deliver)
        if request.queue_id == poison.queue_id:
            raise Die
        return deliver_all(near.root)(request)

    agent = near.serve("virtual", handle)
    others = [near.message(f"{n}@virtual.test") for n in range(10)]
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(poison, *others)
        qmgr.wait_until(lambda: near.place(poison.queue_id) == "deferred")
        for other in others:
            qmgr.wait_for_line(f"{other.queue_id}: removed")
    tried = [request for request in agent.requests if isinstance(request, Deliver)]
    assert sum(request.queue_id == poison.queue_id for request in tried) == 3
    assert near.logged("defer")[0].outcome.dsn == Dsn("4.3.0", "unknown mail transport error")


def test_refused_request_is_tried_again_then_deferred(near: Neighbourhood) -> None:
    """An agent that can't open the file, say; its connection stays."""
    agent = near.serve("virtual", lambda _: Refused("open file: Permission denied"))
    hint = near.message("a@virtual.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_until(lambda: near.place(hint.queue_id) == "deferred")
    assert (len(agent.requests), agent.connections) == (3, 1)


def test_agent_that_says_goodbye_gets_nothing_new(near: Neighbourhood) -> None:
    """The next request goes over a new connection."""
    agent = near.serve("virtual", deliver_all(near.root))
    first = near.message("a@virtual.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(first)
        qmgr.wait_for_line(f"{first.queue_id}: removed")
        agent.say_goodbye()
        qmgr.wait_until(lambda: agent.ended == 1)
        second = near.message("b@virtual.test")
        qmgr.hint(second)
        qmgr.wait_for_line(f"{second.queue_id}: removed")
    assert agent.connections == 2


def test_requests_are_pipelined(near: Neighbourhood) -> None:
    """Up to the depth of the agent's greeting before the first answer, no more than the destination's window."""
    gate = threading.Event()
    deliver = deliver_all(near.root)

    def handle(request: AnyMessage) -> Message:
        assert gate.wait(30)
        return deliver(request)

    near.serve("smtp", handle, depth=100, concurrent=True)
    hints = [near.message(f"u{n}@smtp.test") for n in range(12)]
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(*hints)
        near.fakes["smtp"].wait(1)
        gate.set()
        for hint in hints:
            qmgr.wait_for_line(f"{hint.queue_id}: removed")
    assert near.fakes["smtp"].connections == 1


@pytest.mark.parametrize(
    ("messages", "recipients", "connections"),
    [(4, 1, 1), (5, 1, 2), (2, 4, 2)],
    ids=["all fit one agent", "one too many", "recipients count"],
)
def test_an_agent_is_filled_before_another_is_called(
    near: Neighbourhood, messages: int, recipients: int, connections: int
) -> None:
    """What one agent has at hand it does together; a second connection is opened when the first is full."""
    gate = threading.Event()
    deliver = deliver_all(near.root)

    def handle(request: AnyMessage) -> Message:
        assert gate.wait(30)
        return deliver(request)

    agent = near.serve("virtual", handle, depth=4)
    hints = [near.message(*[f"u{n}.{m}@virtual.test" for m in range(recipients)]) for n in range(messages)]
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(*hints)
        agent.wait(connections)
        gate.set()
        for hint in hints:
            qmgr.wait_for_line(f"{hint.queue_id}: removed")
    assert agent.connections == connections


def test_an_agent_that_gives_no_answer_gets_no_more(near: Neighbourhood, monkeypatch: pytest.MonkeyPatch) -> None:
    """A locked mailbox holds up few deliveries besides its own."""
    monkeypatch.setattr(deliver, "PATIENCE_S", 0.0)  # the worker is a fork of this process
    gate = threading.Event()
    deliver_one = deliver_all(near.root)

    def handle(request: AnyMessage) -> Message:
        assert gate.wait(30)
        return deliver_one(request)

    agent = near.serve("virtual", handle, depth=4)
    hints = [near.message(f"u{n}@virtual.test") for n in range(2)]
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(*hints)
        agent.wait(2)
        gate.set()
        for hint in hints:
            qmgr.wait_for_line(f"{hint.queue_id}: removed")
    assert agent.connections == 2


def test_corrupt_file_goes_to_corrupt(near: Neighbourhood) -> None:
    """With Postfix's warning; the rest flows."""
    near.serve("virtual", deliver_all(near.root))
    bad, good = near.message("a@virtual.test"), near.message("b@virtual.test")
    path = near.root / "incoming" / bad.queue_id
    path.write_bytes(path.read_bytes()[:-7])
    with running_qmgr(near.root) as qmgr:
        qmgr.wait_for_line(f"{good.queue_id}: removed")
        qmgr.wait_for_line(f'warning: saving corrupt file "{bad.queue_id}" from queue "active" to queue "corrupt"')
    assert near.place(bad.queue_id) == "corrupt"


def test_file_that_is_damaged_in_mid_delivery_goes_to_corrupt(near: Neighbourhood) -> None:
    """Found when an agent died and the marks are looked at."""
    hint = near.message("a@virtual.test")

    def handle(request: AnyMessage) -> Message:
        path = near.root / "active" / hint.queue_id
        path.write_bytes(b"rubbish")
        raise Die

    near.serve("virtual", handle)
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line(f'saving corrupt file "{hint.queue_id}"')


def test_file_that_somebody_looks_at_is_taken_a_moment_later(near: Neighbourhood) -> None:
    """mailq holds a file while it reads it: that is no old agent at work."""
    near.serve("virtual", deliver_all(near.root))
    hint = near.message("a@virtual.test", place="active")
    reader = os.open(near.root / "active" / hint.queue_id, os.O_RDONLY)
    fcntl.flock(reader, fcntl.LOCK_SH)
    other = near.message("b@virtual.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.wait_for_line(f"{other.queue_id}: removed")
        qmgr.wait_until(lambda: near.place(hint.queue_id) == "active")
        fcntl.flock(reader, fcntl.LOCK_UN)
        os.close(reader)
        qmgr.wait_for_line(f"{hint.queue_id}: removed")
        assert not [line for line in qmgr.worker.log_lines() if "skipped" in line]


def test_file_that_vanishes_in_mid_delivery_is_let_go(near: Neighbourhood) -> None:
    """postsuper -d of an active message; qmgr removes nothing that it can't read."""
    hint = near.message("a@virtual.test")

    def handle(request: AnyMessage) -> Message:
        near.queue.move(hint.queue_id, "active", "hold")
        raise Die

    near.serve("virtual", handle)
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line(f"warning: {hint.queue_id}: no longer in queue active")
    assert near.place(hint.queue_id) == "hold"


def test_incomplete_file_is_left_alone_until_it_is_old(near: Neighbourhood) -> None:
    """Somebody may be writing it; after a day nobody is."""
    young, old = near.queue.create(), near.queue.create()
    past = clock.now() - 2 * DAY
    os.utime(near.root / "incoming" / old.id, (past, past))
    with running_qmgr(near.root) as qmgr:
        qmgr.wait_for_line(f"{old.id}: removed incomplete file from queue incoming")
    assert near.place(young.id) == "incoming"
    assert near.place(old.id) is None


def test_held_message_is_not_touched(near: Neighbourhood) -> None:
    """Not at start, not by a flush."""
    near.serve("virtual", deliver_all(near.root))
    held = near.message("a@virtual.test", place="hold")
    other = near.message("b@virtual.test", place="deferred", mtime=clock.now() + 600)
    with running_qmgr(near.root) as qmgr:
        qmgr.trigger("flush")
        qmgr.wait_for_line(f"{other.queue_id}: removed")
    assert near.place(held.queue_id) == "hold"


def test_full_active_queue_keeps_mail_in_incoming(near: Neighbourhood) -> None:
    """Hints beyond the limit are dropped, and the files found as soon as there is room."""
    gate = threading.Event()
    deliver = deliver_all(near.root)

    def handle(request: AnyMessage) -> Message:
        assert gate.wait(30)
        return deliver(request)

    agent = near.serve("virtual", handle)
    hints = [near.message(f"u{n}@virtual.test") for n in range(20)]
    with running_qmgr(near.root, "qmgr_message_active_limit = 3") as qmgr:
        qmgr.hint(*hints)
        agent.wait(1)
        active = len(list((near.root / "active").iterdir()))
        gate.set()
        for hint in hints:
            qmgr.wait_for_line(f"{hint.queue_id}: removed")
    assert active <= 3


def test_recipients_are_read_piece_by_piece(near: Neighbourhood) -> None:
    """With room for 40 in memory, 500 are all delivered, each once, and a second message moves meanwhile."""
    agent = near.serve("virtual", deliver_all(near.root))
    big = near.message(*[f"u{n}@virtual.test" for n in range(500)])
    small = near.message(*[f"v{n}@virtual.test" for n in range(30)])
    limits = "qmgr_message_recipient_limit = 40\nqmgr_message_recipient_minimum = 5"
    with running_qmgr(near.root, limits) as qmgr:
        qmgr.hint(big, small)
        qmgr.wait_for_line(f"{big.queue_id}: removed")
        qmgr.wait_for_line(f"{small.queue_id}: removed")
    delivered = [address for request in agent.requests for address in addresses(request)]
    assert sorted(delivered) == sorted(
        [f"u{n}@virtual.test" for n in range(500)] + [f"v{n}@virtual.test" for n in range(30)]
    )
    last = {request.queue_id for request in agent.requests if isinstance(request, Deliver) and request.last}
    assert last <= {big.queue_id, small.queue_id}
    assert max(len(addresses(request)) for request in agent.requests) <= 20


def test_single_message_overtakes_a_mailing(near: Neighbourhood) -> None:
    """It is among the first few deliveries of thousands."""
    agent = near.serve("local", deliver_all(near.root), depth=1)
    mailing = near.message(*[f"u{n}@local.test" for n in range(2000)])
    single = near.message("x@local.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(mailing, single)
        qmgr.wait_for_line(f"{single.queue_id}: removed")
        before = len(agent.requests)
        qmgr.wait_for_line(f"{mailing.queue_id}: removed")
    order = [request.queue_id for request in agent.requests if isinstance(request, Deliver)]
    assert order.index(single.queue_id) < 10
    assert before < 2000


def test_local_concurrency_is_two_for_one_recipient(near: Neighbourhood) -> None:
    """local_destination_concurrency_limit: never more than two deliveries to one mailbox at once."""
    lock = threading.Lock()
    now: list[int] = [0, 0]
    deliver = deliver_all(near.root)

    def handle(request: AnyMessage) -> Message:
        with lock:
            now[0] += 1
            now[1] = max(now)
        reply = deliver(request)
        with lock:
            now[0] -= 1
        return reply

    near.serve("local", handle, depth=1)
    hints = [near.message("same@local.test") for _ in range(40)]
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(*hints)
        for hint in hints:
            qmgr.wait_for_line(f"{hint.queue_id}: removed")
    assert 1 <= now[1] <= 2


def test_unreachable_rewrite_service_makes_mail_wait(near: Neighbourhood) -> None:
    """Nothing is deferred or lost; it goes on when the service is back."""
    near.serve("virtual", deliver_all(near.root))
    resolve = near.fakes["rewrite"]._handler
    near.remove("rewrite")
    hint = near.message("a@virtual.test")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        qmgr.wait_for_line("warning: problem talking to service rewrite: connect to private/rewrite")
        near.serve("rewrite", resolve)
        qmgr.wait_for_line(f"{hint.queue_id}: removed")


def test_mail_to_double_bounce_is_discarded(near: Neighbourhood) -> None:
    """With a log line of qmgr's own."""
    near.routes["double-bounce@here.test"] = Resolved("local", "here.test", "double-bounce@here.test", "local")
    hint = near.message("double-bounce@here.test", sender="")
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(hint)
        line = qmgr.wait_for_line("status=sent (undeliverable postmaster notification discarded)")
        qmgr.wait_for_line(f"{hint.queue_id}: removed")
    assert "relay=none" in line


def test_filter_of_the_message_wins(near: Neighbourhood) -> None:
    """content_filter = scan:next.test."""
    agent = near.serve("scan", deliver_all(near.root))
    with running_qmgr(near.root) as qmgr:
        qmgr.hint(near.message("a@virtual.test", filter="scan:next.test"))
        qmgr.wait_for_line("removed")
    (request,) = agent.requests
    assert isinstance(request, Deliver)
    assert request.nexthop == "next.test"


def test_rate_delay_keeps_deliveries_apart(near: Neighbourhood) -> None:
    """One at a time, and a pause between them."""
    times: list[float] = []
    deliver = deliver_all(near.root)

    def handle(request: AnyMessage) -> Message:
        times.append(clock.monotonic())
        return deliver(request)

    near.serve("virtual", handle)
    hints = [near.message(f"{n}@virtual.test") for n in "ab"]
    with running_qmgr(near.root, "virtual_destination_rate_delay = 1s") as qmgr:
        qmgr.hint(*hints)
        for hint in hints:
            qmgr.wait_for_line(f"{hint.queue_id}: removed")
    assert times[1] - times[0] >= 0.99


@pytest.mark.parametrize("name", ["virtual_transport_rate_delay", "default_transport_rate_delay"])
def test_delay_of_a_transport_keeps_deliveries_to_all_destinations_apart(near: Neighbourhood, name: str) -> None:
    """Each begins so long after the one before, wherever it goes."""
    times: list[float] = []
    deliver = deliver_all(near.root)

    def handle(request: AnyMessage) -> Message:
        times.append(clock.monotonic())
        return deliver(request)

    near.serve("virtual", handle)
    hints = [near.message(f"{n}@virtual.test") for n in "ab"]
    settings = f"{name} = 1s\nvirtual_destination_recipient_limit = 1\n"
    with running_qmgr(near.root, settings) as qmgr:
        qmgr.hint(*hints)
        for hint in hints:
            qmgr.wait_for_line(f"{hint.queue_id}: removed")
    assert times[1] - times[0] >= 0.99


def test_garbage_from_a_client_harms_nobody(near: Neighbourhood) -> None:
    """Bytes that are no message, and messages for others, end that connection only."""
    near.serve("virtual", deliver_all(near.root))
    hint = near.message("a@virtual.test")
    with running_qmgr(near.root) as qmgr:
        peer = qmgr.worker.connect()
        peer.sock.sendall(b"\x00\x00\x00\x05hello")
        assert peer.sock.recv(10) == b""
        peer = qmgr.worker.connect()
        peer.send(DropLog("X"))
        assert peer.sock.recv(10) == b""
        qmgr.hint(hint)
        qmgr.wait_for_line(f"{hint.queue_id}: removed")


def test_retry_handler_speaks_the_nexthop() -> None:
    """The fake agrees with route.explain."""
    hint = Deliver(1, "X", "4.3.0 mail transport unavailable", None, [Recipient("a@b")], 0, 0, 0.0, True)  # type: ignore[arg-type]
    reply = defer_all(hint)
    assert isinstance(reply, Delivered)
    assert reply.outcomes[0].dsn == Dsn("4.3.0", "mail transport unavailable")


def test_queue_manager_that_is_stuck_is_ended_by_a_watchdog_of_its_own(near: Neighbourhood) -> None:
    """qmgr_daemon_timeout is shorter than everybody else's daemon_timeout, which does not count here."""
    with running_qmgr(near.root, "qmgr_daemon_timeout = 2\ndaemon_timeout = 5h") as qmgr:
        worker = qmgr.worker
        worker.status.settimeout(DEADLINE_S)
        assert worker.status.recv(100)
        worker.exit_code = freeze_until_alarm(worker.pid)
        worker.close()
        assert worker.exit_code == -signal.SIGALRM

"""The work on one request: verbs, log lines, marks, answer."""

from pathlib import Path

import msgspec
import pytest

from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config
from pyfix.mail.delivery import DeliveryParameters, Job, JobError
from pyfix.mail.ipc.messages import (
    NOTIFY_SUCCESS,
    TRACE_RECORD,
    TRACE_VERIFY,
    Deliver,
    Dsn,
    Envelope,
    Outcome,
    Recipient,
)
from pyfix.mail.queue import Queue
from pyfix.mail.queue.held import HeldFile

BAD = Dsn("5.1.1", 'unknown user: "x"')
LATER = Dsn("4.2.0", "mailbox is locked")


class Bench:
    """One queued message and the job on it."""

    def __init__(self, root: Path, recipients: list[Recipient], main_cf: str = "", trace: int = 0) -> None:
        for name in ("incoming", "active"):
            (root / name).mkdir(exist_ok=True)
        self.queue = Queue(str(root))
        new = self.queue.create()
        envelope = Envelope("s@x.test", 100.0, 0, trace=trace)
        info = new.commit(envelope, recipients, content=[b"Subject: x\n\nbody\n"])
        self.queue.move(new.id, "incoming", "active")
        self.id = new.id
        self.request = Deliver(
            7, new.id, "x.test", envelope, recipients, info.content_offset, info.content_length, 100.0, True
        )
        self.log = MemoryLog()
        self.params = Config.from_text(main_cf).read(DeliveryParameters)

    def job(self) -> Job:
        """Open the job."""
        return Job(self.request, self.queue, self.log, self.params, "virtual")

    def left(self) -> list[str]:
        """The recipients that are not marked done."""
        with self.queue.open("active", self.id) as file:
            return [rcpt.address for rcpt in file.read_recipients()[0]]


def test_sent_recipient_is_marked_and_not_reported(tmp_path: Path) -> None:
    """qmgr has nothing to do about it."""
    rcpt = Recipient("a@b.test", "c@b.test")
    bench = Bench(tmp_path, [rcpt])
    job = bench.job()
    job.sent(rcpt, "delivered to maildir")
    answer = job.finish()
    assert (answer.seq, answer.outcomes, answer.dead) == (7, [], None)
    assert bench.left() == []
    assert bench.log.lines[0].startswith(f"{bench.id}: to=<a@b.test>, orig_to=<c@b.test>, relay=virtual, delay=")
    assert bench.log.lines[0].endswith(", dsn=2.0.0, status=sent (delivered to maildir)")


def test_bounced_and_deferred_recipients_are_reported_and_not_marked(tmp_path: Path) -> None:
    """Their bookkeeping is qmgr's."""
    one, two = Recipient("a@b.test"), Recipient("c@b.test")
    bench = Bench(tmp_path, [one, two])
    job = bench.job()
    job.bounced(one, BAD)
    job.deferred(two, LATER)
    assert job.finish().outcomes == [
        Outcome(0, "bounced", BAD, "a@b.test"),
        Outcome(1, "deferred", LATER, "c@b.test"),
    ]
    assert bench.left() == ["a@b.test", "c@b.test"]
    assert "dsn=5.1.1, status=bounced (unknown user: " in bench.log.lines[0]
    assert "dsn=4.2.0, status=deferred (mailbox is locked)" in bench.log.lines[1]


def test_soft_bounce_defers_and_says_so(tmp_path: Path) -> None:
    """The log keeps the word that an administrator searches for."""
    rcpt = Recipient("a@b.test")
    bench = Bench(tmp_path, [rcpt], "soft_bounce = yes\n")
    job = bench.job()
    job.bounced(rcpt, BAD)
    (outcome,) = job.finish().outcomes
    assert (outcome.verb, outcome.dsn.status) == ("deferred", "4.1.1")
    assert "dsn=4.1.1, status=SOFTBOUNCE (unknown user" in bench.log.lines[0]


def test_recipient_without_verdict_is_deferred_at_the_end(tmp_path: Path) -> None:
    """What is unknown is temporary."""
    bench = Bench(tmp_path, [Recipient("a@b.test")])
    (outcome,) = bench.job().finish().outcomes
    assert (outcome.verb, outcome.dsn.status) == ("deferred", "4.3.0")


def test_dead_destination_gives_its_reason_to_the_recipients_left(tmp_path: Path) -> None:
    """One failed connection defers all, and tells qmgr."""
    bench = Bench(tmp_path, [Recipient("a@b.test")])
    dead = Dsn("4.4.1", "connect to x: Connection refused")
    answer = bench.job().finish(dead)
    assert answer.dead == dead
    assert answer.outcomes[0].dsn == dead


@pytest.mark.parametrize(
    ("notify", "trace", "reported", "verbs"),
    [
        (0, 0, False, []),
        (NOTIFY_SUCCESS, 0, False, ["relayed"]),
        (NOTIFY_SUCCESS, 0, True, []),
        (0, TRACE_RECORD, True, ["relayed"]),
    ],
)
def test_success_is_reported_only_where_somebody_asked(
    tmp_path: Path, notify: int, trace: int, reported: bool, verbs: list[str]
) -> None:
    """NOTIFY=SUCCESS, unless the next host has taken it over; sendmail -v always."""
    rcpt = Recipient("a@b.test", notify=notify)
    bench = Bench(tmp_path, [rcpt], trace=trace)
    job = bench.job()
    job.sent(rcpt, "250 ok", action="relayed", reported=reported)
    assert [outcome.verb for outcome in job.finish().outcomes] == verbs
    assert bench.left() == []


def test_trace_only_message_tells_what_would_be_done(tmp_path: Path) -> None:
    """sendmail -bv: both verdicts are final."""
    one, two = Recipient("a@b.test"), Recipient("c@b.test")
    bench = Bench(tmp_path, [one, two], trace=TRACE_VERIFY)
    job = bench.job()
    assert job.is_trace_only
    job.sent(one, "delivers to maildir")
    job.bounced(two, BAD)
    assert [outcome.verb for outcome in job.finish().outcomes] == ["deliverable", "undeliverable"]
    assert bench.left() == []
    assert "status=deliverable (delivers to maildir)" in bench.log.lines[0]


def test_status_of_the_wrong_class_is_replaced(tmp_path: Path) -> None:
    """A bounce with a temporary code would confuse everybody after us."""
    rcpt = Recipient("a@b.test")
    bench = Bench(tmp_path, [rcpt])
    job = bench.job()
    job.bounced(rcpt, LATER)
    assert job.finish().outcomes[0].dsn.status == "5.0.0"
    assert bench.log.lines[0] == 'warning: ignoring dsn code "4.2.0"'


def test_recipient_with_several_deliveries_waits_for_the_deferred_one(tmp_path: Path) -> None:
    """Its bounces are told once, by the attempt that defers nothing."""
    rcpt = Recipient("list@b.test")
    bench = Bench(tmp_path, [rcpt])
    job = bench.job()
    job.settle(
        rcpt, [job.note_bounced(rcpt, BAD), job.note_sent(rcpt, Dsn("2.0.0", "x")), job.note_deferred(rcpt, LATER)]
    )
    assert [outcome.verb for outcome in job.finish().outcomes] == ["deferred"]
    assert bench.left() == ["list@b.test"]


def test_missing_queue_file_is_an_error_of_the_request(tmp_path: Path) -> None:
    """The agent answers Refused; nothing has been tried."""
    bench = Bench(tmp_path, [Recipient("a@b.test")])
    bench.queue.remove("active", bench.id)
    with pytest.raises(JobError, match="No such file"):
        bench.job()


def test_unforeseen_exception_defers_its_recipients_only(tmp_path: Path) -> None:
    """One line for the log with the place; a text for qmgr that shows nothing of it."""
    recipients = [Recipient("a@b.test"), Recipient("c@b.test")]
    bench = Bench(tmp_path, recipients)
    job = bench.job()
    for rcpt in job.request.recipients:
        with job.guard(rcpt):
            if rcpt.address == "a@b.test":
                raise KeyError("secret\ntext")
            job.sent(rcpt, "delivered to maildir")
    assert job.finish().outcomes == [
        Outcome(0, "deferred", Dsn("4.3.0", "unknown mail system error"), "a@b.test")
    ]  # fmt: skip
    assert bench.left() == ["a@b.test"]
    assert bench.log.lines[0].startswith(f"warning: {bench.id}: unexpected error: KeyError: 'secret")
    assert "test_job.py:" in bench.log.lines[0]


def test_guard_leaves_a_verdict_alone(tmp_path: Path) -> None:
    """What was delivered is not deferred because of what came after."""
    bench = Bench(tmp_path, [Recipient("a@b.test")])
    job = bench.job()
    (rcpt,) = job.request.recipients
    with job.guard(rcpt):
        job.sent(rcpt, "delivered to maildir")
        raise ValueError("late")
    assert job.finish().outcomes == []
    assert bench.left() == []


def test_text_from_outside_becomes_valid(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 would not pass to qmgr."""
    bench = Bench(tmp_path, [Recipient("a@b.test")])
    job = bench.job()
    (rcpt,) = job.request.recipients
    odd = "caf\udce9"
    job.bounced(Recipient(odd, position=rcpt.position), Dsn("5.3.0", f"no {odd} \u20ac", "x-unix", odd))
    answer = job.finish()
    assert answer.outcomes == [
        Outcome(0, "bounced", Dsn("5.3.0", "no caf? \u20ac", "x-unix", "caf?"), "caf?")
    ]  # fmt: skip
    msgspec.msgpack.encode(answer)


def test_marks_that_cannot_be_synced_are_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail has been delivered, and the answer says so."""
    bench = Bench(tmp_path, [Recipient("a@b.test"), Recipient("c@b.test")])
    job = bench.job()
    job.sent(job.request.recipients[0], "delivered to maildir")

    def fail(file: HeldFile) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(HeldFile, "sync", fail)
    assert [outcome.address for outcome in job.finish().outcomes] == ["c@b.test"]
    assert "recipients may get this message again: Input/output error" in bench.log.lines[-1]


def test_owner_of_a_list_is_named_in_bounces_only(tmp_path: Path) -> None:
    """With soft_bounce it is a deferral, which is nobody's to tell."""
    for soft, sender in (("no", "owner@x.test"), ("yes", None)):
        root = tmp_path / soft
        root.mkdir()
        bench = Bench(root, [Recipient("a@b.test")], f"soft_bounce = {soft}\n")
        (rcpt,) = bench.request.recipients
        assert bench.job().note_bounced(rcpt, BAD, sender="owner@x.test").sender == sender

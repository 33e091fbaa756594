"""The bounce daemon against the notices of Postfix 3.7, and when its neighbours or the disk fail.

tests/golden/bounces holds one folder a case: request.json (what qmgr says, what the log then shows), main.cf, message
(the original) and notice.N (what Postfix made of it; ids, dates and the second in the boundary masked).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_cleanup import FakeCleanup
from harness import RunningWorker, run_worker

from pyfix.daemons.bounce.daemon import SERVICE
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import (
    CLEANUP_FILTER,
    CLEANUP_LOCAL,
    CLEANUP_MAP,
    CLEANUP_NOTICE,
    NOTIFY_NEVER,
    Done,
    DropLog,
    Dsn,
    Envelope,
    LogRecipient,
    Outcome,
    Recipient,
    SendNotice,
)
from pyfix.mail.queue import Queue

GOLDEN = Path(__file__).parent.parent / "golden" / "bounces"
ARRIVAL = 1795415347.0
DATE = re.compile(rb"[A-Z][a-z]{2}, [ \d]\d [A-Z][a-z]{2} 20(?!24)\d\d [\d:]{8} [+-]\d{4} \([^()]+\)")


def queue_message(directory: Path, content: bytes, envelope: Envelope | None = None) -> str:
    """Put a message into active/ and return its id."""
    queue = Queue(str(directory))
    file = queue.create()
    file.commit(envelope or Envelope("a@example.test", ARRIVAL, 0), [Recipient("x@example.test")], content=[content])
    queue.move(file.id, "incoming", "active")
    return file.id


def failure(address: str = "x@else.test", reason: str = "no such user") -> tuple[Recipient, Outcome]:
    """Return a recipient that failed."""
    return Recipient(address, position=0), Outcome(0, "bounced", Dsn("5.1.1", reason), address)


def notice_request(queue_id: str, envelope: Envelope | None = None) -> SendNotice:
    """Return the request for a notice about a message in active/."""
    return SendNotice(queue_id, "active", envelope or Envelope("a@example.test", ARRIVAL, 0), 0, 0)


def log_path(directory: Path, queue_id: str) -> Path:
    """Return where the bounce log of a message lies."""
    return directory / "bounce" / queue_id


@pytest.fixture
def bounce(tmp_path: Path) -> Iterator[RunningWorker]:
    """A bounce service without postmaster copies."""
    with run_worker(SERVICE, "", tmp_path, name="bounce") as worker:
        yield worker


def mask(content: bytes, queue_id: str, notice_id: str) -> bytes:
    """Replace what differs from run to run."""
    content = content.replace(queue_id.encode(), b"QUEUEID").replace(notice_id.encode(), b"NOTICEID")
    return re.sub(rb"QUEUEID\.\d+/", b"QUEUEID.SECONDS/", DATE.sub(b"DATE", content))


def replay(case: Path, worker: RunningWorker, given: dict[str, Any]) -> str:
    """Do what request.json says and return the id of the message."""
    envelope = Envelope(arrival=ARRIVAL, size=0, **given["envelope"])
    queue_id = queue_message(worker.directory, (case / "message").read_bytes(), envelope)
    for position, fields in enumerate(given["recipients"]):
        recipient = Recipient(
            fields["address"], fields.get("original", ""), fields.get("orcpt", ""), fields.get("notify", 0), position
        )
        dsn = Dsn(*(fields.get(name, "") for name in ("status", "reason", "diagnostic_type", "diagnostic", "mta")))
        outcome = Outcome(position, fields["verb"], dsn, fields["address"])
        worker.call(LogRecipient(queue_id, recipient, outcome), Done)
    worker.call(notice_request(queue_id, envelope), Done)
    return queue_id


@pytest.mark.parametrize("case", sorted(GOLDEN.iterdir()), ids=lambda case: case.name)
def test_notices_are_those_of_postfix(case: Path, tmp_path: Path) -> None:
    """Content, envelope sender and log line of each notice are those that Postfix produced."""
    given = json.loads((case / "request.json").read_text())
    main_cf = (case / "main.cf").read_text() + "myhostname = mail.bench.test\n"
    with run_worker(SERVICE, main_cf, tmp_path, name=given["service"]) as worker, FakeCleanup(tmp_path) as cleanup:
        queue_id = replay(case, worker, given)
        lines = [re.sub(r"\b[0-9A-F]{10,}\b", "ID", line) for line in worker.log_lines()]
    got = [mask(message.content, queue_id, message.queue_id).decode("utf-8", "replace") for message in cleanup.received]
    want = [path.read_bytes().decode("utf-8", "replace") for path in sorted(case.glob("notice.*"))]
    assert [notice.splitlines() for notice in got] == [notice.splitlines() for notice in want]
    assert [message.envelope.sender for message in cleanup.received] == given["senders"]
    assert [line for line in lines if "overriding earlier entry" not in line] == given["log"]


@pytest.mark.parametrize(
    ("parameter", "folder", "subject"),
    [
        ("bounce_service_name", "bounce", b"Subject: Undelivered Mail Returned to Sender"),
        ("defer_service_name", "defer", b"Subject: Delayed Mail (still being retried)"),
        ("trace_service_name", "trace", b"Subject: Successful Mail Delivery Report"),
    ],
)
def test_task_is_that_of_the_parameter_that_names_the_service(
    tmp_path: Path, parameter: str, folder: str, subject: bytes
) -> None:
    """main.cf and master.cf may call it what they like; the folder of the logs, which others read, stays the same."""
    with run_worker(SERVICE, f"{parameter} = x-files", tmp_path, name="x-files") as worker, FakeCleanup(tmp_path) as to:
        queue_id = queue_message(tmp_path, b"\nbody\n")
        worker.call(LogRecipient(queue_id, *failure()), Done)
        path = Queue(str(tmp_path)).path(folder, queue_id)
        assert os.path.exists(path)
        worker.call(notice_request(queue_id), Done)
        assert subject in to.received[0].content
        assert os.path.exists(path) is (folder == "defer")


def test_service_that_no_parameter_names_does_not_start(tmp_path: Path) -> None:
    """Nobody would ever ask it, or ask it for the wrong thing."""
    with run_worker(SERVICE, "bounce_service_name = returns", tmp_path, name="bounce") as worker:
        worker.wait_for_line("fatal: service bounce: no such name in bounce_service_name, defer_service_name or")
        assert worker.stop() == 1


def test_bad_value_of_header_from_format_is_told_of(tmp_path: Path) -> None:
    """As of any other parameter of the service, instead of the standard form without a word."""
    with run_worker(SERVICE, "header_from_format = nice", tmp_path, name="bounce") as worker:
        worker.wait_for_line("header_from_format")
        assert worker.stop() == 1


def test_notice_is_mail_from_inside_that_aliases_apply_to(bounce: RunningWorker, tmp_path: Path) -> None:
    """cleanup is told that a notice is one: local, of any size, with alias mapping, without content inspection."""
    queue_id = queue_message(tmp_path, b"Subject: x\n\nbody\n")
    with FakeCleanup(tmp_path) as cleanup:
        bounce.call(LogRecipient(queue_id, *failure()), Done)
        bounce.call(notice_request(queue_id), Done)
    (notice,) = cleanup.received
    assert notice.flags == CLEANUP_NOTICE | CLEANUP_LOCAL | CLEANUP_MAP
    assert (notice.envelope.sender, notice.recipients) == ("", ["a@example.test"])


def test_notices_may_be_inspected(tmp_path: Path) -> None:
    """internal_mail_filter_classes = bounce: as other mail is."""
    setting = "internal_mail_filter_classes = notify, bounce"
    with run_worker(SERVICE, setting, tmp_path, name="bounce") as worker, FakeCleanup(tmp_path) as cleanup:
        queue_id = queue_message(tmp_path, b"Subject: x\n\nbody\n")
        worker.call(LogRecipient(queue_id, *failure()), Done)
        worker.call(notice_request(queue_id), Done)
    assert cleanup.received[0].flags & CLEANUP_FILTER


def test_log_goes_when_cleanup_has_confirmed(bounce: RunningWorker, tmp_path: Path) -> None:
    """After Done neither log nor debris is left, and the same request again sends nothing."""
    queue_id = queue_message(tmp_path, b"\nbody\n")
    with FakeCleanup(tmp_path) as cleanup:
        bounce.call(LogRecipient(queue_id, *failure()), Done)
        assert log_path(tmp_path, queue_id).exists()
        bounce.call(notice_request(queue_id), Done)
        assert not log_path(tmp_path, queue_id).exists()
        bounce.call(notice_request(queue_id), Done)
    assert len(cleanup.received) == 1
    assert os.listdir(tmp_path / "incoming") == []


@pytest.mark.parametrize("trouble", ["refuse", "reject", "hang up"])
def test_log_stays_when_cleanup_fails(bounce: RunningWorker, tmp_path: Path, trouble: str) -> None:
    """A notice that cleanup did not take is refused to qmgr, leaves no file behind, and succeeds the next time."""
    queue_id = queue_message(tmp_path, b"\nbody\n")
    bounce.call(LogRecipient(queue_id, *failure()), Done)
    with FakeCleanup(tmp_path, answers=[trouble]) as cleanup:
        with pytest.raises(IpcError):
            bounce.call(notice_request(queue_id), Done)
        assert log_path(tmp_path, queue_id).exists()
        assert os.listdir(tmp_path / "incoming") == []
        bounce.call(notice_request(queue_id), Done)
    assert len(cleanup.received) == 1


def test_failed_postmaster_copy_sends_no_second_notice_to_the_sender(tmp_path: Path) -> None:
    """The copy is a courtesy: its failure is a warning, and the log is done with."""
    with run_worker(SERVICE, "notify_classes = bounce\n", tmp_path, name="bounce") as worker:
        queue_id = queue_message(tmp_path, b"\nbody\n")
        worker.call(LogRecipient(queue_id, *failure()), Done)
        with FakeCleanup(tmp_path, answers=["", "reject"]) as cleanup:
            worker.call(notice_request(queue_id), Done)
        assert [notice.recipients for notice in cleanup.received] == [["a@example.test"]]
        assert "postmaster notice failed while bouncing to a@example.test" in worker.log_lines()[-1]
        assert not log_path(tmp_path, queue_id).exists()


def test_owner_of_a_list_is_told_in_place_of_the_sender(bounce: RunningWorker, tmp_path: Path) -> None:
    """One notice for each who has to know, with their failures only; NOTIFY=NEVER is the sender's wish, not theirs."""
    queue_id = queue_message(tmp_path, b"Subject: x\n\nbody\n")
    for position, address in enumerate(("x@else.test", "friends@example.test", "silent@example.test")):
        owner = None if address.startswith("x") else "owner@example.test"
        rcpt = Recipient(address, position=position, notify=NOTIFY_NEVER if address.startswith("silent") else 0)
        outcome = Outcome(position, "bounced", Dsn("5.1.1", "no"), address, owner)
        bounce.call(LogRecipient(queue_id, rcpt, outcome), Done)
    with FakeCleanup(tmp_path) as cleanup:
        bounce.call(notice_request(queue_id), Done)
    assert [notice.recipients for notice in cleanup.received] == [["a@example.test"], ["owner@example.test"]]
    named = [re.findall(rb"Final-Recipient: rfc822; (\S+)", notice.content) for notice in cleanup.received]
    assert named == [[b"x@else.test"], [b"friends@example.test", b"silent@example.test"]]
    assert not log_path(tmp_path, queue_id).exists()


def test_delay_log_stays_until_dropped(tmp_path: Path) -> None:
    """A warning leaves the log of the defer service, which lies in a hashed directory; DropLog removes it."""
    with run_worker(SERVICE, "delay_warning_time = 4h\n", tmp_path, name="defer") as worker:
        queue_id = queue_message(tmp_path, b"\nbody\n")
        recipient, outcome = failure()
        outcome.verb = "deferred"
        worker.call(LogRecipient(queue_id, recipient, outcome), Done)
        path = tmp_path / "defer" / queue_id[0] / queue_id
        with FakeCleanup(tmp_path) as cleanup:
            worker.call(notice_request(queue_id), Done)
        assert (
            b"for more than 4 hour(s).\nIt will be retried until it is 5 day(s) old.\n" in cleanup.received[0].content
        )
        assert path.exists()
        worker.call(DropLog(queue_id), Done)
        assert not path.exists()
        worker.call(DropLog(queue_id), Done)


def test_notice_goes_out_without_a_message_that_is_gone(bounce: RunningWorker, tmp_path: Path) -> None:
    """The sender hears of the failure even when the queue file can't be read."""
    with FakeCleanup(tmp_path) as cleanup:
        bounce.call(LogRecipient("ABCDEF12345", *failure()), Done)
        bounce.call(notice_request("ABCDEF12345"), Done)
    assert b"\t--- Undelivered message unavailable ---\n" in cleanup.received[0].content


def test_notice_goes_out_when_the_log_is_damaged(bounce: RunningWorker, tmp_path: Path) -> None:
    """A log without one readable record still makes a notice, and a warning names the file."""
    queue_id = queue_message(tmp_path, b"\nbody\n")
    log_path(tmp_path, queue_id).write_bytes(b'{"recipient": ["x@els')
    with FakeCleanup(tmp_path) as cleanup:
        bounce.call(notice_request(queue_id), Done)
    assert b"\t--- Delivery report unavailable ---\n" in cleanup.received[0].content
    assert f"warning: bounce/{queue_id}: damaged record at offset 0 ignored" in bounce.log_lines()


def test_record_survives_kill(tmp_path: Path) -> None:
    """What was answered is on disk whatever happens to the process; the next one sends the notice."""
    with run_worker(SERVICE, "", tmp_path, name="bounce") as worker:
        queue_id = queue_message(tmp_path, b"\nbody\n")
        worker.call(LogRecipient(queue_id, *failure("one@else.test")), Done)
        worker.kill()
    with open(log_path(tmp_path, queue_id), "ab") as file:
        file.write(b'{"recipient":["torn@')
    with run_worker(SERVICE, "", tmp_path, name="bounce") as worker, FakeCleanup(tmp_path) as cleanup:
        worker.call(LogRecipient(queue_id, *failure("two@else.test")), Done)
        worker.call(notice_request(queue_id), Done)
    found = re.findall(rb"^Final-Recipient: rfc822; (.*)$", cleanup.received[0].content, re.MULTILINE)
    assert found == [b"one@else.test", b"two@else.test"]


def test_kill_between_confirmation_and_answer_costs_a_second_notice_at_worst(tmp_path: Path) -> None:
    """The log outlives a process that dies while cleanup works: the notice comes again, it is never lost."""
    with run_worker(SERVICE, "", tmp_path, name="bounce") as worker:
        queue_id = queue_message(tmp_path, b"\nbody\n")
        worker.call(LogRecipient(queue_id, *failure()), Done)
        with FakeCleanup(tmp_path, answers=["hang up"]), pytest.raises(IpcError):
            worker.call(notice_request(queue_id), Done)
        worker.kill()
    with run_worker(SERVICE, "", tmp_path, name="bounce") as worker, FakeCleanup(tmp_path) as cleanup:
        worker.call(notice_request(queue_id), Done)
    assert len(cleanup.received) == 1


def test_large_message_is_returned_through_the_queue_file(tmp_path: Path) -> None:
    """With a large bounce_size_limit the content is spooled, and the process stays small."""
    size = 50_000_000
    with run_worker(SERVICE, "bounce_size_limit = 100000000\n", tmp_path, name="bounce") as worker:
        queue_id = queue_message(tmp_path, b"Subject: large\n\n" + (b"x" * 99 + b"\n") * (size // 100))
        worker.call(LogRecipient(queue_id, *failure()), Done)
        before = peak_memory(worker.pid)
        with FakeCleanup(tmp_path) as cleanup:
            worker.call(notice_request(queue_id), Done)
        growth = peak_memory(worker.pid) - before
    (notice,) = cleanup.received
    assert notice.was_spooled
    assert notice.content.count(b"x" * 99 + b"\n") == size // 100
    assert growth < 2 * 1024 * 1024


def peak_memory(pid: int) -> int:
    """Return the most memory that a process ever had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_bad_queue_id_is_refused(bounce: RunningWorker, tmp_path: Path) -> None:
    """No id leads out of the log directory."""
    with pytest.raises(IpcError, match="bad queue id"):
        bounce.call(LogRecipient("../etc/passwd", *failure()), Done)
    assert os.listdir(tmp_path / "bounce") == []


def test_template_file_replaces_a_text(tmp_path: Path) -> None:
    """bounce_template_file gives another text and subject; $names in it are replaced."""
    template = tmp_path / "bounce.cf"
    template.write_text("failure_template = <<EOF\nSubject: Sorry\n\nHello from $myhostname for $$5.\nEOF\n")
    with run_worker(SERVICE, f"bounce_template_file = {template}\n", tmp_path, name="bounce") as worker:
        queue_id = queue_message(tmp_path, b"\nbody\n")
        with FakeCleanup(tmp_path) as cleanup:
            worker.call(LogRecipient(queue_id, *failure()), Done)
            worker.call(notice_request(queue_id), Done)
    content = cleanup.received[0].content
    assert b"\nSubject: Sorry\n" in content
    assert b"\n\nHello from mail.example.test for $5.\n\n<x@else.test>: no such user\n" in content

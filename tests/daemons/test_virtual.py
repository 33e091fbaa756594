"""virtual over its socket, with real mailboxes."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from harness import run_worker
from mail_agents import CONTENT, deliver, enqueue, left, reachable_directory, verbs

from pyfix.daemons.virtual.daemon import SERVICE
from pyfix.daemons.virtual.delivery import grouped
from pyfix.mail.ipc.frame import encode
from pyfix.mail.ipc.messages import NOTIFY_SUCCESS, TRACE_VERIFY, Deliver, Delivered, Envelope, Recipient, Refused

IS_ROOT = os.getuid() == 0
UID = 2525 if IS_ROOT else os.getuid()
IDS = f"virtual_uid_maps = static:{UID}\nvirtual_gid_maps = static:{UID}\nvirtual_minimum_uid = 1\n"


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that other users reach too."""
    yield from reachable_directory()


def main_cf(mail: Path, maps: str = "static:box/") -> str:
    """A configuration whose mailboxes lie below `mail`, which their user may write to."""
    mail.mkdir(exist_ok=True)
    if IS_ROOT:
        os.chown(mail, UID, UID)
    return f"virtual_mailbox_base = {mail}\nvirtual_mailbox_maps = {maps}\n{IDS}"


def only(path: Path) -> Path:
    """The one file in a directory."""
    (found,) = path.iterdir()
    return found


def test_maildir_message_has_its_headers_and_name(tmp_path: Path) -> None:
    """Return-Path, X-Original-To and Delivered-To come first; the name is Postfix's; directories are private."""
    mail = tmp_path / "mail"
    with run_worker(SERVICE, main_cf(mail), tmp_path, name="virtual") as worker:
        request = enqueue(tmp_path, [Recipient("a@b.test", "alias@b.test")])
        assert deliver(worker, request).outcomes == []
        lines = worker.log_lines()
    message = only(mail / "box" / "new")
    head = b"Return-Path: <sender@example.test>\nX-Original-To: alias@b.test\nDelivered-To: a@b.test\n"
    assert message.read_bytes() == head + CONTENT
    status = message.stat()
    assert re.fullmatch(rf"\d+\.V{status.st_dev:x}I{status.st_ino:x}M\d{{1,6}}\.\S+", message.name)
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_uid == UID
    for name in ("tmp", "new", "cur"):
        assert stat.S_IMODE((mail / "box" / name).stat().st_mode) == 0o700
    assert list((mail / "box" / "tmp").iterdir()) == []
    assert left(tmp_path, request) == []
    assert re.fullmatch(
        rf"{request.queue_id}: to=<a@b\.test>, orig_to=<alias@b\.test>, relay=virtual, delay=\S+,"
        r" delays=\S+/\S+/0/\S+, dsn=2\.0\.0, status=sent \(delivered to maildir\)",
        lines[-1],
    )


def test_mbox_message_is_quoted_and_ends_with_an_empty_line(tmp_path: Path) -> None:
    """Two deliveries give two messages that start with From_."""
    mail = tmp_path / "mail"
    with run_worker(SERVICE, main_cf(mail, "static:inbox"), tmp_path, name="virtual") as worker:
        for sender in ("sender@example.test", ""):
            deliver(worker, enqueue(tmp_path, ["a@b.test"], sender=sender))
        assert "status=sent (delivered to mailbox)" in worker.log_lines()[-1]
    text = (mail / "inbox").read_bytes()
    quoted = CONTENT.replace(b"\nFrom here", b"\n>From here")
    pattern = rb"From sender@example.test  \w{3} \w{3} [ \d]\d [\d:]{8} \d{4}\nReturn-Path: <sender@example.test>\n"
    first, second = text.split(quoted + b"\n")[:2]
    assert re.fullmatch(pattern + rb"X-Original-To: a@b.test\nDelivered-To: a@b.test\n", first)
    assert second.startswith(b"From MAILER-DAEMON ")
    assert b"\nReturn-Path: <>\n" in second
    assert text.endswith(b"\n\n")
    assert [path.name for path in mail.iterdir()] == ["inbox"]


def test_unknown_recipient_bounces_and_others_are_delivered(tmp_path: Path) -> None:
    """The address is looked up in lower case, with its extension first."""
    mail = tmp_path / "mail"
    table = "inline:{a@b.test=a/, a+x@b.test=x/}"
    text = main_cf(mail, table) + "recipient_delimiter = +\n"
    with run_worker(SERVICE, text, tmp_path, name="virtual") as worker:
        request = enqueue(tmp_path, ["A@B.test", "a+x@b.test", "a+y@b.test", "Q@b.test"])
        assert verbs(deliver(worker, request)) == [("Q@b.test", "bounced", "5.1.1")]
        assert 'dsn=5.1.1, status=bounced (unknown user: "q@b.test")' in "".join(worker.log_lines())
    assert len(list((mail / "a" / "new").iterdir())) == 2
    assert len(list((mail / "x" / "new").iterdir())) == 1
    assert left(tmp_path, request) == ["Q@b.test"]


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="only root's virtual asks for user ids")
@pytest.mark.parametrize(
    ("uids", "warning"),
    [
        ("inline:{x@y=1}", "recipient a@b.test: not found in virtual_uid_maps"),
        ("static:0", "recipient a@b.test: bad uid 0 in virtual_uid_maps"),
        ("static:99", "recipient a@b.test: bad uid 99 in virtual_uid_maps"),
        ("static:joe", "recipient a@b.test: bad uid joe in virtual_uid_maps"),
        ("hash:/nonexistent/table", "table hash:/nonexistent/table: lookup a@b.test: "),
    ],
)
def test_bad_user_id_defers(tmp_path: Path, uids: str, warning: str) -> None:
    """Nothing is ever written with rights that the administrator did not mean."""
    text = main_cf(tmp_path / "mail") + f"virtual_uid_maps = {uids}\nvirtual_minimum_uid = 100\n"
    with run_worker(SERVICE, text, tmp_path, name="virtual") as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@b.test"]))
        assert verbs(answer) == [("a@b.test", "deferred", "4.3.5")]
        assert worker.wait_for_line(f"warning: {warning}")
        assert worker.wait_for_line("status=deferred (mail system configuration error)")
    assert not (tmp_path / "mail" / "box").exists()


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="needs several users")
def test_each_recipient_is_written_with_its_own_rights(tmp_path: Path) -> None:
    """A mailbox of another user is refused by the kernel; root's rights are never used for it."""
    mail = tmp_path / "mail"
    text = main_cf(mail, "inline:{a@b.test=a/, c@b.test=c/}")
    for name, uid in (("a", 2001), ("c", 2002)):
        (mail / name).mkdir(mode=0o700)
        os.chown(mail / name, uid, uid)
    text += "virtual_uid_maps = inline:{a@b.test=2001, c@b.test=2003}\nvirtual_gid_maps = static:2001\n"
    with run_worker(SERVICE, text, tmp_path, name="virtual") as worker:
        answer = deliver(worker, enqueue(tmp_path, ["c@b.test", "a@b.test"]))
        assert verbs(answer) == [("c@b.test", "deferred", "4.2.0")]
        assert worker.wait_for_line("warning: maildir access problem for UID/GID=2003/2001: create maildir file ")
        assert worker.wait_for_line("(maildir delivery failed: create maildir file ")
    assert only(mail / "a" / "new").stat().st_uid == 2001


@pytest.mark.parametrize("location", ["box/", "box"])
def test_mailbox_limit_bounces(tmp_path: Path, location: str) -> None:
    """An mbox file, or one message of a Maildir, must not exceed virtual_mailbox_limit."""
    text = main_cf(tmp_path / "mail", f"static:{location}") + "message_size_limit = 300\nvirtual_mailbox_limit = 300\n"
    with run_worker(SERVICE, text, tmp_path, name="virtual") as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@b.test"], b"x" * 300 + b"\n"))
        assert verbs(answer) == [("a@b.test", "bounced", "5.2.2")]
        assert worker.wait_for_line("error writing message: File too large)")


def test_mailbox_smaller_than_a_message_is_a_configuration_error(tmp_path: Path) -> None:
    """The process refuses to start."""
    text = main_cf(tmp_path / "mail") + "message_size_limit = 300\nvirtual_mailbox_limit = 200\n"
    with run_worker(SERVICE, text, tmp_path, name="virtual") as worker:
        assert worker.wait_for_line(
            "fatal: configuration error: virtual_mailbox_limit is smaller than message_size_limit"
        )
        assert worker.stop() == 1


def test_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    """An mbox that points elsewhere is refused."""
    mail = tmp_path / "mail"
    text = main_cf(mail, "static:inbox")
    (tmp_path / "victim").write_text("precious")
    (mail / "inbox").symlink_to(tmp_path / "victim")
    with run_worker(SERVICE, text, tmp_path, name="virtual") as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@b.test"]))
    assert verbs(answer) == [("a@b.test", "deferred", "4.2.0")]
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="a file of somebody else's that we may write needs root")
def test_mailbox_of_somebody_else_is_deferred(tmp_path: Path) -> None:
    """strict_mailbox_ownership."""
    mail = tmp_path / "mail"
    text = main_cf(mail, "static:inbox")
    (mail / "inbox").touch()
    (mail / "inbox").chmod(0o666)
    with run_worker(SERVICE, text, tmp_path, name="virtual") as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@b.test"]))
        assert verbs(answer) == [("a@b.test", "deferred", "4.2.0")]
        assert worker.wait_for_line(
            'warning: specify "strict_mailbox_ownership = no" to ignore mailbox ownership mismatch'
        )


def test_trace_only_message_is_not_delivered(tmp_path: Path) -> None:
    """sendmail -bv."""
    mail = tmp_path / "mail"
    with run_worker(SERVICE, main_cf(mail), tmp_path, name="virtual") as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@b.test"], trace=TRACE_VERIFY))
        assert worker.wait_for_line("dsn=2.0.0, status=deliverable (delivers to maildir)")
    assert verbs(answer) == [("a@b.test", "deliverable", "2.0.0")]
    assert not (mail / "box").exists()


def test_success_notice_is_asked_for(tmp_path: Path) -> None:
    """NOTIFY=SUCCESS is reported to qmgr as delivered."""
    with run_worker(SERVICE, main_cf(tmp_path / "mail"), tmp_path, name="virtual") as worker:
        answer = deliver(worker, enqueue(tmp_path, [Recipient("a@b.test", notify=NOTIFY_SUCCESS)]))
    assert verbs(answer) == [("a@b.test", "delivered", "2.0.0")]


def test_large_message_is_copied_whole(tmp_path: Path) -> None:
    """More than the process reads at once, with no line end at its end."""
    mail = tmp_path / "mail"
    content = b"Subject: big\n\n" + b"".join(b"%08d abcdefghijklmnopqrstuvwxyz\n" % n for n in range(100_000)) + b"end"
    with run_worker(SERVICE, main_cf(mail), tmp_path, name="virtual") as worker:
        deliver(worker, enqueue(tmp_path, ["a@b.test"], content))
    assert only(mail / "box" / "new").read_bytes().endswith(b"Delivered-To: a@b.test\n" + content + b"\n")


def test_many_recipients_are_all_delivered_and_logged(tmp_path: Path) -> None:
    """One request, fifty mailboxes, fifty lines."""
    mail = tmp_path / "mail"
    addresses = [f"u{n}@b.test" for n in range(50)]
    table = "inline:{" + ", ".join(f"{address}={address}/" for address in addresses) + "}"
    with run_worker(SERVICE, main_cf(mail, table), tmp_path, name="virtual") as worker:
        request = enqueue(tmp_path, addresses)
        assert deliver(worker, request).outcomes == []
        assert len([line for line in worker.log_lines() if "status=sent" in line]) == 50
    assert sorted(path.name for path in mail.iterdir()) == sorted(addresses)
    assert left(tmp_path, request) == []


def test_message_that_is_gone_is_refused(tmp_path: Path) -> None:
    """qmgr learns that nothing was tried."""
    with run_worker(SERVICE, main_cf(tmp_path / "mail"), tmp_path, name="virtual") as worker:
        request = enqueue(tmp_path, ["a@b.test"])
        os.unlink(tmp_path / "active" / request.queue_id)
        assert isinstance(worker.call(request, Refused), Refused)
        assert deliver(worker, enqueue(tmp_path, ["a@b.test"])).outcomes == [], "the worker serves on"


def test_requests_that_come_together_each_have_their_own_answer(tmp_path: Path) -> None:
    """Five at once on one connection: one file is gone, one recipient unknown; the others are delivered, two of them
    to one mailbox."""
    mail = tmp_path / "mail"
    table = "inline:{" + ", ".join(f"u{n}@b.test=box{n % 4}/" for n in range(5)) + "}"
    with run_worker(SERVICE, main_cf(mail, table), tmp_path, name="virtual") as worker:
        requests = [enqueue(tmp_path, [f"u{n}@b.test" if n != 3 else "who@b.test"]) for n in range(5)]
        os.unlink(tmp_path / "active" / requests[1].queue_id)
        for number, request in enumerate(requests):
            request.seq = 100 + number
        peer = worker.connect()
        peer.sock.sendall(b"".join(map(encode, requests)))
        answers = [peer.receive() for _ in requests]
    assert isinstance(answers[1], Refused)
    delivered = [answer for answer in answers if isinstance(answer, Delivered)]
    assert [answer.seq for answer in delivered] == [100, 102, 103, 104]
    assert [verbs(answer) for answer in delivered] == [[], [], [("who@b.test", "bounced", "5.1.1")], []]
    assert {path.name: len(list(path.glob("new/*"))) for path in mail.iterdir()} == {"box0": 2, "box2": 1}


def test_requests_for_one_message_that_come_together_do_not_meet(tmp_path: Path) -> None:
    """Recipients of different domains have requests of their own, for the same queue file."""
    mail = tmp_path / "mail"
    with run_worker(SERVICE, main_cf(mail), tmp_path, name="virtual") as worker:
        whole = enqueue(tmp_path, ["a@b.test", "a@c.test"])
        requests = [msgspec.structs.replace(whole, seq=n, recipients=[rcpt]) for n, rcpt in enumerate(whole.recipients)]
        peer = worker.connect()
        peer.sock.sendall(b"".join(map(encode, requests)))
        answers = [peer.receive() for _ in requests]
    assert [verbs(answer) for answer in answers if isinstance(answer, Delivered)] == [[], []]
    assert len(list((mail / "box" / "new").iterdir())) == 2


def test_a_large_request_is_a_group_of_its_own() -> None:
    """Nobody's answer waits for a mailing that came behind it."""
    requests = [Deliver(n, str(n), "", Envelope("", 1.0, 0), [Recipient("a")] * size, 0, 0, 1.0, True)
                for n, size in enumerate((1, 2, 50, 1, 31, 1))]  # fmt: skip
    assert [[request.seq for request in group] for group in grouped(requests, 32)] == [[0, 1], [2], [3, 4], [5]]
    assert list(grouped([], 32)) == []

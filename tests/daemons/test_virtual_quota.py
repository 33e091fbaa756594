"""virtual and quotas: the VDA patch's parameters, with real mailboxes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import RunningWorker, run_worker
from mail_agents import deliver, enqueue, reachable_directory, verbs

from pyfix.daemons.virtual.daemon import SERVICE
from pyfix.mail.accounts.quota import Quota
from pyfix.mail.ipc.frame import encode
from pyfix.mail.ipc.messages import Deliver, Delivered
from pyfix.mail.mailbox.quota import Ledger, Usage
from pyfix.mail.mailbox.quota.count import count
from pyfix.mail.mailbox.quota.names import WHOLE_TREE, Scope

IS_ROOT = os.getuid() == 0
UID = 2525 if IS_ROOT else os.getuid()
TEXT = "Sorry, the user's maildir has overdrawn his diskspace quota, please try again later."
TIDY = "please Tidy your mailbox and try again later."


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that other users reach too."""
    yield from reachable_directory()


def main_cf(root: Path, limits: str = "static:1000", *lines: str) -> str:
    """A configuration with quotas; mailboxes lie below root/mail."""
    mail = root / "mail"
    mail.mkdir(exist_ok=True)
    if IS_ROOT:
        os.chown(mail, UID, UID)
    settings = [
        f"virtual_mailbox_base = {mail}",
        "virtual_mailbox_maps = static:box/",
        f"virtual_uid_maps = static:{UID}",
        f"virtual_gid_maps = static:{UID}",
        "virtual_minimum_uid = 1",
        f"virtual_mailbox_limit_maps = {limits}",
        "virtual_mailbox_limit_override = yes",
        *lines,
    ]
    return "\n".join(settings) + "\n"


def send(worker: RunningWorker, root: Path, size: int = 100, address: str = "a@b.test") -> list[tuple[str, str, str]]:
    """Deliver a message whose content is of this size; return what became of it."""
    return verbs(deliver(worker, enqueue(root, [address], b"x" * (size - 1) + b"\n")))


def messages(root: Path, box: str = "box") -> list[Path]:
    """What was delivered."""
    return sorted((root / "mail" / box / "new").glob("*"))


def recounted(box: Path, scope: Scope = WHOLE_TREE) -> Usage:
    """What is in a Maildir."""
    fd = os.open(box, os.O_RDONLY)
    try:
        return count(fd, scope).used
    finally:
        os.close(fd)


def summed(box: Path) -> Usage:
    """What maildirsize says."""
    rows = [line.split() for line in (box / "maildirsize").read_text().splitlines()[1:]]
    return Usage(sum(int(row[0]) for row in rows), sum(int(row[1]) for row in rows))


def test_name_tells_the_sizes_and_maildirsize_the_sum(tmp_path: Path) -> None:
    """With CR LF, too; the first delivery counts, the next ones add a line."""
    with run_worker(SERVICE, main_cf(tmp_path, "static:{100000S,1000C}"), tmp_path, name="virtual") as worker:
        for _ in range(2):
            assert verbs(deliver(worker, enqueue(tmp_path, ["a@b.test"]))) == []
    for message in messages(tmp_path):
        data = message.read_bytes()
        assert message.name.endswith(f",S={len(data)},W={len(data) + data.count(10)}")
    box = tmp_path / "mail" / "box"
    size = len(messages(tmp_path)[0].read_bytes())
    first, *changes = (box / "maildirsize").read_bytes().splitlines(keepends=True)
    assert first == b"100000S,1000C\n"
    assert changes == [f"{0} 0".rjust(13).encode() + b"\n"] + [f"{size} 1".rjust(13).encode() + b"\n"] * 2
    assert summed(box) == recounted(box) == Usage(2 * size, 2)


@pytest.mark.parametrize(
    ("setting", "verb", "status"),
    [("virtual_overquota_bounce = yes", "bounced", "5.2.2"), ("virtual_overquota_bounce = no", "deferred", "4.2.2")],
)
def test_full_mailbox_refuses(tmp_path: Path, setting: str, verb: str, status: str) -> None:
    """And nothing is left of the message; the log has the patch's text."""
    with run_worker(SERVICE, main_cf(tmp_path, "static:1000S", setting), tmp_path, name="virtual") as worker:
        assert send(worker, tmp_path, 500) == []
        assert send(worker, tmp_path, 500) == [("a@b.test", verb, status)]
        assert worker.wait_for_line(f"status={verb} (maildir delivery failed: {TEXT})")
        assert send(worker, tmp_path, 50) == []
    assert len(messages(tmp_path)) == 2
    assert list((tmp_path / "mail" / "box" / "tmp").iterdir()) == []


def test_message_larger_than_the_quota_always_bounces(tmp_path: Path) -> None:
    """There is no use in trying again."""
    lines = ("virtual_maildir_limit_message = " + TIDY, "virtual_overquota_bounce = no")
    with run_worker(SERVICE, main_cf(tmp_path, "static:300", *lines), tmp_path, name="virtual") as worker:
        assert send(worker, tmp_path, 400) == [("a@b.test", "bounced", "5.2.2")]
        assert worker.wait_for_line(f"status=bounced (maildir delivery failed: {TIDY})")
    assert not (tmp_path / "mail" / "box").exists()


def test_limits_are_found_like_mailboxes(tmp_path: Path) -> None:
    """Extension first, then without it, then @domain; negative or nowhere is virtual_mailbox_limit, 0 is no limit."""
    limits = "inline:{a+x@b.test=300, a@b.test=1000, @b.test=0, n@b.test=-1}"
    boxes = "virtual_mailbox_maps = inline:{a+x@b.test=1/, a@b.test=2/, o@b.test=3/, n@b.test=4/, n@c.test=5/}"
    lines = (boxes, "recipient_delimiter = +", "message_size_limit = 2000", "virtual_mailbox_limit = 2000")
    with run_worker(SERVICE, main_cf(tmp_path, limits, *lines), tmp_path, name="virtual") as worker:
        assert send(worker, tmp_path, 400, "A+x@b.test") == [("A+x@b.test", "bounced", "5.2.2")]
        assert send(worker, tmp_path, 400, "a+y@b.test") == []
        assert send(worker, tmp_path, 1100, "a@b.test") == [("a@b.test", "bounced", "5.2.2")]
        for address in ("o@b.test", "n@b.test", "n@c.test"):
            assert send(worker, tmp_path, 1500, address) == []
        assert send(worker, tmp_path, 1500, "o@b.test") == []
        for address in ("n@b.test", "n@c.test"):
            assert send(worker, tmp_path, 1500, address) == [(address, "deferred", "4.2.2")]
    assert not (tmp_path / "mail" / "3" / "maildirsize").exists()


def test_small_limit_needs_the_override(tmp_path: Path) -> None:
    """Otherwise virtual_mailbox_limit holds, and the log says so."""
    line = "virtual_mailbox_limit_override = no"
    with run_worker(SERVICE, main_cf(tmp_path, "static:300", line), tmp_path, name="virtual") as worker:
        assert send(worker, tmp_path, 400) == []
        assert worker.wait_for_line(
            "warning: recipient a@b.test - virtual maildir limit is smaller than message_size_limit in"
            " virtual_mailbox_limit_maps - falling back to virtual_mailbox_limit"
        )
    assert (tmp_path / "mail" / "box" / "maildirsize").read_text().startswith("51200000S\n")


@pytest.mark.parametrize(
    ("limits", "warning"),
    [
        ("static:lots", 'recipient a@b.test: bad quota "lots" in static:lots; specify bytes, such as 104857600S'),
        ("hash:/nonexistent/table", "table hash:/nonexistent/table: lookup a@b.test: "),
    ],
)
def test_limit_that_is_none_defers(tmp_path: Path, limits: str, warning: str) -> None:
    """Nobody is without a limit by mistake, and no mail is lost."""
    with run_worker(SERVICE, main_cf(tmp_path, limits), tmp_path, name="virtual") as worker:
        assert send(worker, tmp_path) == [("a@b.test", "deferred", "4.3.5")]
        assert worker.wait_for_line(f"warning: {warning}")


@pytest.mark.parametrize("spelling", ["virtual_create_maildirsize", "virtual_mailbox_extended"])
def test_older_spellings_are_understood(tmp_path: Path, spelling: str) -> None:
    """Without tables of limits, all mailboxes have virtual_mailbox_limit."""
    lines = (f"{spelling} = yes", "message_size_limit = 1000", "virtual_mailbox_limit = 1000")
    with run_worker(SERVICE, main_cf(tmp_path, "", *lines), tmp_path, name="virtual") as worker:
        assert send(worker, tmp_path, 800) == []
        assert send(worker, tmp_path, 800) == [("a@b.test", "deferred", "4.2.2")]
    assert (tmp_path / "mail" / "box" / "maildirsize").read_text().startswith("1000S\n")


def test_without_quotas_all_is_as_in_postfix(tmp_path: Path) -> None:
    """No maildirsize, no sizes in names; virtual_mailbox_limit is for each message."""
    lines = ("message_size_limit = 1000", "virtual_mailbox_limit = 1000")
    with run_worker(SERVICE, main_cf(tmp_path, "", *lines), tmp_path, name="virtual") as worker:
        for _ in range(3):
            assert send(worker, tmp_path, 800) == []
    assert len(messages(tmp_path)) == 3
    assert all(",S=" not in message.name for message in messages(tmp_path))
    assert not (tmp_path / "mail" / "box" / "maildirsize").exists()


def test_extended_no_counts_each_time(tmp_path: Path) -> None:
    """A maildirsize that somebody left there is none of our business."""
    with run_worker(SERVICE, main_cf(tmp_path, "static:1000", "virtual_maildir_extended = no"), tmp_path,
                    name="virtual") as worker:  # fmt: skip
        assert send(worker, tmp_path, 800) == []
        assert send(worker, tmp_path, 800) == [("a@b.test", "deferred", "4.2.2")]
        messages(tmp_path)[0].unlink()
        assert send(worker, tmp_path, 800) == []
    assert all(",S=" not in message.name for message in messages(tmp_path))
    assert not (tmp_path / "mail" / "box" / "maildirsize").exists()


def test_trash_suffix_and_inbox(tmp_path: Path) -> None:
    """virtual_maildir_suffix, virtual_trash_name, virtual_trash_count, virtual_mailbox_limit_inbox."""
    maildir = tmp_path / "mail" / "box" / "Maildir"
    base = main_cf(tmp_path, "static:1000", "virtual_maildir_suffix = Maildir/")
    for folder in (".Trash", ".Bin", ".Sent"):
        (maildir / folder / "cur").mkdir(parents=True)
    (maildir / ".Bin" / "cur" / "1,S=700:2,S").touch()
    if IS_ROOT:
        for path in (tmp_path / "mail").rglob("*"):
            os.chown(path, UID, UID)
    for lines, fits in [
        ("", False),
        ("virtual_trash_name = .Bin\n", True),
        ("virtual_trash_name = .Bin\nvirtual_trash_count = yes\n", False),
        ("virtual_mailbox_limit_inbox = yes\n", True),
    ]:
        with run_worker(SERVICE, base + lines, tmp_path, name="virtual") as worker:
            assert (send(worker, tmp_path, 250) == []) is fits, lines
        for message in messages(tmp_path, "box/Maildir"):
            message.unlink()
        (maildir / "maildirsize").unlink(missing_ok=True)


def test_mbox_may_grow_to_the_limit_of_its_recipient(tmp_path: Path) -> None:
    """In place of virtual_mailbox_limit; 0 is no limit."""
    lines = ("virtual_mailbox_maps = inline:{a@b.test=a, o@b.test=o}", "message_size_limit = 900",
             "virtual_mailbox_limit = 900")  # fmt: skip
    with run_worker(SERVICE, main_cf(tmp_path, "inline:{a@b.test=600, o@b.test=0}", *lines), tmp_path,
                    name="virtual") as worker:  # fmt: skip
        assert send(worker, tmp_path, 300) == []
        assert send(worker, tmp_path, 300) == [("a@b.test", "bounced", "5.2.2")]
        assert worker.wait_for_line("error writing message: File too large)")
        for _ in range(4):
            assert send(worker, tmp_path, 300, "o@b.test") == []


def test_batch_for_one_mailbox_is_counted(tmp_path: Path) -> None:
    """Several requests with several recipients that share a mailbox; those that have no room are refused."""
    with run_worker(SERVICE, main_cf(tmp_path, "static:1000"), tmp_path, name="virtual") as worker:
        requests: list[Deliver] = []
        for number in range(4):
            request = enqueue(tmp_path, ["a@b.test", "c@b.test"], b"x" * 99 + b"\n")
            request.seq = number
            requests.append(request)
        peer = worker.connect()
        peer.sock.sendall(b"".join(encode(request) for request in requests))
        outcomes = [peer.receive() for _ in requests]
    refused = sum(len(answer.outcomes) for answer in outcomes if isinstance(answer, Delivered))
    box = tmp_path / "mail" / "box"
    used = recounted(box)
    assert summed(box) == used
    assert used.size <= 1000
    assert used.messages + refused == 8
    assert refused > 0


def test_owner_is_warned_once(tmp_path: Path) -> None:
    """The warning is mail of the mailbox itself, counts, and has room in any case."""
    lines = ("virtual_quota_warning_percents = 50, 90", "myhostname = mail.b.test")
    with run_worker(SERVICE, main_cf(tmp_path, "static:30000", *lines), tmp_path, name="virtual") as worker:
        for _ in range(2):
            assert send(worker, tmp_path, 9000) == []
        assert worker.wait_for_line("quota warning: to=<a@b.test>, percent=50, maildir=")
        assert send(worker, tmp_path, 100) == []
        assert len([line for line in worker.log_lines() if "quota warning" in line]) == 1
    (warning,) = [path for path in messages(tmp_path) if b"MAILER-DAEMON" in path.read_bytes()]
    text = warning.read_text()
    assert text.startswith("Return-Path: <>\nSubject: Your mailbox is 60 % full\nDate: ")
    assert "\nTo: a@b.test\n" in text
    assert "The mailbox a@b.test is 60 % full: it holds 2 messages,\n17.7 KB of 29.3 KB.\n" in text
    assert re.search(r"\nMessage-Id: <[^<>\s]+@mail\.b\.test>\n", text)
    box = tmp_path / "mail" / "box"
    assert summed(box) == recounted(box)


def test_warning_of_the_sites_own(tmp_path: Path) -> None:
    """Headers in any language are encoded."""
    (tmp_path / "warning").write_text("Subject: 邮箱 $percent %\n\n您好 $address: $used/$limit\n", encoding="utf-8")
    lines = ("virtual_quota_warning_percents = 10", f"virtual_quota_warning_file = {tmp_path}/warning")
    with run_worker(SERVICE, main_cf(tmp_path, "static:{1000S,2C}", *lines), tmp_path, name="virtual") as worker:
        assert send(worker, tmp_path, 50) == []
        assert worker.wait_for_line("percent=10")
    (text,) = [path.read_text() for path in messages(tmp_path) if "MAILER-DAEMON" in path.read_text()]
    assert "\nSubject: =?utf-8?" in text
    assert "\nContent-Type: text/plain; charset=utf-8\n" in text
    assert text.endswith("\n\n您好 a@b.test: 132 bytes/1000 bytes, 2 messages\n")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("virtual_quota_warning_percents = 80%", 'bad value "80%": specify whole numbers from 1 to 100'),
        ("virtual_quota_warning_file = /nonexistent/text", "open /nonexistent/text: No such file or directory"),
        ("virtual_maildir_suffix = ../x", "bad value ../x: it may not lead upwards"),
    ],
)
def test_bad_setting_is_fatal(tmp_path: Path, line: str, problem: str) -> None:
    """With its place, before any mail is touched."""
    with run_worker(SERVICE, main_cf(tmp_path, "static:1000", line), tmp_path, name="virtual") as worker:
        assert worker.wait_for_line(problem)


def test_text_for_senders_may_depend_on_the_recipient(tmp_path: Path) -> None:
    """A table that can't be asked leaves the general text."""
    lines = ("virtual_maildir_limit_message_maps = inline:{{a@b.test = No room for you}}",)
    with run_worker(SERVICE, main_cf(tmp_path, "static:300", *lines), tmp_path, name="virtual") as worker:
        send(worker, tmp_path, 400)
        assert worker.wait_for_line("(maildir delivery failed: No room for you)")
        send(worker, tmp_path, 400, "c@b.test")
        assert worker.wait_for_line(f"(maildir delivery failed: {TEXT})")


def test_locked_mailbox_is_tried_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process counts it."""
    monkeypatch.setattr("pyfix.mail.mailbox.quota.account.PATIENCE_S", 0.05)
    with run_worker(SERVICE, main_cf(tmp_path), tmp_path, name="virtual") as worker:
        assert send(worker, tmp_path) == []
        with Ledger.open(str(tmp_path / "mail" / "box")):
            assert send(worker, tmp_path) == [("a@b.test", "deferred", "4.2.0")]
        assert worker.wait_for_line("maildir delivery failed: count mail in ")
        assert send(worker, tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """root/mail on a file system of 256 KB."""
    mount = shutil.which("mount")
    if not IS_ROOT or mount is None:
        pytest.skip("needs root, and mount")
    mail = tmp_path / "mail"
    mail.mkdir()
    options = f"size=256k,mode=700,uid={UID},gid={UID}"
    done = subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(mail)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.decode().strip()}")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", str(mail)], check=True)


@pytest.mark.root
def test_full_disk_defers_and_keeps_the_sum(small_disk: Path) -> None:
    """No half of a message or of maildirsize is left; mail comes in again when there is room."""
    box = small_disk / "mail" / "box"
    with run_worker(SERVICE, main_cf(small_disk, "static:1000000"), small_disk, name="virtual") as worker:
        answers = [send(worker, small_disk, 30_000) for _ in range(12)]
        refused = [answer for answer in answers if answer]
        assert 0 < len(refused) < 12
        assert set(map(tuple, refused)) == {(("a@b.test", "deferred", "4.3.0"),)}
        assert worker.wait_for_line("maildir delivery failed: error writing message: No space left on device")
        assert len(messages(small_disk)) == 12 - len(refused)
        assert summed(box) == recounted(box)
        assert list((box / "tmp").iterdir()) == []
        for message in messages(small_disk):
            message.unlink()
        assert send(worker, small_disk, 30_000) == []
    with Ledger.open(str(box)) as ledger:
        assert ledger.recount(Quota(1000000)) == recounted(box)


def test_filter_of_the_owner_is_obeyed(tmp_path: Path) -> None:
    """Into a folder, thrown away, returned; what goes to the trash does not count."""
    rules = "/^subject: junk/m MOVE Junk\n/^subject: bin/m MOVE Trash\n/^subject: spam/m REJECT go away\n"
    rules += "/^subject: gone/m DISCARD old news\n/^subject: note/m WARN noted\n"
    box = tmp_path / "mail" / "box"
    text = main_cf(tmp_path, "static:10000", "virtual_maildir_filter = yes")
    box.mkdir()
    (box / "maildirfilter").write_text(rules)
    if IS_ROOT:
        os.chown(box, UID, UID)
    with run_worker(SERVICE, text, tmp_path, name="virtual") as worker:
        outcomes = {
            subject: verbs(deliver(worker, enqueue(tmp_path, ["a@b.test"], f"Subject: {subject}\n\nx\n".encode())))
            for subject in ("junk", "bin", "spam", "gone", "note", "plain")
        }
        log = "\n".join(worker.log_lines())
    assert outcomes.pop("spam") == [("a@b.test", "bounced", "5.0.0")]
    assert set(map(tuple, outcomes.values())) == {()}
    assert "status=bounced (maildir delivery failed: go away)" in log
    assert "status=sent (discarded by the filter of its recipient: old news)" in log
    assert "warning: " in log
    assert "to=<a@b.test>: header check warning: noted" in log
    assert [len(list((box / name / "new").iterdir())) for name in ("", ".Junk", ".Trash")] == [2, 1, 1]
    assert (box / ".Junk" / "maildirfolder").exists()
    assert summed(box) == recounted(box)
    assert summed(box).messages == 3

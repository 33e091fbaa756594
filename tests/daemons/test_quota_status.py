"""quota-status over its socket, with real mailboxes; and smtpd, which asks it at RCPT TO."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import run_worker
from mail_agents import reachable_directory
from smtpd_scene import Service, scene
from test_virtual_quota import IS_ROOT, UID, main_cf

from pyfix.daemons.quota_status.daemon import SERVICE
from pyfix.mail.ipc.messages import AnyMessage, HasRoom, Message, Room

TEXT = "Sorry, the user's maildir has overdrawn his diskspace quota, please try again later."


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that other users reach too."""
    yield from reachable_directory()


def fill(root: Path, size: int, box: str = "box") -> Path:
    """Put one message into a Maildir that only its owner may enter."""
    maildir = root / "mail" / box
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True)
    (maildir / "cur" / "1:2,S").write_bytes(b"x" * size)
    if IS_ROOT:
        for path in (root / "mail", maildir, *maildir.rglob("*")):
            os.chown(path, UID, UID)
    maildir.chmod(0o700)
    return maildir


@pytest.mark.parametrize(
    ("used", "size", "bounces", "status"),
    [
        (900, 0, "no", ""),
        (900, 100, "no", ""),
        (900, 101, "no", "4.2.2"),
        (900, 101, "yes", "5.2.2"),
        (1000, 0, "no", "4.2.2"),
        (1000, 0, "yes", "5.2.2"),
        (0, 1001, "no", "5.2.2"),
    ],
)
def test_room_depends_on_what_is_there(tmp_path: Path, used: int, size: int, bounces: str, status: str) -> None:
    """The size that the client announces must fit; without one the mailbox must not be full."""
    fill(tmp_path, used)
    text = main_cf(tmp_path, "static:1000", f"virtual_overquota_bounce = {bounces}")
    with run_worker(SERVICE, text, tmp_path, name="quota-status") as worker:
        assert worker.call(HasRoom("A@b.test", size), Room) == Room(status, TEXT if status else "")


def test_who_has_no_mailbox_or_no_limit_has_room(tmp_path: Path) -> None:
    """Nor is anything made for them."""
    lines = ("virtual_mailbox_maps = inline:{a@b.test=box/, m@b.test=mbox, o@b.test=o/}",)
    text = main_cf(tmp_path, "inline:{a@b.test=100, m@b.test=100}", *lines)
    (tmp_path / "mail" / "mbox").write_bytes(b"x" * 100)
    with run_worker(SERVICE, text, tmp_path, name="quota-status") as worker:
        for address in ("a@b.test", "o@b.test", "nobody@b.test"):
            assert worker.call(HasRoom(address, 50), Room) == Room()
        assert worker.call(HasRoom("m@b.test", 0), Room) == Room("4.2.2", TEXT)
    assert [path.name for path in (tmp_path / "mail").iterdir()] == ["mbox"]


@pytest.mark.parametrize(
    ("limits", "warning"),
    [
        ("static:much", 'quota of <a@b.test>: recipient a@b.test: bad quota "much" in static:much'),
        ("hash:/nonexistent/table", "quota of <a@b.test>: table hash:/nonexistent/table: lookup a@b.test: "),
    ],
)
def test_what_cannot_be_told_is_room(tmp_path: Path, limits: str, warning: str) -> None:
    """The delivery decides; the log says why."""
    with run_worker(SERVICE, main_cf(tmp_path, limits), tmp_path, name="quota-status") as worker:
        assert worker.call(HasRoom("a@b.test"), Room) == Room()
        assert worker.wait_for_line(f"warning: {warning}")


SMTPD = """
virtual_mailbox_limit_maps = static:1000
virtual_alias_maps = inline:{ {alias@virtual.test = u1@virtual.test}, {self@virtual.test = Self@virtual.test} }
virtual_mailbox_maps = inline:{u1@virtual.test=u1, self@virtual.test=s, alias@virtual.test=a}
"""


class FakeStatus:
    """Says that everybody's mailbox is full, and notes who asked."""

    def __init__(self, directory: Path, answer: Room) -> None:
        self.asked: list[HasRoom] = []
        self.speaks = threading.Event()
        self.speaks.set()
        self._answer = answer
        self.service = Service(directory / "private" / "quota-status", self._tell)

    def _tell(self, request: AnyMessage) -> Message | None:
        assert isinstance(request, HasRoom)
        self.asked.append(request)
        self.speaks.wait(30)
        return self._answer


@pytest.mark.parametrize(
    ("room", "reply"),
    [
        (Room("5.2.2", "full"), "552 5.2.2 <u1@virtual.test>: Recipient address rejected: full"),
        (Room("4.2.2", "full"), "452 4.2.2 <u1@virtual.test>: Recipient address rejected: full"),
        (Room(), "250 2.1.5 Ok"),
    ],
)
def test_full_mailbox_is_refused_at_rcpt(tmp_path: Path, room: Room, reply: str) -> None:
    """With the announced size; those that are aliases of others, or not virtual's, are not asked about."""
    with scene(tmp_path, SMTPD + "mynetworks = 127.0.0.0/8\n") as smtpd:
        status = FakeStatus(tmp_path, room)
        client = smtpd.connect()
        assert client.say("EHLO client.example").startswith("250 ")
        assert client.say("MAIL FROM:<a@b.c> SIZE=777") == "250 2.1.0 Ok"
        assert client.say("RCPT TO:<u1@virtual.test>") == reply
        assert client.say("RCPT TO:<alias@virtual.test>") == "250 2.1.5 Ok"
        assert client.say("RCPT TO:<somebody@relay.test>") == "250 2.1.5 Ok"
        assert client.say("RCPT TO:<nobody@virtual.test>").startswith("550 5.1.1 ")
        assert status.asked == [HasRoom("u1@virtual.test", 777)]
        assert client.say("RCPT TO:<self@virtual.test>").startswith(reply[:3])
        if room.status:
            assert smtpd.worker.wait_for_line(f"NOQUEUE: reject: RCPT from unknown[127.0.0.1]: {reply}; from=<a@b.c>")
        status.service.close()


def test_who_says_nothing_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Mail is taken when the service is not there, or slow."""
    with scene(tmp_path, SMTPD + "smtpd_overquota_timeout = 1s\n") as smtpd:
        client = smtpd.connect()
        client.begin()
        assert smtpd.worker.wait_for_line("private/quota-status: No such file or directory; full mailboxes are not")
        status = FakeStatus(tmp_path, Room("5.2.2", "full"))
        status.speaks.clear()
        client = smtpd.connect()
        client.begin()
        assert len(status.asked) == 1
        status.speaks.set()
        status.service.close()


@pytest.mark.parametrize("setting", ["smtpd_reject_overquota_recipient = no", "virtual_mailbox_limit_maps ="])
def test_nobody_is_asked_where_there_is_no_use(tmp_path: Path, setting: str) -> None:
    """Turned off, or without quotas."""
    with scene(tmp_path, f"{SMTPD}{setting}\nquota_status_service_name = quota-status\n") as smtpd:
        status = FakeStatus(tmp_path, Room("5.2.2", "full"))
        smtpd.connect().begin()
        assert status.asked == []
        status.service.close()

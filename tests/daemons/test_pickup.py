"""A real pickup process with a cleanup of the test's own, driven by sendmail's code and by files in maildrop."""

import errno
import os
import pwd
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from fake_cleanup import FakeCleanup
from harness import RunningWorker, make_queue_directory, run_worker

from pyfix.commands.outcome import CommandError, CommandLog
from pyfix.commands.submission import Door
from pyfix.daemons.pickup import player, submission
from pyfix.daemons.pickup.daemon import SERVICE, PickupDaemon
from pyfix.daemons.pickup.params import PickupParameters
from pyfix.mail.ipc.frame import encode
from pyfix.mail.ipc.messages import (
    CLEANUP_BOUNCE,
    CLEANUP_EXTRACT,
    CLEANUP_SMTPUTF8_AUTODETECT,
    NOTIFY_DELAY,
    NOTIFY_NEVER,
    TRACE_VERIFY,
    ContentChunk,
    ContentEnd,
    Envelope,
    LocalSubmit,
    Recipient,
    RecipientOptions,
    Submitted,
)
from pyfix.mail.ipc.peer import PeerGone
from pyfix.mail.queue import Disk, Entry, Queue
from pyfix.mail.queue.maildrop import FRAME_LIMIT, DropFile, open_drop_file, write_drop_file
from pyfix.service.service import Service

REQUEST = LocalSubmit("a@example.org", "", ["b@example.org"], extract=False)
CONTENT = b"Subject: s\n\nbody\n"
ME = os.getuid()


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """The queue directory."""
    return Queue(str(make_queue_directory(tmp_path)))


def test_cleanup_that_is_silent_is_given_up(queue: Queue, tmp_path: Path) -> None:
    """After ipc_timeout the user is told to try again."""
    with FakeCleanup(tmp_path, answers=["nothing"]), pickup(tmp_path, "ipc_timeout = 1") as worker:
        with pytest.raises(CommandError, match="mail system is down") as caught:
            door(worker, queue).submit(REQUEST, [CONTENT])
        assert caught.value.status == os.EX_TEMPFAIL
        worker.wait_for_line("public/cleanup: no answer within 1 seconds")


@contextmanager
def pickup(tmp_path: Path, main_cf: str = "") -> Iterator[RunningWorker]:
    with run_worker(SERVICE, f"alias_maps =\n{main_cf}", tmp_path, name="pickup", public=True) as worker:
        yield worker


def door(worker: RunningWorker, queue: Queue) -> Door:
    return Door(worker.path, queue, "me(1)", CommandLog("sendmail"))


def is_empty(queue: Queue) -> bool:
    return not list(queue.scan("incoming"))


def test_a_message_is_handed_to_cleanup_with_its_received_header(queue: Queue, tmp_path: Path) -> None:
    """The kernel tells the uid; the log names it, as the header does."""
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        queue_id = door(worker, queue).submit(REQUEST, [CONTENT])
        (message,) = cleanup.received
        assert message.queue_id == queue_id
        assert message.recipients == ["b@example.org"]
        assert message.envelope.sender == "a@example.org"
        assert message.content.startswith(
            f"Received: by mail.example.test (Postfix, from userid {ME})\n\tid {queue_id}; ".encode()
        )
        assert message.content.endswith(b"\n" + CONTENT)
        assert worker.wait_for_line("uid=") == f"{queue_id}: uid={ME} from=<a@example.org>"


def test_a_large_message_is_spooled(queue: Queue, tmp_path: Path) -> None:
    """Memory does not grow with the message."""
    body = CONTENT + b"0123456789abcde\n" * 100_000
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        door(worker, queue).submit(REQUEST, [body])
        (message,) = cleanup.received
        assert message.was_spooled
        assert message.content.endswith(b"\n" + body)


def test_without_a_sender_it_is_the_login_name(queue: Queue, tmp_path: Path) -> None:
    """An empty sender is another thing."""
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        for sender in (None, ""):
            door(worker, queue).submit(LocalSubmit(sender, "", ["b@example.org"], extract=False), [CONTENT])
        assert [message.envelope.sender for message in cleanup.received] == [pwd.getpwuid(ME).pw_name, ""]


def nobody_to_ask(uid: int) -> str | None:
    raise OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def test_while_nobody_can_tell_the_login_name_mail_waits(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name service that is down makes nobody nameless: neither on the socket nor in maildrop."""
    name = write_drop_file(queue, msgspec.structs.replace(REQUEST, sender=None), [CONTENT])
    monkeypatch.setattr(submission, "find_login_name", nobody_to_ask)
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        worker.wait_for_line(f"warning: look up user ID {ME}: Connection refused")
        with pytest.raises(CommandError, match="user lookup problem") as caught:
            door(worker, queue).submit(msgspec.structs.replace(REQUEST, sender=None), [CONTENT])
        assert caught.value.status == os.EX_TEMPFAIL
        worker.stop()
        assert cleanup.received == []
    assert queue.find(name) == "maildrop"


def test_the_full_name_goes_into_a_missing_from_header(queue: Queue, tmp_path: Path) -> None:
    """One that is there stays alone."""
    request = LocalSubmit("a@example.org", "A. B.", ["b@example.org"], extract=False)
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        door(worker, queue).submit(request, [CONTENT])
        door(worker, queue).submit(request, [b"From: c@d.e\n" + CONTENT])
        first, second = cleanup.received
        assert b'\nSubject: s\nFrom: "A. B." <a@example.org>\n\nbody\n' in first.content
        assert second.content.count(b"From:") == 1


def test_an_mbox_line_is_dropped(queue: Queue, tmp_path: Path) -> None:
    """Programs that print a message from an mbox file forget it."""
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        door(worker, queue).submit(REQUEST, [b"From a@b Mon Jan  1\n" + CONTENT])
        assert b"From a@b" not in cleanup.received[0].content


@pytest.mark.parametrize("size", [0, 300_000])
def test_a_first_line_does_not_continue_our_header(queue: Queue, tmp_path: Path, size: int) -> None:
    """A line that begins with a blank is body, in memory and in the queue file alike."""
    text = b"From a@b\n>From a@b\n\tfolded\n" + b"x" * size + b"\n"
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        door(worker, queue).submit(REQUEST, [text])
        (message,) = cleanup.received
        assert message.was_spooled is bool(size)
        assert b"\n\n\tfolded\n" in message.content and b"a@b" not in message.content


def test_options_of_sendmail_reach_the_envelope(queue: Queue, tmp_path: Path) -> None:
    """-t, -B, -V, -R and -bv."""
    request = LocalSubmit(
        "a@example.org", "", ["b@example.org"], extract=True, encoding="8bit", envid="id", ret=1, trace=TRACE_VERIFY,
        rewrite_context="remote",
    )  # fmt: skip
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        door(worker, queue).submit(request, [CONTENT])
        (message,) = cleanup.received
        envelope = message.envelope
        assert (envelope.encoding, envelope.envid, envelope.ret, envelope.trace) == ("8bit", "id", 1, TRACE_VERIFY)
        assert envelope.rewrite_context == "remote"
        assert message.flags & CLEANUP_EXTRACT
        assert not message.flags & CLEANUP_BOUNCE


@pytest.mark.parametrize(
    ("classes", "is_looked_for"),
    [("", True), ("all", True), ("verify", False), ("sendmail, verify", True)],
)
def test_utf8_in_addresses_may_be_looked_for(queue: Queue, tmp_path: Path, classes: str, is_looked_for: bool) -> None:
    """smtputf8_autodetect_classes: sendmail does not say whether a message needs SMTPUTF8."""
    setting = f"smtputf8_autodetect_classes = {classes}" if classes else ""
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path, setting) as worker:
        door(worker, queue).submit(REQUEST, [CONTENT])
    assert bool(cleanup.received[0].flags & CLEANUP_SMTPUTF8_AUTODETECT) is is_looked_for


def test_each_recipient_has_options_of_its_own(queue: Queue, tmp_path: Path) -> None:
    """What a program says to sendmail -bs about one recipient does not go for the others."""
    options = [RecipientOptions(NOTIFY_NEVER), RecipientOptions(NOTIFY_DELAY, "rfc822;o@example.org")]
    each = LocalSubmit("a@example.org", "", ["b@example.org", "c@example.org"], extract=False, options=options)
    every = LocalSubmit("a@example.org", "", ["b@example.org"], extract=False, notify=NOTIFY_NEVER)
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        door(worker, queue).submit(each, [CONTENT])
        door(worker, queue).submit(every, [CONTENT])
        first, second = ([(it.address, it.notify, it.orcpt) for it in message.details] for message in cleanup.received)
    assert first == [("b@example.org", NOTIFY_NEVER, ""), ("c@example.org", NOTIFY_DELAY, "rfc822;o@example.org")]
    assert second == [("b@example.org", NOTIFY_NEVER, "")]


def test_a_message_beyond_the_limit_is_refused_on_the_way(queue: Queue, tmp_path: Path) -> None:
    """The sender hears it although it is still sending, and the connection serves the next message."""
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path, "message_size_limit = 1000") as worker:
        with pytest.raises(CommandError, match=r"me\(1\): message file too big") as caught:
            door(worker, queue).submit(REQUEST, [b"x" * 100_000] * 20)
        assert caught.value.status == os.EX_UNAVAILABLE
        peer = worker.connect()
        for piece in (REQUEST, ContentChunk(b"x" * 2000), ContentChunk(b"y"), ContentEnd(), REQUEST, ContentEnd()):
            peer.send(piece)
        assert peer.receive() == Submitted("", "5.3.4", 552, "Error: message file too big")
        assert isinstance(peer.receive(), Submitted)
        assert len(cleanup.received) == 1
        assert is_empty(queue)


def test_only_authorized_users_submit(queue: Queue, tmp_path: Path) -> None:
    """authorized_submit_users, by the login name of the uid that the kernel tells."""
    with pickup(tmp_path, "authorized_submit_users = !static:all, nobody-else") as worker:
        with pytest.raises(CommandError, match="is not allowed to submit mail") as caught:
            door(worker, queue).submit(REQUEST, [CONTENT])
        assert caught.value.status == os.EX_NOPERM
        assert is_empty(queue)


@pytest.mark.parametrize(("answer", "reason"), [("refuse", "mail system is down"), ("hang up", "mail system is down"),
                                                ("reject", "queue file write error")])  # fmt: skip
def test_trouble_with_cleanup_is_temporary(queue: Queue, tmp_path: Path, answer: str, reason: str) -> None:
    """The caller tries again: exit status 75."""
    with FakeCleanup(tmp_path, answers=[answer]), pickup(tmp_path) as worker:
        with pytest.raises(CommandError, match=reason) as caught:
            door(worker, queue).submit(REQUEST, [CONTENT])
        assert caught.value.status == os.EX_TEMPFAIL


def test_a_sender_that_leaves_in_the_middle_leaves_nothing(queue: Queue, tmp_path: Path) -> None:
    """Its queue file goes with it."""
    with pickup(tmp_path) as worker:
        peer = worker.connect()
        peer.send(REQUEST)
        peer.send(ContentChunk(b"x" * 500_000))
        worker.wait_for_line("uid=")
        peer.close()
        worker.stop()
        assert is_empty(queue)


def test_a_slow_sender_does_not_hold_up_others(queue: Queue, tmp_path: Path) -> None:
    """One process serves all users."""
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        slow = worker.connect()
        slow.send(REQUEST)
        assert door(worker, queue).submit(REQUEST, [CONTENT])
        slow.send(ContentEnd())
        assert isinstance(slow.receive(), Submitted)
        assert len(cleanup.received) == 2


# --- what one user can do to others


class StrictPickup(PickupDaemon):
    """Trusts nobody, and soon has enough."""

    idle_s = 0.05
    connections_per_user = 2

    def is_trusted(self, uid: int) -> bool:
        return False


class CrowdedPickup(StrictPickup):
    """As above, with patience."""

    idle_s = 300.0


@contextmanager
def strict_pickup(tmp_path: Path, daemon: type[PickupDaemon]) -> Iterator[RunningWorker]:
    service = Service("pickup", daemon, PickupParameters)
    with run_worker(service, "alias_maps =", tmp_path, name="pickup", public=True) as worker:
        yield worker


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"sender": "a@b\nReceived: forged"}, "5.1.7"),
        ({"recipients": ["good@x.y", '"a\r\nRCPT TO:<victim@x.y>"@x.y']}, "5.1.3"),
        ({"recipients": ["x" * 2049]}, "5.1.3"),
        ({"full_name": "A\nBcc: victim@x.y"}, "5.5.4"),
        ({"envid": "id\0"}, "5.5.4"),
    ],
)
def test_control_characters_are_refused(queue: Queue, tmp_path: Path, changes: dict[str, object], status: str) -> None:
    """They would forge lines in headers, mailboxes and SMTP commands. sendmail says so itself, pickup too."""
    request = msgspec.structs.replace(REQUEST, **changes)
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        peer = worker.connect()
        for message in (request, ContentChunk(CONTENT), ContentEnd(), REQUEST, ContentEnd()):
            peer.send(message)
        reply = peer.receive()
        assert isinstance(reply, Submitted)
        assert (reply.status, reply.code) == (status, 501)
        assert isinstance(peer.receive(), Submitted)
        assert [message.envelope.sender for message in cleanup.received] == ["a@example.org"]
        with pytest.raises(CommandError, match=r"me\(1\): Bad .* syntax") as caught:
            door(worker, queue).submit(request, [CONTENT])
        assert caught.value.status == os.EX_DATAERR
    assert is_empty(queue)


def test_a_silent_connection_ends(queue: Queue, tmp_path: Path) -> None:
    """And what it had begun goes."""
    with strict_pickup(tmp_path, StrictPickup) as worker:
        peer = worker.connect()
        peer.send(REQUEST)
        with pytest.raises(PeerGone):
            peer.receive()
        worker.stop()
    assert is_empty(queue)


def test_a_user_has_a_limit_of_connections(queue: Queue, tmp_path: Path) -> None:
    """One more is refused in words; when one has ended there is room again."""
    with FakeCleanup(tmp_path), strict_pickup(tmp_path, CrowdedPickup) as worker:
        first, second = worker.connect(), worker.connect()
        with pytest.raises(CommandError, match=f"too many connections of user ID {ME}") as caught:
            door(worker, queue).submit(REQUEST, [CONTENT])
        assert caught.value.status == os.EX_TEMPFAIL
        assert worker.wait_for_line("too many") == f"warning: uid={ME}: too many connections"
        for message in (REQUEST, ContentEnd()):
            second.send(message)
        assert isinstance(second.receive(), Submitted)
        first.send(ContentEnd())  # out of order: the connection is cut
        with pytest.raises(PeerGone):
            first.receive()
        assert door(worker, queue).submit(REQUEST, [CONTENT])


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack(">I", FRAME_LIMIT + 1),
        b"\0\0\0\4\x92\x15\xa1\xff",
        struct.pack(">I", 500_002) + b"\xdc\x00" + b"\x91" * 500_000,
    ],
)
def test_bytes_that_are_no_message_end_only_their_connection(queue: Queue, tmp_path: Path, frame: bytes) -> None:
    """Too long, no UTF-8, nested too deep: the process serves the others."""
    with FakeCleanup(tmp_path), pickup(tmp_path) as worker:
        other, peer = worker.connect(), worker.connect()
        peer.sock.sendall(frame)
        with pytest.raises(PeerGone):
            peer.receive()
        for message in (REQUEST, ContentEnd()):
            other.send(message)
        assert isinstance(other.receive(), Submitted)


def test_a_message_ends_once(queue: Queue, tmp_path: Path) -> None:
    """What follows in the same breath submits nothing a second time, and does not stop what was begun."""
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        peer = worker.connect()
        peer.sock.sendall(encode(REQUEST) + encode(ContentEnd()) * 2)
        with pytest.raises(PeerGone):
            peer.receive()
        worker.stop()
        assert len(cleanup.received) == 1
    assert is_empty(queue)


def test_one_message_at_a_time(queue: Queue, tmp_path: Path) -> None:
    """Messages in advance would pile up in memory."""
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        peer = worker.connect()
        peer.sock.sendall((encode(REQUEST) + encode(ContentEnd())) * 3)
        with pytest.raises(PeerGone):
            peer.receive()
        worker.stop()
        assert len(cleanup.received) == 1
    assert is_empty(queue)


def test_more_recipients_than_a_frame_holds_are_refused_by_sendmail(queue: Queue, tmp_path: Path) -> None:
    """In words, instead of a connection that breaks."""
    request = msgspec.structs.replace(REQUEST, recipients=["x" * 1000] * 1100)
    with pytest.raises(CommandError, match="too many recipients"):
        Door(str(tmp_path / "nowhere"), queue, "me(1)", CommandLog("sendmail")).submit(request, [])


# --- maildrop


def test_without_pickup_the_message_waits_in_maildrop(queue: Queue, tmp_path: Path) -> None:
    """Complete on disk before sendmail says so; pickup plays it when it starts."""
    absent = Door(str(tmp_path / "public" / "pickup"), queue, "me(1)", CommandLog("sendmail"))
    assert absent.submit(REQUEST, [CONTENT]) == ""
    (entry,) = queue.scan("maildrop")
    assert entry.complete
    assert stat.S_IMODE(os.stat(queue.path("maildrop", entry.id)).st_mode) == 0o744
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        worker.wait_for_line(f"uid={ME} from=<a@example.org>")
        worker.stop()
        (message,) = cleanup.received
        assert message.content.endswith(CONTENT)
        assert message.flags & CLEANUP_BOUNCE
    assert list(queue.scan("maildrop")) == []


@pytest.mark.skipif(ME == 0, reason="root may write everywhere")
def test_a_maildrop_that_may_not_be_written_is_a_temporary_failure(queue: Queue, tmp_path: Path) -> None:
    """sendmail's exit status 75."""
    (tmp_path / "maildrop").chmod(0o500)
    absent = Door(str(tmp_path / "public" / "pickup"), queue, "me(1)", CommandLog("sendmail"))
    with pytest.raises(CommandError) as caught:
        absent.submit(REQUEST, [CONTENT])
    assert caught.value.status == os.EX_TEMPFAIL


def test_a_file_without_a_status_is_passed_over(queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad sector ends neither the scan nor pickup."""
    names = sorted(write_drop_file(queue, REQUEST, [CONTENT]) for _ in range(3))

    class Sick:
        name, path = names[1], f"maildrop/{names[1]}"

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            raise OSError(errno.EIO, os.strerror(errno.EIO), self.path)

    @contextmanager
    def scandir(path: str) -> Iterator[list[object]]:
        with os.scandir(path) as entries:
            yield [Sick() if entry.name == names[1] else entry for entry in entries]

    monkeypatch.setattr(Disk, "scandir", staticmethod(scandir))
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        worker.wait_for_line(f"scan queue maildrop: maildrop/{names[1]}: Input/output error")
        while len([line for line in worker.log_lines() if "uid=" in line]) < 2:
            worker.wait_for_new_line()
        worker.stop()
        assert len(cleanup.received) == 2
    assert sorted(os.listdir(tmp_path / "maildrop")) == [names[1]]


@pytest.mark.parametrize(("code", "goes_on"), [(errno.EIO, True), (errno.ENOSPC, False), (errno.EMFILE, False)])
def test_a_file_that_cannot_be_read_now_stays(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, goes_on: bool
) -> None:
    """The next one has its turn, unless it would meet the same trouble."""
    names = [write_drop_file(queue, REQUEST, [CONTENT]) for _ in range(2)]
    monkeypatch.setattr(Queue, "scan", lambda self, name, on_error: [Entry(name, 0.0, True, 1) for name in names])
    read_content = DropFile.read_content
    first = os.stat(queue.path("maildrop", names[0])).st_ino

    def fail(file: DropFile) -> Iterator[bytes]:
        if os.fstat(file.fd).st_ino == first:
            raise OSError(code, os.strerror(code))
        return read_content(file)

    monkeypatch.setattr(DropFile, "read_content", fail)
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        worker.wait_for_line(f"warning: maildrop/{names[0]}: {os.strerror(code)}")
        worker.stop()
        assert len(cleanup.received) == int(goes_on)
    assert queue.find(names[0]) == "maildrop"
    assert queue.find(names[1]) == (None if goes_on else "maildrop")


def test_a_file_stays_in_maildrop_while_the_trouble_is_temporary(queue: Queue, tmp_path: Path) -> None:
    """The next wakeup tries again."""
    name = write_drop_file(queue, REQUEST, [CONTENT])
    with FakeCleanup(tmp_path, answers=["reject"]) as cleanup, pickup(tmp_path) as worker:
        worker.wait_for_line("uid=")
        worker.log_lines()
        while cleanup.answers:
            worker.wake()
        assert worker.wait_for_line("uid=")
        worker.wake()
        while not cleanup.received:
            worker.wake()
        worker.stop()
    assert queue.find(name) is None


@pytest.mark.parametrize("code", [errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR])
def test_a_file_that_cannot_be_opened_now_stays(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A good submission is not put aside because the system is short of something."""
    name = write_drop_file(queue, REQUEST, [CONTENT])
    sick = tmp_path / "sick"
    sick.touch()
    real = player.open_drop_file

    def open_drop_file(path: str) -> DropFile:
        if path.endswith(name) and sick.exists():
            raise OSError(code, os.strerror(code), path)
        return real(path)

    monkeypatch.setattr(player, "open_drop_file", open_drop_file)
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        worker.wait_for_line(f"warning: maildrop/{name}: {os.strerror(code)}")
        assert queue.find(name) == "maildrop"
        sick.unlink()
        worker.wake()
        worker.wait_for_line("uid=")
        worker.stop()
        assert len(cleanup.received) == 1
    assert queue.find(name) is None


@pytest.mark.parametrize("code", [errno.EACCES, errno.ELOOP, errno.ENXIO])
def test_what_can_never_be_opened_goes_to_corrupt(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """It would be in the way at every scan."""
    name = write_drop_file(queue, REQUEST, [CONTENT])

    def open_drop_file(path: str) -> DropFile:
        raise OSError(code, os.strerror(code), path)

    monkeypatch.setattr(player, "open_drop_file", open_drop_file)
    with pickup(tmp_path) as worker:
        assert os.strerror(code) in worker.wait_for_line("saving corrupt file")
    assert queue.find(name) == "corrupt"


def test_a_file_that_cannot_be_read_costs_no_descriptor(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again at every scan."""
    path = queue.path("maildrop", write_drop_file(queue, REQUEST, [CONTENT]))

    def fail(*unused: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    before = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as broken:
        broken.setattr(os, "pread", fail)
        with pytest.raises(OSError, match="Input/output error"):
            open_drop_file(path)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("data", [b"", b"garbage" * 10, b"\x00\x00\x00\x05abcde", b"\xff\xff\xff\xff"])
def test_a_file_that_makes_no_sense_goes_to_corrupt(queue: Queue, tmp_path: Path, data: bytes) -> None:
    """With a warning, and out of the way of the others."""
    file = queue.create("maildrop")
    file.write_frame(data, 0)
    file.complete_drop(0o744)
    good = write_drop_file(queue, REQUEST, [CONTENT])
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        line = worker.wait_for_line("saving corrupt file")
        assert line.startswith(f"warning: maildrop/{file.id}: ")
        worker.wait_for_line("uid=")
        worker.stop()
        assert len(cleanup.received) == 1
    assert os.listdir(tmp_path / "corrupt") == [file.id]
    assert queue.find(good) is None


def test_a_file_with_control_characters_goes_to_corrupt(queue: Queue, tmp_path: Path) -> None:
    """A submission, and a message that was requeued."""
    drop = write_drop_file(queue, msgspec.structs.replace(REQUEST, recipients=['"a\nb"@x.y']), [CONTENT])
    file = queue.create()
    file.commit(Envelope("s@example.org", 1000.0, 0), [Recipient("a@x.y", "b\n@x.y")], content=[CONTENT])
    queue.move(file.id, "incoming", "maildrop")
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        for name in (drop, file.id):
            assert "Bad recipient address syntax" in worker.wait_for_line(f"maildrop/{name}")
        worker.stop()
        assert cleanup.received == []
    assert {queue.find(drop), queue.find(file.id)} == {"corrupt"}
    assert is_empty(queue)


def test_what_cleanup_refuses_for_good_goes_to_corrupt(queue: Queue, tmp_path: Path) -> None:
    """Nobody waits to be told, so a person has to look."""
    name = write_drop_file(queue, REQUEST, [CONTENT])
    with FakeCleanup(tmp_path, answers=["never"]), pickup(tmp_path) as worker:
        assert f"uid={ME}: Bad recipient address syntax" in worker.wait_for_line(f"maildrop/{name}")
        worker.stop()
    assert queue.find(name) == "corrupt"


def test_a_file_that_ends_early_is_not_submitted(queue: Queue, tmp_path: Path) -> None:
    """Half a message is worse than none."""
    name = write_drop_file(queue, REQUEST, [CONTENT])
    path = queue.path("maildrop", name)
    with open(path, "r+b") as file:
        file.truncate(os.stat(path).st_size - 5)
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        assert "ends early" in worker.wait_for_line("corrupt")
        worker.stop()
        assert cleanup.received == []
    assert is_empty(queue)


def test_a_requeued_message_is_submitted_again(queue: Queue, tmp_path: Path) -> None:
    """postsuper -r: what is done is left out, and the message keeps its age."""
    file = queue.create()
    envelope = Envelope("s@example.org", 1000.0, 0, filter="error:old")
    file.commit(envelope, [Recipient("a@x.y"), Recipient("b@x.y")], content=[b"Received: r\n", CONTENT])
    with queue.open("incoming", file.id, writable=True) as message:
        message.mark_done(0)
    queue.move(file.id, "incoming", "maildrop")
    with FakeCleanup(tmp_path) as cleanup, pickup(tmp_path) as worker:
        line = worker.wait_for_line("orig_id")
        worker.stop()
        (received,) = cleanup.received
    assert line == f"{received.queue_id}: uid={ME} from=<s@example.org> orig_id={file.id}"
    assert received.recipients == ["b@x.y"]
    assert (received.envelope.arrival, received.envelope.filter) == (1000.0, "")
    assert received.content.endswith(b"\nReceived: r\n" + CONTENT)
    assert queue.find(file.id) is None


@pytest.mark.root
def test_a_queue_file_of_a_stranger_is_not_believed(queue: Queue, tmp_path: Path) -> None:
    """Its envelope could claim anything."""
    file = queue.create()
    file.commit(Envelope("s@example.org", 1000.0, 0), [Recipient("a@x.y")], content=[CONTENT])
    os.chown(queue.path("incoming", file.id), 12345, 12345)
    queue.move(file.id, "incoming", "maildrop")
    with pickup(tmp_path) as worker:
        assert "queue file of user 12345" in worker.wait_for_line("corrupt")
        worker.stop()
    assert queue.find(file.id) == "corrupt"

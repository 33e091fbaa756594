"""mbox files: appending, locking, putting back, refusing."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pyfix.mail.delivery import Content
from pyfix.mail.mailbox import LockPolicy, MailboxError, Mbox
from pyfix.mail.mailbox.lock import DotLock, Journal

FROM = b"From a@b Mon Jan  1 00:00:00 2024\n"
HEAD = b"Return-Path: <a@b>\n"
MakeContent = Callable[[bytes], Content]


def quick(*methods: str, attempts: int = 2) -> LockPolicy:
    """A policy that never waits."""
    return LockPolicy(methods or ("fcntl", "dotlock"), attempts, 1.0, 500.0, lambda seconds: None)


def append(path: Path, content: Content, policy: LockPolicy | None = None, limit: int = 0) -> None:
    """Deliver one message."""
    with Mbox.open(str(path), policy or quick()) as box:
        box.append(FROM, HEAD, content, limit)


def test_message_is_appended_with_an_empty_line(tmp_path: Path, make_content: MakeContent) -> None:
    """Lines that begin with From_ are quoted, the last line gets its end."""
    append(tmp_path / "box", make_content(b"Subject: x\n\nFrom me\n>From you\nend"))
    append(tmp_path / "box", make_content(b"From start\n"))
    first = FROM + HEAD + b"Subject: x\n\n>From me\n>From you\nend\n\n"
    assert (tmp_path / "box").read_bytes() == first + FROM + HEAD + b">From start\n\n"
    assert not (tmp_path / "box.lock").exists()


@pytest.mark.parametrize(
    ("before", "between"), [(b"", b""), (b"x\n\n", b""), (b"x\n", b"\n"), (b"x", b"\n\n"), (b"\n", b"\n")]
)
def test_from_line_always_follows_an_empty_line(
    tmp_path: Path, make_content: MakeContent, before: bytes, between: bytes
) -> None:
    """Whatever another program left at the end."""
    (tmp_path / "box").write_bytes(before)
    append(tmp_path / "box", make_content(b"x\n"))
    assert (tmp_path / "box").read_bytes() == before + between + FROM + HEAD + b"x\n\n"


def test_limit_leaves_the_mailbox_as_it_was(tmp_path: Path, make_content: MakeContent) -> None:
    """5.2.2, before a byte is written."""
    (tmp_path / "box").write_bytes(b"old\n\n")
    with pytest.raises(MailboxError) as caught:
        append(tmp_path / "box", make_content(b"x" * 100), limit=100)
    assert (caught.value.status, caught.value.number) == ("5.2.2", errno.EFBIG)
    assert (tmp_path / "box").read_bytes() == b"old\n\n"


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, "4.3.0"), (errno.EDQUOT, "5.2.2"), (errno.EIO, "5.3.0")])
def test_failed_write_is_truncated_away(
    tmp_path: Path, make_content: MakeContent, monkeypatch: pytest.MonkeyPatch, number: int, status: str
) -> None:
    """Half of it was written."""
    (tmp_path / "box").write_bytes(b"old\n\n")
    real = os.writev

    def fail(fd: int, parts: list[bytes]) -> int:
        real(fd, [b"".join(parts)[:20]])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "writev", fail)
    with pytest.raises(MailboxError) as caught:
        append(tmp_path / "box", make_content(b"x\n"))
    assert (caught.value.status, caught.value.reason) == (status, f"error writing message: {os.strerror(number)}")
    assert (tmp_path / "box").read_bytes() == b"old\n\n"
    assert not (tmp_path / "box.lock").exists()


def test_short_write_is_continued(tmp_path: Path, make_content: MakeContent, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nearly full disk writes less than it was asked to."""
    real = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, parts: real(fd, [b"".join(parts)[:7]]))
    append(tmp_path / "box", make_content(b"hello\n"))
    assert (tmp_path / "box").read_bytes() == FROM + HEAD + b"hello\n\n"


# --- what is no mailbox


def test_links_are_refused(tmp_path: Path, make_content: MakeContent) -> None:
    """Symbolic and hard ones: they may lead to somebody else's file."""
    (tmp_path / "file").write_bytes(b"precious")
    (tmp_path / "soft").symlink_to(tmp_path / "file")
    os.link(tmp_path / "file", tmp_path / "hard")
    for name, reason in (("soft", "file is a symbolic link"), ("hard", "file has 2 hard links")):
        with pytest.raises(MailboxError, match=reason):
            append(tmp_path / name, make_content(b"x\n"))
    assert (tmp_path / "file").read_bytes() == b"precious"


def test_dev_null_takes_everything_and_is_not_locked(make_content: MakeContent) -> None:
    """A device is neither locked nor truncated."""
    append(Path("/dev/null"), make_content(b"x\n"))
    assert not Path("/dev/null.lock").exists()


def test_pipe_that_nobody_reads_refuses(tmp_path: Path, make_content: MakeContent) -> None:
    """Mail must not vanish in it."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MailboxError, match="cannot open file: No such device or address"):
        append(tmp_path / "pipe", make_content(b"x\n"))


def test_pipe_whose_reader_sleeps_is_given_up(tmp_path: Path, make_content: MakeContent) -> None:
    """A worker must not wait for it for ever."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    policy = LockPolicy(("fcntl",), 1, 0.05, 500.0, lambda seconds: None)
    with pytest.raises(MailboxError) as caught:
        append(tmp_path / "pipe", make_content(b"0123456789abcde\n" * 100_000), policy)
    os.close(reader)
    assert (caught.value.status, caught.value.reason) == ("4.2.0", "error writing message: Connection timed out")


def test_pipe_gets_the_message(tmp_path: Path, make_content: MakeContent) -> None:
    """When somebody reads."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    append(tmp_path / "pipe", make_content(b"x\n"))
    assert os.read(reader, 4096) == FROM + HEAD + b"x\n\n"
    os.close(reader)


def test_directory_is_no_mailbox(tmp_path: Path, make_content: MakeContent) -> None:
    """5.2.0."""
    with pytest.raises(MailboxError) as caught:
        append(tmp_path, make_content(b"x\n"), quick("fcntl"))
    assert caught.value.status == "5.2.0"


# --- locks


def test_lock_file_of_a_living_process_is_waited_for(tmp_path: Path, make_content: MakeContent) -> None:
    """Then it is 4.2.0; each attempt waits."""
    waits: list[float] = []
    policy = LockPolicy(("dotlock",), 3, 1.0, 500.0, waits.append)
    (tmp_path / "box.lock").write_bytes(Journal(os.getppid(), "elsewhere").encode())
    with pytest.raises(MailboxError) as caught:
        append(tmp_path / "box", make_content(b"x\n"), policy)
    assert caught.value.status == "4.2.0"
    assert caught.value.reason == f"unable to create lock file {tmp_path}/box.lock: File exists"
    assert waits == [1.0, 1.0]
    assert (tmp_path / "box.lock").exists()


def test_old_lock_file_is_removed(tmp_path: Path, make_content: MakeContent) -> None:
    """Older than stale_lock_time, and of a program that writes no journal."""
    (tmp_path / "box.lock").touch()
    append(tmp_path / "box", make_content(b"x\n"), LockPolicy(("dotlock",), 2, 1.0, -1.0, lambda seconds: None))
    assert (tmp_path / "box").exists()
    assert not (tmp_path / "box.lock").exists()


@pytest.mark.parametrize("method", ["fcntl", "flock"])
def test_kernel_lock_of_somebody_else_defers(tmp_path: Path, make_content: MakeContent, method: str) -> None:
    """A mail reader has the mailbox."""
    box = tmp_path / "box"
    box.touch()
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        fd = os.open(box, os.O_RDWR)
        (fcntl.lockf if method == "fcntl" else fcntl.flock)(fd, fcntl.LOCK_EX)
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    try:
        with pytest.raises(MailboxError) as caught:
            append(box, make_content(b"x\n"), quick(method, "dotlock"))
    finally:
        os.write(go[1], b"x")
        os.waitpid(pid, 0)
        for fd in (*ready, *go):
            os.close(fd)
    assert caught.value.status == "4.2.0"
    assert caught.value.reason.startswith("unable to lock for exclusive access: ")
    assert not (tmp_path / "box.lock").exists()


def test_directory_without_write_permission_may_do_without_lock_file(
    tmp_path: Path, make_content: MakeContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that users name may lie where no lock can be made."""

    def refuse(self: DotLock) -> None:
        raise MailboxError("5.2.0", "unable to create lock file", errno.EACCES)

    monkeypatch.setattr(DotLock, "take", refuse)
    with pytest.raises(MailboxError):
        append(tmp_path / "box", make_content(b"x\n"))
    with Mbox.open(str(tmp_path / "box"), quick(), dot_lock_may_fail=True) as box:
        box.append(FROM, HEAD, make_content(b"x\n"))
    assert (tmp_path / "box").exists()


# --- debris of killed deliveries


def abandoned(mailbox: Path, before: bytes, debris: bytes, planned: int | None = None) -> None:
    """Leave mailbox and lock as a delivery does that was killed in mid-append."""
    mailbox.write_bytes(before + debris)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    lock = DotLock(str(mailbox), quick())
    end = len(before) + len(debris) + 10 if planned is None else planned
    journal = Journal(pid, lock._host, mailbox.stat().st_ino, len(before), end)
    Path(f"{mailbox}.lock").write_bytes(journal.encode())


def test_half_message_of_a_killed_delivery_is_removed(tmp_path: Path, make_content: MakeContent) -> None:
    """Its lock is taken over at once, without waiting for it to become old."""
    old = FROM + b"\nold\n\n"
    abandoned(tmp_path / "box", old, FROM + HEAD + b"half a mess")
    append(tmp_path / "box", make_content(b"x\n"))
    assert (tmp_path / "box").read_bytes() == old + FROM + HEAD + b"x\n\n"
    assert not (tmp_path / "box.lock").exists()


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give a file away")
@pytest.mark.parametrize(("user", "is_believed"), [(0, False), (7001, False), (7002, True)])
def test_lock_that_another_user_laid_there_is_not_believed(
    tmp_path: Path, make_content: MakeContent, monkeypatch: pytest.MonkeyPatch, user: int, is_believed: bool
) -> None:
    """It would have whole messages cut away; the delivery waits until it is gone, or old."""
    old = FROM + b"\nold\n\n"
    abandoned(tmp_path / "box", b"", old)
    os.chown(tmp_path / "box.lock", 7002, 7002)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if is_believed:
        append(tmp_path / "box", make_content(b"x\n"))
    else:
        with pytest.raises(MailboxError) as caught:
            append(tmp_path / "box", make_content(b"x\n"))
        assert caught.value.status == "4.2.0"
    assert ((tmp_path / "box").read_bytes() == old) is not is_believed


@pytest.mark.parametrize(
    ("debris", "planned"),
    [
        (FROM + b"half\n\n" + FROM + b"whole message of another program\n\n", None),
        (FROM + b"longer than what was planned\n\n", 20),
    ],
)
def test_what_may_be_the_message_of_another_program_stays(
    tmp_path: Path, make_content: MakeContent, debris: bytes, planned: int | None
) -> None:
    """Only what is certainly ours is taken away."""
    abandoned(tmp_path / "box", b"old\n\n", debris, planned)
    append(tmp_path / "box", make_content(b"x\n"))
    assert (tmp_path / "box").read_bytes() == b"old\n\n" + debris + FROM + HEAD + b"x\n\n"


@pytest.mark.parametrize("is_taken_over", [False, True])
def test_lock_that_cannot_be_signed_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_taken_over: bool
) -> None:
    """A full disk, where files cannot be without a name: neither a descriptor nor an unsigned lock file stays."""
    dead = Journal(1 << 22, socket.gethostname()).encode()
    if is_taken_over:
        (tmp_path / "box.lock").write_bytes(dead)

    def full(*unused: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY | os.O_RDWR)
    monkeypatch.setattr(os, "pwrite", full)
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(MailboxError) as caught:
        DotLock(str(tmp_path / "box"), quick()).take()
    assert caught.value.status == "4.3.0"
    assert len(os.listdir("/proc/self/fd")) == descriptors
    left = [path.read_bytes() for path in tmp_path.iterdir()]
    assert left == ([dead] if is_taken_over else [])


def test_lock_of_another_machine_is_not_taken_over(tmp_path: Path) -> None:
    """Its process number means nothing here."""
    assert not Journal(1 << 22, "elsewhere").is_abandoned("here")
    assert Journal(1 << 22, "here").is_abandoned("here")
    assert not Journal(os.getpid(), "here").is_abandoned("here")


@pytest.mark.parametrize("data", [b"", b"0\n", b"123\n", b"a b c d e", b"1 \xff 2 3 4", b"1 h 2 3 4 5"])
def test_foreign_lock_content_is_no_journal(data: bytes) -> None:
    """Whatever other programs write into lock files."""
    assert Journal.decode(data) is None


def test_journal_round_trip() -> None:
    """The pid stands on the first line, as other programs write it."""
    journal = Journal(7, "host", 8, 9, 10)
    assert Journal.decode(journal.encode()) == journal
    assert journal.encode().startswith(b"7\n")

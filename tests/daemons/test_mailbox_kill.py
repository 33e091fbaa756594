"""kill -9 before every system call of a delivery or a removal, and in the middle of its write.

A Maildir must never show a part of a message; an mbox must be whole again when the next delivery has been made, which
must not wait for a lock that nobody holds. A removal loses nothing else.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyfix.mail.delivery import Content
from pyfix.mail.mailbox import LockPolicy, MaildirWriter, Mbox
from pyfix.mail.mailbox.reading import open_mailbox

FROM = b"From a@b Mon Jan  1 00:00:00 2024\n"
HEAD = b"Return-Path: <a@b>\nDelivered-To: c@d\n"
SMALL = b"Subject: x\n\n" + b"text\n" * 100
LARGE = b"Subject: x\n\n" + b"0123456789abcde\n" * 70_000
CALLS = (
    "open",
    "write",
    "writev",
    "pwrite",
    "sendfile",
    "fsync",
    "rename",
    "ftruncate",
    "unlink",
    "link",
    "close",
    "fstat",
    "fchmod",
    "copy_file_range",
)
LAST = 60


class Killer:
    """Kills this process at the nth system call of CALLS; a write is made by half before."""

    def __init__(self, countdown: int) -> None:
        self.left = countdown

    def arm(self) -> None:
        """Put itself in front of every call. For a child process only: nothing is restored."""
        for name in CALLS:
            setattr(os, name, self._wrap(name, getattr(os, name)))
        fcntl.lockf = self._wrap("lockf", fcntl.lockf)  # type: ignore[assignment]

    def _wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                if name == "writev":
                    data = b"".join(args[1])
                    real(args[0], [data[: len(data) // 2]])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return call


def killed_at(countdown: int, deliver: Callable[[], None]) -> bool:
    """Deliver in a child that is killed at its nth call; False when it came to its end first."""
    pid = os.fork()
    if pid == 0:
        try:
            Killer(countdown).arm()
            deliver()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def content_of(path: Path, data: bytes) -> Content:
    """Put data into a file; the descriptor lives as long as the test process."""
    path.write_bytes(data)
    return Content(os.open(path, os.O_RDONLY), 0, len(data))


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_maildir_never_shows_a_part_of_a_message(tmp_path: Path, data: bytes) -> None:
    """new/ holds whole messages only, wherever the delivery was killed."""
    content = content_of(tmp_path / "content", data)

    def deliver() -> None:
        MaildirWriter(content).deliver(f"{tmp_path}/box/", HEAD)

    deliver()
    survived = 0
    for countdown in range(1, LAST):
        if not killed_at(countdown, deliver):
            survived = countdown
            break
        for message in (tmp_path / "box" / "new").iterdir():
            assert message.read_bytes() == HEAD + data
    assert survived > 4, "no kill hit the delivery"
    os.close(content.fd)


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_mbox_is_whole_after_the_next_delivery(tmp_path: Path, data: bytes) -> None:
    """Each message that is there is complete, and the new one never waited."""
    content = content_of(tmp_path / "content", data)
    box = tmp_path / "box"
    whole = FROM + HEAD + data + b"\n"

    def refuse_to_wait(seconds: float) -> None:
        raise AssertionError("waited for the lock of a dead process")

    policy = LockPolicy(("fcntl", "dotlock"), 2, 1.0, 500.0, refuse_to_wait)

    def deliver() -> None:
        with Mbox.open(str(box), policy) as mbox:
            mbox.append(FROM, HEAD, content)

    deliver()
    survived = 0
    for countdown in range(1, LAST):
        before = box.read_bytes()
        if not killed_at(countdown, deliver):
            survived = countdown
            break
        deliver()
        after = box.read_bytes()
        assert after in (before + whole, before + whole + whole), f"killed at call {countdown}"
        box.write_bytes(whole)
    assert survived > 8, "no kill hit the delivery"
    os.close(content.fd)


@pytest.mark.parametrize("removed", [[2], [3], [1, 2, 3]], ids=["middle", "end", "all"])
def test_mbox_removal_is_made_or_not(tmp_path: Path, removed: list[int]) -> None:
    """The file is the old or the new one, and the next session and the next delivery wait for nobody."""
    content = content_of(tmp_path / "content", SMALL)
    box = tmp_path / "box"
    messages = [FROM + HEAD + b"X-Number: %d\n" % number + SMALL + b"\n" for number in (1, 2, 3)]
    old = b"".join(messages)
    new = b"".join(message for number, message in enumerate(messages, 1) if number not in removed)

    def refuse_to_wait(seconds: float) -> None:
        raise AssertionError("waited for the lock of a dead process")

    policy = LockPolicy(("fcntl", "dotlock"), 2, 1.0, 500.0, refuse_to_wait)

    def expunge() -> None:
        mailbox = open_mailbox(f"mbox:{box}", policy=policy)
        mailbox.expunge([number for number in removed if number <= len(mailbox)])
        mailbox.close()

    survived = 0
    for countdown in range(1, LAST):
        box.write_bytes(old)
        if not killed_at(countdown, expunge):
            survived = countdown
            break
        assert box.read_bytes() in (old, new), f"killed at call {countdown}"
        with Mbox.open(str(box), policy) as mbox:
            mbox.append(FROM, HEAD, content)
        expunge()
    assert survived > 8, "no kill hit the removal"
    assert box.read_bytes() == new
    assert sorted(os.listdir(tmp_path)) == ["box", "content"]
    os.close(content.fd)


def test_maildir_removal_loses_nothing_else(tmp_path: Path) -> None:
    """What was not to go is there, and the next session waits for nobody."""
    box = tmp_path / "box"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)

    def expunge() -> None:
        mailbox = open_mailbox(f"maildir:{box}/")
        mailbox.measure()
        mailbox.expunge([1, 3], seen=[2])
        mailbox.close()

    survived = 0
    for countdown in range(1, LAST):
        for name in ("1.a", "2.b", "3.c"):
            (box / "new" / name).write_bytes(name.encode())
        if not killed_at(countdown, expunge):
            survived = countdown
            break
        left = {path.read_bytes(): path for path in (*(box / "new").iterdir(), *(box / "cur").iterdir())}
        assert b"2.b" in left, f"killed at call {countdown}"
        left[b"2.b"].rename(box / "new" / "2.b")
    assert survived > 8, "no kill hit the removal"
    assert [path.name for path in (*(box / "new").iterdir(), *(box / "cur").iterdir())] == ["2.b:2,S"]

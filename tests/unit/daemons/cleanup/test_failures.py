"""cleanup on a disk that fails, call by call."""

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyfix.base.log import Log, MemoryLog
from pyfix.daemons.cleanup.daemon import CleanupDaemon
from pyfix.daemons.cleanup.params import CleanupParameters
from pyfix.mail.config import Config
from pyfix.mail.ipc.messages import CLEANUP_MAP, NOTIFY_SUCCESS, Envelope, Recipient, Submit, Submitted
from pyfix.mail.queue import Disk, Queue

BODY = b"Received: r\nFrom: a@x.y\n\nbody\n"
CALLS = ("pread", "pwrite", "pwritev", "ftruncate", "rename", "fchmod", "fsync")


class Failing(Disk):
    """Fails at one of the calls that touch the file."""

    def __init__(self, problem: int, at: int) -> None:
        self._problem = problem
        self._at = at
        self.count = 0
        for name in CALLS:
            setattr(self, name, self._wrap(getattr(Disk, name)))

    def _wrap(self, call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object) -> object:
            self.count += 1
            if self.count == self._at:
                raise OSError(self._problem, os.strerror(self._problem))
            return call(*args)

        return wrapped


@dataclass
class FakeWorker:
    """As much of a worker as cleanup looks at."""

    config: Config
    log: Log
    is_retiring: bool = False


def make_daemon(root: Path, main_cf: str = "") -> CleanupDaemon:
    config = Config.from_text(
        f"myhostname = mail.example.test\nmydomain = example.test\nalias_maps =\nmydestination =\n{main_cf}"
    )
    worker = FakeWorker(config, MemoryLog())
    daemon = CleanupDaemon(worker, config.read(CleanupParameters))  # type: ignore[arg-type]  # a fake of the few attributes
    daemon.before_jail()
    daemon.after_jail()
    for name in ("incoming", "hold"):
        (root / name).mkdir(parents=True, exist_ok=True)
    return daemon


class FailingAt(Disk):
    """The disk is full at the sync number `at`."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.synced: list[int] = []
        self.written = 0

    def write_all(self, fd: int, buffers: Sequence[bytes], offset: int) -> None:
        self.written += 1
        super().write_all(fd, buffers, offset)

    def fsync(self, fd: int) -> None:  # type: ignore[override]  # a method in place of the kernel's function
        self.synced.append(self.written)
        if len(self.synced) == self.at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_messages_that_come_together_are_written_before_the_first_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its own answer: what fails for one of them is no matter of the others."""
    monkeypatch.chdir(tmp_path)
    daemon = make_daemon(tmp_path)
    files = [Queue(str(tmp_path)).create() for _ in range(3)]
    for file in files:
        file.close()
    disk = FailingAt(2)
    daemon.queue = Queue(str(tmp_path), disk=disk)
    requests = [Submit(file.id, Envelope("a@x.y", 1.0, 0), [Recipient("b@x.y")], BODY, CLEANUP_MAP) for file in files]
    bad = Submit("../../etc/x", Envelope("a@x.y", 1.0, 0), [Recipient("b@x.y")], BODY, CLEANUP_MAP)
    replies = list(daemon.handle_all([*requests, bad], None))  # type: ignore[arg-type]  # the peer is not looked at
    assert [reply.code for reply in replies if isinstance(reply, Submitted)] == [250, 452, 250, 451]
    assert disk.synced == [3, 3, 3]
    left = sorted(path.name for path in (tmp_path / "incoming").iterdir())
    assert left == sorted([files[0].id, files[2].id])


def submit(daemon: CleanupDaemon, root: Path, disk: Disk, spooled: bool, notify: int = 0) -> Submitted:
    file = Queue(str(root)).create()
    if spooled:
        file.spool(BODY)
    file.close()
    daemon.queue = Queue(str(root), disk=disk)
    rcpts = [Recipient("b@x.y", notify=notify)]
    request = Submit(file.id, Envelope("a@x.y", 1.0, 0), rcpts, None if spooled else BODY, CLEANUP_MAP)
    (reply,) = daemon.handle_all([request], None)  # type: ignore[arg-type]  # the peer is not looked at
    assert isinstance(reply, Submitted)
    return reply


@pytest.mark.parametrize("spooled", [False, True])
@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (errno.ENOSPC, (452, "4.3.1", "Insufficient system storage")),
        (errno.EDQUOT, (452, "4.3.1", "Insufficient system storage")),
        (errno.EIO, (451, "4.3.0", "Error: queue file write error")),
    ],
)
def test_every_failure_has_its_reply_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spooled: bool, problem: int, expected: tuple[int, str, str]
) -> None:
    """The client keeps its message and tries again; the disk is as it was."""
    monkeypatch.chdir(tmp_path)
    daemon = make_daemon(tmp_path)
    counting = Failing(0, -1)
    assert submit(daemon, tmp_path, counting, spooled).code == 250
    assert counting.count >= 3
    for entry in Queue(str(tmp_path)).scan("incoming"):
        Queue(str(tmp_path)).remove("incoming", entry.id)
    for at in range(1, counting.count + 1):
        reply = submit(daemon, tmp_path, Failing(problem, at), spooled)
        assert (reply.code, reply.status, reply.reason) == expected
        assert os.listdir(tmp_path / "incoming") == []
    log = daemon.log
    assert isinstance(log, MemoryLog)
    assert any(line.endswith(f": write queue file: {os.strerror(problem)}") for line in log.lines)


class FakeTrace:
    """The trace log, as a list of calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def record(self, queue_id: str, recipients: list[Recipient]) -> None:
        self.calls.append(("record", queue_id))

    def drop(self, queue_id: str) -> None:
        self.calls.append(("drop", queue_id))


def test_a_message_that_was_not_written_leaves_no_trace_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of an expansion is written first; its queue id will be another message's."""
    monkeypatch.chdir(tmp_path)
    daemon = make_daemon(tmp_path, "virtual_alias_maps = inline:{{b@x.y = c@x.y d@x.y}}\n")
    trace = daemon._maker._trace = FakeTrace()  # type: ignore[assignment]  # its service is another process
    counting = Failing(0, -1)
    submit(daemon, tmp_path, counting, False, NOTIFY_SUCCESS)
    assert [what for what, _ in trace.calls] == ["record"]
    trace.calls.clear()
    reply = submit(daemon, tmp_path, Failing(errno.EIO, counting.count), False, NOTIFY_SUCCESS)
    assert trace.calls == [("record", reply.queue_id), ("drop", reply.queue_id)]

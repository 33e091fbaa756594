"""A process that is killed, and a disk that is full, at every system call that makes a message."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.queue import CorruptFile, Disk, Queue
from pyfix.mail.queue.format import GAP

CALLS = ("open", "fstat", "link", "rename", "pwrite", "pwritev", "ftruncate", "copy_file_range", "fchmod", "fsync")
HEAD = b"Received: x\n"
BODY = b"\nbody\n" * 20_000


class Faulty(Disk):
    """Counts the calls that change something, and strikes at one of them, before or after it is carried out."""

    def __init__(self, strike: Callable[[], None], at: int, after: bool) -> None:
        self._strike = strike
        self._at = at
        self._after = after
        self.count = 0
        for name in CALLS:
            setattr(self, name, self._wrap(getattr(Disk, name)))

    def _wrap(self, call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **kwargs: object) -> object:
            self.count += 1
            mine = self.count
            if mine == self._at and not self._after:
                self._strike()
            result = call(*args, **kwargs)
            if mine == self._at and self._after:
                self._strike()
            return result

        return wrapped


def make_small(queue: Queue) -> None:
    """As cleanup does with a small message."""
    file = queue.create()
    try:
        file.commit(Envelope("a@b", 1.0, 0), [Recipient("c@d")], content=[HEAD, BODY])
    except OSError:
        file.abort()
        raise


def make_spooled(queue: Queue, head: bytes = HEAD, to: str = "incoming") -> None:
    """As smtpd and cleanup do with a large one."""
    file = queue.create()
    try:
        file.spool(b"Old\n" + BODY[:9])
        file.spool(BODY[9:])
        file.commit(Envelope("a@b", 1.0, 0), [Recipient("c@d")], content=None, head=head, replaced=4, queue=to)
    except OSError:
        file.abort()
        raise


def make_moved(queue: Queue) -> None:
    """A header block that outgrows the gap: the body is copied."""
    make_spooled(queue, b"H" * (GAP + 1))


def make_held(queue: Queue) -> None:
    """A message on hold."""
    make_spooled(queue, to="hold")


MAKERS = (make_small, make_spooled, make_moved, make_held)


def count_calls(make: Callable[[Queue], None], root: Path) -> int:
    disk = Faulty(lambda: None, -1, False)
    make(new_queue(root, disk))
    return disk.count


def new_queue(root: Path, disk: Disk) -> Queue:
    for name in ("incoming", "hold"):
        (root / name).mkdir(parents=True, exist_ok=True)
    return Queue(str(root), disk=disk)


def run_killed(make: Callable[[Queue], None], root: Path, at: int, after: bool) -> None:
    """Make a message in a child that is killed at one call."""
    (root / "incoming").mkdir(parents=True)
    pid = os.fork()
    if pid == 0:
        try:
            make(new_queue(root, Faulty(lambda: os.kill(os.getpid(), signal.SIGKILL), at, after)))
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def is_whole(queue: Queue, name: str, queue_id: str) -> bool:
    """True for a message whose every part is there, False for one that does not claim to be complete."""
    with queue.open(name, queue_id) as message:
        content = b"".join(message.iter_content())
        assert content.endswith(BODY)
        assert content[: -len(BODY)] in (HEAD, b"H" * (GAP + 1))
        assert [recipient.address for recipient in message.read_recipients()[0]] == ["c@d"]
    return True


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("make", MAKERS)
def test_a_killed_process_leaves_a_whole_message_or_debris(
    make: Callable[[Queue], None], after: bool, tmp_path: Path
) -> None:
    """Whatever call it dies in, the next start finds a message that is whole, or a file that says it is not."""
    calls = count_calls(make, tmp_path / "count")
    assert calls >= 5
    for at in range(1, calls + 1):
        root = tmp_path / str(at)
        run_killed(make, root, at, after)
        queue = new_queue(root, Disk())
        found = [(name, entry) for name in ("incoming", "hold") for entry in queue.scan(name)]
        for name, entry in found:
            assert not entry.complete or is_whole(queue, name, entry.id)
        for name in ("incoming", "hold"):
            queue.remove_debris(name, 1e12)
        left = [entry.id for name in ("incoming", "hold") for entry in queue.scan(name)]
        assert left == [entry.id for _, entry in found if entry.complete]
        assert len(os.listdir(root / "incoming")) + len(os.listdir(root / "hold")) == len(left)


@pytest.mark.parametrize("problem", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("make", MAKERS)
def test_a_failing_disk_is_reported_and_nothing_is_left(
    make: Callable[[Queue], None], problem: int, tmp_path: Path
) -> None:
    """The caller learns of it in every case, and no half message stays."""

    def fail() -> None:
        raise OSError(problem, os.strerror(problem))

    for at in range(1, count_calls(make, tmp_path / "count") + 1):
        root = tmp_path / str(at)
        with pytest.raises(OSError, match=os.strerror(problem)):
            make(new_queue(root, Faulty(fail, at, False)))
        assert os.listdir(root / "incoming") == []
        assert os.listdir(root / "hold") == []


def test_a_disk_that_fills_up_in_mid_write_is_noticed(tmp_path: Path) -> None:
    """The kernel writes what fits and complains only at the next call."""

    class Full(Disk):
        @staticmethod
        def pwritev(fd: int, buffers: list[bytes], offset: int) -> int:
            return os.pwritev(fd, [b"".join(buffers)[:100]], offset)

        @staticmethod
        def pwrite(fd: int, data: bytes, offset: int) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space"):
        make_small(new_queue(tmp_path, Full()))
    assert os.listdir(tmp_path / "incoming") == []


def test_a_write_that_comes_back_short_goes_on(tmp_path: Path) -> None:
    """A short count alone is no error."""

    class Slow(Disk):
        @staticmethod
        def pwritev(fd: int, buffers: list[bytes], offset: int) -> int:
            return os.pwritev(fd, [b"".join(buffers)[:1000]], offset)

        @staticmethod
        def pwrite(fd: int, data: bytes, offset: int) -> int:
            return os.pwrite(fd, data[:50_000], offset)

    queue = new_queue(tmp_path, Slow())
    make_small(queue)
    (entry,) = queue.scan("incoming")
    assert is_whole(queue, "incoming", entry.id)


def test_a_file_marked_complete_whose_blocks_never_came_is_corrupt(tmp_path: Path) -> None:
    """After a power failure the mode may be on disk before the data is."""
    queue = new_queue(tmp_path, Disk())
    make_small(queue)
    (entry,) = queue.scan("incoming")
    path = queue.path("incoming", entry.id)
    size = os.stat(path).st_size
    for length in (0, 5, 200, size - 1):
        with open(path, "r+b") as file:
            file.truncate(length)
            file.truncate(size)
        with pytest.raises(CorruptFile):
            queue.open("incoming", entry.id)

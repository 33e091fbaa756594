"""Queue files in the hands of delivery agents."""

import os
from pathlib import Path

import pytest

from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.queue import CorruptFile, Queue
from pyfix.mail.queue.held import HeldFile

CONTENT = b"A: b\n\nbody\n"


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    for name in ("incoming", "active", "spare"):
        (tmp_path / name).mkdir()
    return Queue(str(tmp_path))


def enqueue(queue: Queue, count: int) -> tuple[str, int]:
    """Put a message into incoming; return its id and where its content ends."""
    file = queue.create()
    rcpts = [Recipient(f"u{number}@example.org") for number in range(count)]
    info = file.commit(Envelope("a@example.org", 1000.0, 0), rcpts, content=[CONTENT])
    return file.id, info.content_offset + info.content_length


def to_do(queue: Queue, queue_id: str) -> list[int]:
    with queue.open("incoming", queue_id) as file:
        return [recipient.position for recipient in file.read_recipients()[0]]


def test_a_mark_is_found_by_whoever_reads_the_file_later(queue: Queue) -> None:
    """The place of a mark follows from what the request says."""
    queue_id, end = enqueue(queue, 1500)
    held = queue.hold("incoming", queue_id, end, 1500)
    held.mark_done(0)
    held.mark_done(1499)
    held.sync()
    held.close()
    assert to_do(queue, queue_id) == list(range(1, 1499))


@pytest.mark.parametrize("position", [-1, 2])
def test_a_mark_never_falls_outside_the_list(queue: Queue, position: int) -> None:
    """A wrong request damages no file."""
    queue_id, end = enqueue(queue, 2)
    held = queue.hold("incoming", queue_id, end, 2)
    with pytest.raises(ValueError, match="no recipient at position"):
        held.mark_done(position)
    held.close()
    assert to_do(queue, queue_id) == [0, 1]


def test_a_file_that_is_held_is_not_reused(queue: Queue, tmp_path: Path) -> None:
    """An agent that outlived its qmgr writes into no other message."""
    queue_id, end = enqueue(queue, 1)
    held = queue.hold("incoming", queue_id, end, 1)
    queue.recycle("incoming", queue_id)
    assert os.listdir(tmp_path / "spare") == []
    held.close()


def test_what_is_no_complete_file_of_that_size_is_corrupt(queue: Queue, tmp_path: Path) -> None:
    """An incomplete file, a cut one, and what is no file."""
    new = queue.create()
    with pytest.raises(CorruptFile, match="not a complete file"):
        queue.hold("incoming", new.id, 0, 0)
    new.abort()
    queue_id, end = enqueue(queue, 2)
    path = tmp_path / "incoming" / queue_id
    os.truncate(path, end + 1)
    with pytest.raises(CorruptFile, match="ends before its recipients"):
        queue.hold("incoming", queue_id, end, 2)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        queue.hold("incoming", queue_id, end, 2)
    path.mkdir()
    with pytest.raises(CorruptFile, match="not a regular file"):
        queue.hold("incoming", queue_id, end, 2)


def test_closing_twice_does_nothing(queue: Queue) -> None:
    """Job.finish closes, and so does the end of its block."""
    queue_id, end = enqueue(queue, 1)
    held: HeldFile = queue.hold("incoming", queue_id, end, 1)
    held.close()
    held.close()
    assert held.fd == -1

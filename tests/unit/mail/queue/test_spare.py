"""Files that serve one message after another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.queue import Queue
from pyfix.mail.queue.disk import Disk


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("incoming", "active", "hold", "spare"):
        (tmp_path / name).mkdir()
    return tmp_path


def put(queue: Queue, text: bytes) -> str:
    """Queue a message and return its id."""
    file = queue.create()
    file.commit(Envelope("a@b", 1.0, 0), [Recipient("c@d")], content=[text])
    return file.id


def inode(path: Path) -> int:
    return path.stat().st_ino


def test_finished_file_serves_the_next_message(root: Path) -> None:
    """Same inode, another id, nothing of the old content."""
    queue = Queue(str(root))
    first = put(queue, b"secret of the first message\n" * 1000)
    number = inode(root / "incoming" / first)
    queue.recycle("incoming", first)
    assert [entry.stat().st_size for entry in os.scandir(root / "spare")] == [0]
    second = put(Queue(str(root)), b"short\n")
    assert second != first
    assert inode(root / "incoming" / second) == number
    assert b"secret" not in (root / "incoming" / second).read_bytes()
    with queue.open("incoming", second) as file:
        assert file.content_length == 6


def test_file_that_somebody_reads_is_never_reused(root: Path) -> None:
    """The slow reader keeps seeing its own message."""
    queue = Queue(str(root))
    first = put(queue, b"mine\n")
    with queue.open("incoming", first) as reader:
        queue.recycle("incoming", first)
        assert os.listdir(root / "spare") == []
        put(queue, b"other\n")
        assert os.pread(reader.fd, 5, reader.content_offset) == b"mine\n"


def test_reader_that_opened_at_the_moment_of_reuse_finds_the_message_gone(root: Path) -> None:
    """Between its open and its lock the file became another message: it must not read that one."""
    queue = Queue(str(root))
    first = put(queue, b"mine\n")

    class LateDisk(Disk):
        @staticmethod
        def open(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            fd = os.open(path, flags, mode, dir_fd=dir_fd)
            queue.recycle("incoming", first)
            put(queue, b"other\n")
            return fd

    with pytest.raises(FileNotFoundError):
        Queue(str(root), disk=LateDisk()).open("incoming", first)


def test_two_processes_never_share_a_spare(root: Path) -> None:
    """Both know the same names; each message gets a file of its own."""
    queue = Queue(str(root))
    for name in [put(queue, b"x") for _ in range(5)]:
        queue.recycle("incoming", name)
    one, two = Queue(str(root)), Queue(str(root))
    files = [item.create() for _ in range(5) for item in (one, two)]
    assert len({os.fstat(file.fd).st_ino for file in files}) == 10
    for file in files:
        file.abort()


@pytest.mark.parametrize("intruder", ["content", "link", "mode", "directory"])
def test_what_is_no_spare_file_is_not_used(root: Path, intruder: str) -> None:
    """A file with content, of another mode, or none at all is left alone."""
    path = root / "spare" / "ABCDE12345"
    match intruder:
        case "content":
            path.write_bytes(b"x")
        case "link":
            (root / "elsewhere").touch()
            path.symlink_to(root / "elsewhere")
        case "mode":
            path.touch(0o644)
        case "directory":
            path.mkdir()
    file = Queue(str(root)).create()
    assert os.path.lexists(path)
    file.abort()


def test_without_the_folder_files_are_made_and_deleted(root: Path) -> None:
    """An older queue directory works."""
    (root / "spare").rmdir()
    queue = Queue(str(root))
    name = put(queue, b"x")
    queue.recycle("incoming", name)
    assert os.listdir(root / "incoming") == []
    put(queue, b"y")


def test_missing_message_is_reported_by_recycle_as_by_remove(root: Path) -> None:
    """postsuper -d was faster."""
    queue = Queue(str(root))
    name = put(queue, b"x")
    queue.remove("incoming", name)
    with pytest.raises(FileNotFoundError):
        queue.recycle("incoming", name)

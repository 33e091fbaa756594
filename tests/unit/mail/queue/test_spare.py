"""Files that serve one message after another."""

from __future__ import annotations

import errno
import os
import pwd
import sys
from pathlib import Path

import pytest

from pyfix.mail.ipc.messages import Envelope, LocalSubmit, Recipient
from pyfix.mail.queue import Queue
from pyfix.mail.queue.disk import Disk
from pyfix.mail.queue.maildrop import open_drop_file, write_drop_file


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


class ClosedDisk(Disk):
    """spare/ belongs to mail_owner, and this is somebody else."""

    @staticmethod
    def listdir(path: str) -> list[str]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def test_user_who_may_not_look_into_spare_makes_a_new_file(root: Path) -> None:
    """Its rights are 0700; others do without."""
    queue = Queue(str(root), disk=ClosedDisk())
    put(queue, b"x")
    assert len(os.listdir(root / "incoming")) == 1


def test_file_in_maildrop_is_made_by_who_submits(root: Path) -> None:
    """A spare file belongs to mail_owner, and pickup takes the owner for the sender."""
    (root / "maildrop").mkdir()
    queue = Queue(str(root))
    queue.recycle("incoming", put(queue, b"x"))
    spares = os.listdir(root / "spare")
    write_drop_file(Queue(str(root)), LocalSubmit("a@b", "", ["c@d"], extract=False), [b"text"])
    assert spares and os.listdir(root / "spare") == spares


def submit_as_nobody(directory: Path, group: int) -> int:
    """Leave a message in maildrop as a member of `group` does; return the exit status."""
    child = os.fork()
    if not child:
        try:
            os.chdir(directory)
            os.setgroups([group])
            os.setuid(pwd.getpwnam("nobody").pw_uid)
            write_drop_file(Queue(), LocalSubmit("a@b", "", ["c@d"], extract=False), [b"text"])
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.root
def test_member_of_setgid_group_submits_while_the_system_is_down(root: Path) -> None:
    """With the directories as the master makes them."""
    group = pwd.getpwnam("nobody").pw_gid + 1
    root.chmod(0o755)
    (root / "spare").chmod(0o700)
    (root / "maildrop").mkdir()
    os.chown(root / "maildrop", 0, group)
    (root / "maildrop").chmod(0o730)
    queue = Queue(str(root))
    queue.recycle("incoming", put(queue, b"x"))
    assert submit_as_nobody(root, group) == 0
    (name,) = os.listdir(root / "maildrop")
    file = open_drop_file(str(root / "maildrop" / name))
    file.close()
    assert file.uid == pwd.getpwnam("nobody").pw_uid

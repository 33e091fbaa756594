"""The queue directory and its files."""

import os
import stat
from pathlib import Path

import pytest

from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.queue import CorruptFile, Disk, NewFile, Queue, ids
from pyfix.mail.queue.format import GAP, PREAMBLE_SIZE


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """An empty queue."""
    for name in ("incoming", "active", "deferred", "hold", "corrupt", "defer"):
        (tmp_path / name).mkdir()
    return Queue(str(tmp_path))


def envelope(sender: str = "a@example.org") -> Envelope:
    return Envelope(sender, 1000.0, 0)


def rcpts(count: int) -> list[Recipient]:
    return [Recipient(f"u{number}@example.org") for number in range(count)]


def commit(queue: Queue, count: int = 1, content: bytes = b"A: b\n\nbody\n") -> str:
    file = queue.create()
    file.commit(envelope(), rcpts(count), content=[content])
    return file.id


class Unnamed(Disk):
    """A disk without O_TMPFILE, or a jail without /proc."""

    @staticmethod
    def link(*args: object, **kwargs: object) -> None:
        raise FileNotFoundError(2, "no /proc here")


# --- making


def test_a_new_file_is_incomplete_and_bears_its_final_name(queue: Queue, tmp_path: Path) -> None:
    """The name holds the inode, and nobody but the owner may read."""
    file = queue.create()
    status = os.stat(tmp_path / "incoming" / file.id)
    parts = ids.decode(file.id)
    assert parts is not None
    assert parts.inode == status.st_ino
    assert stat.S_IMODE(status.st_mode) == 0o600
    file.abort()
    assert os.listdir(tmp_path / "incoming") == []


def test_where_a_file_cannot_be_linked_it_is_renamed(queue: Queue, tmp_path: Path) -> None:
    """In a chroot jail there is no /proc; the result is the same and leaves no temporary name."""
    jailed = Queue(str(tmp_path), disk=Unnamed())
    file = jailed.create()
    assert os.listdir(tmp_path / "incoming") == [file.id]
    parts = ids.decode(file.id)
    assert parts is not None
    assert parts.inode == os.fstat(file.fd).st_ino
    file.abort()


def test_a_queue_may_give_long_ids(tmp_path: Path) -> None:
    """enable_long_queue_ids."""
    (tmp_path / "incoming").mkdir()
    file = Queue(str(tmp_path), long_ids=True).create()
    parts = ids.decode(file.id)
    assert parts is not None
    assert parts.seconds is not None
    file.abort()


def test_a_committed_file_is_read_back(queue: Queue, tmp_path: Path) -> None:
    """Content, envelope and recipients are what was given; size and count are filled in."""
    file = queue.create()
    info = file.commit(envelope(), rcpts(3), content=[b"A: b\n", b"\nbody\n"])
    assert info.content_offset == PREAMBLE_SIZE
    with queue.open("incoming", file.id) as message:
        assert b"".join(message.iter_content(4)) == b"A: b\n\nbody\n"
        assert message.envelope.size == info.content_length == 11
        assert message.envelope.recipient_count == 3
        assert message.read_recipients() == (
            [Recipient(f"u{n}@example.org", position=n) for n in range(3)],
            None,
        )
    assert os.stat(tmp_path / "incoming" / file.id).st_mode & stat.S_IXUSR


def test_commit_to_hold_leaves_nothing_in_incoming(queue: Queue, tmp_path: Path) -> None:
    """A held message never shows complete in incoming."""
    file = queue.create()
    file.commit(envelope(), rcpts(1), content=[b"\n"], queue="hold")
    assert os.listdir(tmp_path / "incoming") == []
    queue.open("hold", file.id).close()


def test_a_content_of_many_pieces_is_written_whole(queue: Queue) -> None:
    """More buffers than one writev takes."""
    file = queue.create()
    file.commit(envelope(), rcpts(1), content=[b"%d\n" % n for n in range(5000)])
    with queue.open("incoming", file.id) as message:
        assert b"".join(message.iter_content()) == b"".join(b"%d\n" % n for n in range(5000))


@pytest.mark.parametrize("head", [b"", b"H: short\n", b"H: " + b"x" * 1000, b"H" * (GAP + 5000)])
def test_the_head_of_a_spooled_content_is_replaced(queue: Queue, head: bytes) -> None:
    """Whether the new head fits into the gap or not, the content is head and body."""
    file = queue.create()
    file.spool(b"Old: head\n")
    file.spool(b"\n" + b"body " * 50_000)
    file.close()
    file = queue.adopt(file.id)
    assert file.spooled == 250_011
    assert file.read_head(4) == b"Old:"
    file.commit(envelope(), rcpts(2), content=None, head=head, replaced=10)
    with queue.open("incoming", file.id) as message:
        assert b"".join(message.iter_content()) == head + b"\n" + b"body " * 50_000
        assert len(message.read_recipients()[0]) == 2


def test_a_body_is_not_copied_when_the_head_grows(queue: Queue) -> None:
    """The gap takes the growth: the body keeps its place in the file."""
    file = queue.create()
    file.spool(b"H: 1\n\nbody")
    info = file.commit(envelope(), rcpts(1), content=None, head=b"H: longer\n", replaced=5)
    assert info.content_offset == GAP + 5 - 10


def test_only_an_incomplete_file_can_be_adopted(queue: Queue, tmp_path: Path) -> None:
    """A message that is complete is nobody's to write again."""
    queue_id = commit(queue)
    with pytest.raises(CorruptFile):
        queue.adopt(queue_id)
    os.symlink("/etc/passwd", tmp_path / "incoming" / "123456ABC")
    with pytest.raises(CorruptFile):
        queue.adopt("123456ABC")
    with pytest.raises(FileNotFoundError):
        queue.adopt("123456ABD")


def test_overwriting_stays_within_what_was_spooled(queue: Queue) -> None:
    """Replacing stray bytes must not grow the content."""
    file = queue.create()
    file.spool(b"abc")
    file.overwrite(1, b"X")
    assert file.read_spooled(0, 10) == b"aXc"
    with pytest.raises(ValueError, match="beyond"):
        file.overwrite(2, b"yz")
    file.abort()


def test_abort_of_a_file_that_is_gone_is_no_error(queue: Queue) -> None:
    """Whoever aborts second finds nothing to do."""
    file = queue.create()
    queue.remove("incoming", file.id)
    file.abort()


# --- using


def test_recipients_are_read_piece_by_piece(queue: Queue) -> None:
    """A large list comes in pieces that the caller bounds, without gaps or repeats."""
    queue_id = commit(queue, 2500)
    with queue.open("incoming", queue_id) as message:
        positions: list[int] = []
        start: int | None = 0
        while start is not None:
            found, start = message.read_recipients(start, 700)
            assert len(found) <= 700
            positions += [recipient.position for recipient in found]
    assert positions == list(range(2500))


def test_a_piece_that_ends_with_a_block_says_where_to_go_on(queue: Queue) -> None:
    """The limit may be reached exactly at the end of a block."""
    queue_id = commit(queue, 1001)
    with queue.open("incoming", queue_id) as message:
        found, start = message.read_recipients(0, 1000)
        assert (len(found), start) == (1000, 1000)
        assert message.read_recipients(1000)[1] is None


def test_recipients_that_are_done_are_not_read_again(queue: Queue) -> None:
    """A mark is in the file, whoever opens it next."""
    queue_id = commit(queue, 3)
    with queue.open("incoming", queue_id, writable=True) as message:
        message.mark_done(1)
        message.sync()
    with queue.open("incoming", queue_id) as message:
        assert [recipient.position for recipient in message.read_recipients()[0]] == [0, 2]
        assert [is_done for _, is_done in message.read_all_recipients()] == [False, True, False]


def test_marking_outside_the_list_is_refused(queue: Queue) -> None:
    """A wrong position must not write into the envelope."""
    queue_id = commit(queue, 2)
    with queue.open("incoming", queue_id, writable=True) as message:
        for position in (-1, 2):
            with pytest.raises(ValueError, match="no recipient"):
                message.mark_done(position)


def test_a_delay_warning_is_remembered(queue: Queue) -> None:
    """The one part of the envelope that changes does so in place."""
    queue_id = commit(queue)
    with queue.open("incoming", queue_id, writable=True) as message:
        message.update_envelope(delay_warned=True)
    with queue.open("incoming", queue_id) as message:
        assert message.envelope.delay_warned


def test_content_is_read_by_range_and_never_beyond(queue: Queue) -> None:
    """A reader can't run into the envelope."""
    queue_id = commit(queue, content=b"0123456789")
    with queue.open("incoming", queue_id) as message:
        assert message.read_content(3, 4) == b"3456"
        assert message.read_content(8, 100) == b"89"
        assert message.read_content(10, 1) == b""
        assert message.read_content(11, 1) == b""


def test_an_incomplete_file_is_not_opened(queue: Queue) -> None:
    """Debris is recognised by its mode."""
    file = queue.create()
    with pytest.raises(CorruptFile, match="incomplete"):
        queue.open("incoming", file.id)
    file.abort()


def test_files_that_are_no_regular_files_are_corrupt(queue: Queue, tmp_path: Path) -> None:
    """Links, folders and pipes of somebody's making do no harm."""
    os.symlink("/etc/passwd", tmp_path / "active" / "1234561")
    (tmp_path / "active" / "1234562").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "active" / "1234563", 0o700)
    for queue_id in ("1234561", "1234562", "1234563"):
        with pytest.raises(CorruptFile):
            queue.open("active", queue_id)


# --- moving and finding


def test_deferred_files_lie_in_hash_directories(queue: Queue, tmp_path: Path) -> None:
    """The subdirectory is made when it is needed; the time of the next attempt is the file's."""
    queue_id = commit(queue)
    queue.move(queue_id, "incoming", "deferred", 12345.0)
    path = tmp_path / "deferred" / queue_id[0] / queue_id
    assert path.stat().st_mtime == 12345.0
    assert [entry.id for entry in queue.scan("deferred")] == [queue_id]
    queue.move(queue_id, "deferred", "active")
    assert list(queue.scan("deferred")) == []


def test_hash_depth_makes_more_levels(tmp_path: Path) -> None:
    """hash_queue_depth."""
    (tmp_path / "incoming").mkdir()
    queue = Queue(str(tmp_path), hash_names=("deferred",), hash_depth=2)
    queue_id = commit(queue)
    queue.move(queue_id, "incoming", "deferred")
    assert (tmp_path / "deferred" / queue_id[0] / queue_id[1] / queue_id).exists()
    assert [entry.id for entry in queue.scan("deferred")] == [queue_id]


HASHED = ("incoming", "active", "deferred", "hold", "maildrop")


@pytest.mark.parametrize("disk", [Disk(), Unnamed()])
def test_every_queue_may_have_hash_directories(queue: Queue, tmp_path: Path, disk: Disk) -> None:
    """hash_queue_names = incoming, active and so on, as old main.cf files have it."""
    queue = Queue(str(tmp_path), hash_names=HASHED, disk=disk)
    queue_id = commit(queue)
    assert (tmp_path / "incoming" / queue_id[0] / queue_id).exists()
    queue.move(queue_id, "incoming", "active")
    assert [entry.id for entry in queue.scan("active")] == [queue_id]
    held = queue.create()
    held.commit(envelope(), rcpts(1), content=[b"A: b\n\n"], queue="hold")
    assert (tmp_path / "hold" / held.id[0] / held.id).exists()


def test_a_spare_file_finds_its_hash_directory(tmp_path: Path) -> None:
    """It is renamed, where a new file is linked."""
    for name in ("incoming", "active", "spare"):
        (tmp_path / name).mkdir()
    queue = Queue(str(tmp_path), hash_names=HASHED)
    queue_id = commit(queue)
    queue.move(queue_id, "incoming", "active")
    queue.recycle("active", queue_id)
    (tmp_path / "incoming" / queue_id[0]).rmdir()
    file = Queue(str(tmp_path), hash_names=HASHED).create()  # one that has not looked for spares a moment ago
    assert (tmp_path / "incoming" / file.id[0] / file.id).exists()
    assert os.listdir(tmp_path / "spare") == []
    file.abort()


def test_debris_in_hash_directories_goes_too(tmp_path: Path) -> None:
    """What smtpd left when it was killed."""
    (tmp_path / "incoming").mkdir()
    queue = Queue(str(tmp_path), hash_names=HASHED)
    file = queue.create()
    file.close()
    assert queue.remove_debris("incoming", 1e12) == [file.id]
    assert list(queue.scan("incoming")) == []


def test_maildrop_has_no_hash_directories(tmp_path: Path) -> None:
    """Users make its files; pickup could not enter a directory that one of them has made."""
    (tmp_path / "maildrop").mkdir()
    queue = Queue(str(tmp_path), hash_names=HASHED)
    file = queue.create("maildrop")
    file.complete_drop(0o700)
    assert os.listdir(tmp_path / "maildrop") == [file.id]
    assert [entry.id for entry in queue.scan("maildrop")] == [file.id]


def test_a_scan_tells_complete_from_incomplete_and_skips_strange_names(queue: Queue, tmp_path: Path) -> None:
    """What has no queue id for a name is none of ours."""
    complete = commit(queue)
    incomplete = queue.create()
    (tmp_path / "incoming" / "README").write_text("x")
    (tmp_path / "incoming" / "ABCDEF12").mkdir()
    assert {entry.id: entry.complete for entry in queue.scan("incoming")} == {complete: True, incomplete.id: False}
    incomplete.abort()


def test_a_scan_survives_files_that_vanish(queue: Queue) -> None:
    """A message that is delivered while the scan runs is no error."""
    for _ in range(3):
        commit(queue)
    names = []
    for entry in queue.scan("incoming"):
        names.append(entry.id)
        for other in list(queue.scan("incoming")):
            if other.id != entry.id:
                queue.remove("incoming", other.id)
    assert names


def test_a_corrupt_file_goes_into_quarantine(queue: Queue, tmp_path: Path) -> None:
    """It is kept for a person, and the log has the words of Postfix."""
    queue_id = commit(queue)
    text = queue.quarantine("incoming", queue_id)
    assert text == f'saving corrupt file "{queue_id}" from queue "incoming" to queue "corrupt"'
    assert os.listdir(tmp_path / "corrupt") == [queue_id]


def test_debris_goes_when_it_is_old(queue: Queue, tmp_path: Path) -> None:
    """Complete files stay whatever their age, incomplete ones get their time."""
    kept = commit(queue)
    old, young = queue.create(), queue.create()
    (tmp_path / "incoming" / ".new.1.2").touch(0o600)
    for name in (kept, old.id, ".new.1.2"):
        os.utime(tmp_path / "incoming" / name, (5.0, 5.0))
    assert sorted(queue.remove_debris("incoming", 10.0)) == sorted([old.id, ".new.1.2"])
    assert sorted(os.listdir(tmp_path / "incoming")) == sorted([kept, young.id])
    old.close()
    young.abort()


def test_a_bad_id_never_becomes_a_path(queue: Queue) -> None:
    """An id comes from other processes and from the command line."""
    for queue_id in ("../active/ABCDEF", "", "ABC/DEF1"):
        with pytest.raises(ValueError, match="bad queue id"):
            queue.path("incoming", queue_id)


def test_a_message_is_found_whichever_queue_it_is_in(queue: Queue) -> None:
    """postcat -q and postsuper look it up."""
    queue_id = commit(queue)
    queue.move(queue_id, "incoming", "deferred")
    assert queue.find(queue_id) == "deferred"
    assert queue.find("123456789") is None


def test_free_space_is_that_of_the_file_system(queue: Queue) -> None:
    """queue_minfree is compared with it."""
    assert queue.free_space() > 0


def test_ids_of_files_made_in_the_same_microsecond_differ(queue: Queue) -> None:
    """The inode makes them unique."""
    files: list[NewFile] = [queue.create() for _ in range(50)]
    assert len({file.id for file in files}) == 50
    for file in files:
        file.abort()

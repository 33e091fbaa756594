"""postsuper, postcat and mailq on a queue without a running mail system."""

import os
import re
from pathlib import Path

import pytest

from pyfix.commands import mailq, postcat, postqueue, postsuper
from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.queue import QUEUE_NAMES, Queue

Output = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The directory of a main.cf, and its queue."""
    for name in (*QUEUE_NAMES, "bounce", "defer", "trace", "public", "etc"):
        (tmp_path / name).mkdir()
    main_cf = f"queue_directory = {tmp_path}\nmaillog_file = {tmp_path}/log\nmaillog_file_prefixes = {tmp_path}\n"
    (tmp_path / "etc" / "main.cf").write_text(f"{main_cf}myhostname = mail.example.test\n")
    monkeypatch.chdir(tmp_path)
    return str(tmp_path / "etc")


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(str(tmp_path))


def enqueue(queue: Queue, name: str = "deferred") -> str:
    file = queue.create()
    rcpts = [Recipient("a@x.y", "b@x.y"), Recipient("c@x.y")]
    file.commit(Envelope("s@x.y", 1000.0, 0), rcpts, content=[b"Subject: s\n\n", b"body\n"])
    if name != "incoming":
        queue.move(file.id, "incoming", name)
    return file.id


def run(config: str, *arguments: str) -> None:
    postsuper.main(["-c", config, *arguments])


def test_a_message_is_deleted_with_its_logs(config: str, queue: Queue, tmp_path: Path, capsys: Output) -> None:
    """And said so, in Postfix's words."""
    queue_id = enqueue(queue)
    log = tmp_path / "defer" / queue_id[0] / queue_id
    log.parent.mkdir()
    log.write_text("x")
    run(config, "-d", queue_id)
    assert queue.find(queue_id) is None
    assert not log.exists()
    assert capsys.readouterr().err == f"postsuper: {queue_id}: removed\npostsuper: Deleted: 1 message\n"


def test_an_id_that_is_not_there_is_no_error(config: str, queue: Queue, capsys: Output) -> None:
    """It may have been delivered a moment ago; what is no id is warned of."""
    run(config, "-d", "123456ABC", "-d", "../x")
    assert (
        capsys.readouterr().err == "postsuper: warning: invalid mail queue id: ../x\npostsuper: Deleted: 0 messages\n"
    )


def test_messages_go_on_hold_and_come_back(config: str, queue: Queue, capsys: Output) -> None:
    """ALL is one line."""
    ids = [enqueue(queue), enqueue(queue, "incoming")]
    run(config, "-h", "ALL")
    assert [queue.find(queue_id) for queue_id in ids] == ["hold", "hold"]
    run(config, "-H", ids[0])
    assert queue.find(ids[0]) == "deferred"
    assert capsys.readouterr().err == (
        "postsuper: Placed on hold: 2 messages\n"
        f"postsuper: {ids[0]}: released from hold\n"
        "postsuper: Released from hold: 1 message\n"
    )


def test_a_requeued_message_waits_for_pickup(config: str, queue: Queue, capsys: Output) -> None:
    """In maildrop, as a queue file."""
    queue_id = enqueue(queue, "hold")
    run(config, "-r", "ALL")
    assert queue.find(queue_id) == "maildrop"
    assert capsys.readouterr().err == "postsuper: Requeued: 1 message\n"


def test_queues_can_be_named(config: str, queue: Queue) -> None:
    """Only those are touched."""
    deferred, held = enqueue(queue), enqueue(queue, "hold")
    run(config, "-d", "ALL", "hold")
    assert (queue.find(deferred), queue.find(held)) == ("deferred", None)


def test_ids_come_from_standard_input(config: str, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """mailq | awk ... | postsuper -d -"""
    import io

    ids = [enqueue(queue), enqueue(queue)]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(ids) + "\n"))
    run(config, "-d", "-")
    assert [queue.find(queue_id) for queue_id in ids] == [None, None]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-e", "ALL"], "-e is not built"),
        (["-f", "ALL"], "-f is not built"),
        (["-d", "ALL", "nowhere"], "invalid queue name: nowhere"),
        (["-x"], "usage: postsuper"),
    ],
)
def test_what_is_not_built_is_refused(config: str, arguments: list[str], problem: str, capsys: Output) -> None:
    """Exit status 1."""
    with pytest.raises(SystemExit) as caught:
        run(config, *arguments)
    assert caught.value.code == 1
    assert problem in capsys.readouterr().err


def test_old_temporary_files_are_purged(config: str, queue: Queue, tmp_path: Path) -> None:
    """Younger ones belong to somebody."""
    old, young = queue.create(), queue.create()
    os.utime(tmp_path / "incoming" / old.id, (5.0, 5.0))
    run(config, "-p")
    assert os.listdir(tmp_path / "incoming") == [young.id]
    old.close()
    young.abort()


def test_the_structure_is_repaired(config: str, queue: Queue, tmp_path: Path, capsys: Output) -> None:
    """A file in the wrong place moves; one whose name is not that of its inode gets a new name, and its log too."""
    queue_id = enqueue(queue)
    os.rename(queue.path("deferred", queue_id), tmp_path / "deferred" / queue_id)
    other = enqueue(queue)
    wrong = other[:5] + "ABCDEF"
    (tmp_path / "deferred" / wrong[0]).mkdir(exist_ok=True)
    os.rename(queue.path("deferred", other), queue.path("deferred", wrong))
    (tmp_path / "defer" / wrong[0]).mkdir()
    (tmp_path / "defer" / wrong[0] / wrong).write_text("x")
    run(config, "-s")
    assert queue.find(queue_id) == queue.find(other) == "deferred"
    assert (tmp_path / "defer" / other[0] / other).exists()
    assert "Renamed to match inode number: 1 message" in capsys.readouterr().err


def test_what_cannot_be_looked_at_is_no_obstacle(config: str, queue: Queue, tmp_path: Path, capsys: Output) -> None:
    """A file stands where a hash directory should be: the other directories are dealt with, and the log says so."""
    queue_id = enqueue(queue)
    digit = "0" if queue_id[0] != "0" else "1"
    (tmp_path / "deferred" / digit).touch()
    run(config, "-h", "ALL", "deferred")
    assert queue.find(queue_id) == "hold"
    assert f"warning: scan queue deferred: deferred/{digit}: Not a directory" in capsys.readouterr().err


# --- postcat


def test_postcat_shows_everything(config: str, queue: Queue, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Envelope, recipients done and not, content."""
    queue_id = enqueue(queue)
    with queue.open("deferred", queue_id, writable=True) as message:
        message.mark_done(1)
    postcat.main(["-c", config, "-q", queue_id])
    text = capsysbinary.readouterr().out.decode()
    path = f"deferred/{queue_id[0]}/{queue_id}"
    assert text.startswith(f"*** ENVELOPE RECORDS {path} ***\nmessage_size: ")
    assert "\nsender: s@x.y\noriginal_recipient: b@x.y\nrecipient: a@x.y\ndone_recipient: c@x.y\n" in text
    assert text.endswith(
        f"*** MESSAGE CONTENTS {path} ***\nSubject: s\n\nbody\n*** HEADER EXTRACTED {path} ***\n"
        f"*** MESSAGE FILE END {path} ***\n"
    )


@pytest.mark.parametrize(
    ("option", "expected"), [("-h", b"Subject: s\n"), ("-b", b"\nbody\n"), ("-bh", b"Subject: s\n\nbody\n")]
)
def test_postcat_shows_parts(
    config: str, queue: Queue, option: str, expected: bytes, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Without any headings, so that they can be piped on."""
    queue_id = enqueue(queue)
    postcat.main(["-c", config, option, queue.path("deferred", queue_id)])
    assert capsysbinary.readouterr().out == expected


@pytest.mark.parametrize(("name", "problem"), [("123456ABC", "No such file"), ("../x", "bad mail queue id")])
def test_postcat_says_what_is_not_there(config: str, name: str, problem: str, capsys: Output) -> None:
    """Exit status 1."""
    with pytest.raises(SystemExit) as caught:
        postcat.main(["-c", config, "-q", name])
    assert caught.value.code == 1
    assert problem in capsys.readouterr().err


def test_postcat_refuses_a_corrupt_file(config: str, tmp_path: Path, capsys: Output) -> None:
    """With the reason."""
    path = tmp_path / "junk"
    path.write_bytes(b"x" * 200)
    path.chmod(0o700)
    with pytest.raises(SystemExit):
        postcat.main(["-c", config, str(path)])
    assert capsys.readouterr().err == f"postcat: fatal: {path}: not a queue file\n"


# --- postqueue


@pytest.mark.parametrize("option", ["-C DIR", "-CDIR", "-c DIR", "-cDIR", ""])
def test_the_queue_is_listed_without_a_mail_system(
    config: str, queue: Queue, capsys: Output, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By those who may read it; an option or MAIL_CONFIG tells where the configuration is."""
    queue_id = enqueue(queue)
    if not option:
        monkeypatch.setenv("MAIL_CONFIG", config)
    mailq.main(option.replace("DIR", config).split())
    output = capsys.readouterr()
    assert re.search(rf"^{queue_id} +17 .* s@x.y$", output.out, re.MULTILINE)
    assert output.err == (
        "postqueue: warning: Mail system is down -- accessing queue directly "
        "(connect to public/showq: No such file or directory)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["-f"], os.EX_UNAVAILABLE, "Cannot flush mail queue - mail system is down"),
        (["-i", "ABCDEF1"], os.EX_UNAVAILABLE, "Cannot flush mail queue - mail system is down"),
        (["-i", "xyz"], os.EX_USAGE, 'Cannot flush queue ID - invalid name: "xyz"'),
        (["-s", "a.b"], os.EX_UNAVAILABLE, 'Flush service is not configured for destination "a.b"'),
        ([], os.EX_USAGE, postqueue.USAGE),
        (["-p", "-j"], os.EX_USAGE, postqueue.USAGE),
    ],
)
def test_requests_that_cannot_be_carried_out(
    config: str, arguments: list[str], code: int, problem: str, capsys: Output
) -> None:
    """Words and exit status are those of Postfix."""
    with pytest.raises(SystemExit) as caught:
        postqueue.main(["-c", config, *arguments])
    assert caught.value.code == code
    assert capsys.readouterr().err == f"postqueue: fatal: {problem}\n"

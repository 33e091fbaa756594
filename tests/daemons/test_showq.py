"""A real showq process."""

import os
import pwd
import socket
from pathlib import Path

import pytest
from harness import make_queue_directory, run_worker

from pyfix.daemons.showq.daemon import SERVICE
from pyfix.mail.ipc.messages import AnyMessage, Envelope, ListQueue, LocalSubmit, QueueEnd, QueueEntry, Recipient
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.queue import Queue
from pyfix.mail.queue.maildrop import write_drop_file


def test_the_queue_is_listed_in_the_order_of_postfix(tmp_path: Path) -> None:
    """maildrop, active, incoming, deferred, hold; what can't be read is left out, with a warning."""
    queue = Queue(str(make_queue_directory(tmp_path)))
    ids = {}
    for name in ("hold", "deferred", "active", "incoming"):
        file = queue.create()
        file.commit(Envelope("", 5.0, 0), [Recipient("a@x.y"), Recipient("b@x.y")], content=[b"12345"])
        queue.move(file.id, "incoming", name)
        ids[name] = file.id
    with queue.open("hold", ids["hold"], writable=True) as message:
        message.mark_done(0)
    (tmp_path / "active" / "ABCDEF1").write_bytes(b"junk")
    (tmp_path / "active" / "ABCDEF1").chmod(0o700)
    ids["maildrop"] = write_drop_file(queue, LocalSubmit("s@x.y", "", ["r@x.y"], extract=False), [b"x"])
    with run_worker(SERVICE, "", tmp_path, name="showq", public=True) as worker:
        peer = worker.connect()
        peer.send(ListQueue())
        entries: list[AnyMessage] = []
        while not isinstance(message := peer.receive(), QueueEnd):
            entries.append(message)
        assert worker.wait_for_line("ABCDEF1").startswith("warning: active/ABCDEF1: ")
    assert all(isinstance(entry, QueueEntry) for entry in entries)
    assert [(entry.queue_name, entry.queue_id) for entry in entries if isinstance(entry, QueueEntry)] == [
        (name, ids[name]) for name in ("maildrop", "active", "incoming", "deferred", "hold")
    ]
    assert entries[1] == QueueEntry("active", ids["active"], 5.0, 5, "MAILER-DAEMON", [("a@x.y", ""), ("b@x.y", "")])
    held = entries[4]
    assert isinstance(held, QueueEntry)
    assert held.recipients == [("b@x.y", "")]


@pytest.mark.root
@pytest.mark.parametrize(
    ("users", "answer"),
    [
        ("static:anyone", "QueueEnd"),
        ("root, nobody", "QueueEnd"),
        ("!nobody, static:all", "User nobody({uid}) is not allowed to view the mail queue"),
        ("", "User nobody({uid}) is not allowed to view the mail queue"),
        ("fail:now", "User nobody({uid}) is not allowed to view the mail queue"),
    ],
)
def test_only_authorized_users_see_the_queue(tmp_path: Path, users: str, answer: str) -> None:
    """authorized_mailq_users; the kernel says who asks."""
    nobody = pwd.getpwnam("nobody")
    root = make_queue_directory(tmp_path)
    reader, writer = os.pipe()
    with run_worker(SERVICE, f"authorized_mailq_users = {users}", root, name="showq", public=True) as worker:
        os.chmod(worker.path, 0o666)
        (root / "public").chmod(0o755)
        pid = os.fork()
        if pid == 0:
            os.chdir(root / "public")
            os.setuid(nobody.pw_uid)
            sock = socket.socket(socket.AF_UNIX)
            sock.connect("showq")
            peer = Peer(sock)
            peer.receive()
            peer.send(ListQueue())
            reply = peer.receive()
            os.write(writer, str(getattr(reply, "reason", type(reply).__name__)).encode())
            os._exit(0)
        os.close(writer)
        assert os.waitpid(pid, 0)[1] == 0
    assert os.read(reader, 1000).decode() == answer.format(uid=nobody.pw_uid)
    os.close(reader)

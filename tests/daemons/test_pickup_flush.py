"""postqueue -f for users who can't reach qmgr: through pickup."""

from __future__ import annotations

import errno
import os
import pwd
import select
import socket
from pathlib import Path

import pytest
from harness import make_queue_directory, run_worker

from pyfix.daemons.pickup import submission
from pyfix.daemons.pickup.daemon import SERVICE, PickupDaemon
from pyfix.mail.ipc.frame import encode
from pyfix.mail.ipc.messages import Done, Hello, Refused, Trigger
from pyfix.mail.ipc.peer import Peer, PeerGone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_queue_directory(tmp_path)


def listen(root: Path) -> socket.socket:
    """Stand in for qmgr."""
    server = socket.socket(socket.AF_UNIX)
    server.settimeout(20)
    server.bind(str(root / "public/qmgr"))
    server.listen()
    return server


def received(server: socket.socket) -> Trigger:
    """Return the request that qmgr got, which greets first and does not read on when that fails."""
    sock, _ = server.accept()
    sock.settimeout(20)
    peer = Peer(sock)
    peer.send(Hello("qmgr"))
    message = peer.receive()
    peer.close()
    assert isinstance(message, Trigger)
    return message


@pytest.mark.parametrize("what", ["flush", "release ABCDE12345"])
def test_request_reaches_qmgr(root: Path, what: str) -> None:
    """And the user is told that it did."""
    with listen(root) as server, run_worker(SERVICE, "", root, public=True, name="pickup") as worker:
        peer = worker.connect()
        peer.send(Trigger(what))
        assert received(server) == Trigger(what)
        assert peer.receive() == Done()


def test_request_waits_for_a_qmgr_that_is_busy(root: Path) -> None:
    """A connection that is closed before its greeting has come would take the request with it."""
    with listen(root) as server, run_worker(SERVICE, "", root, public=True, name="pickup") as worker:
        peer = worker.connect()
        peer.send(Trigger("flush"))
        assert select.select([peer.sock], [], [], 0.5)[0] == []
        assert received(server) == Trigger("flush")
        assert peer.receive() == Done()


def test_qmgr_that_ends_before_it_greets_is_away(root: Path) -> None:
    """The user is told that nothing was flushed."""
    with listen(root) as server, run_worker(SERVICE, "", root, public=True, name="pickup") as worker:
        peer = worker.connect()
        peer.send(Trigger("flush"))
        server.accept()[0].close()
        assert peer.receive() == Refused("mail system is down")
        worker.wait_for_line("warning: connect to public/qmgr: the connection was closed")


def test_second_request_before_the_answer_ends_the_connection(root: Path) -> None:
    """A flood of small frames would be as many tasks, and as many connections to qmgr."""
    with run_worker(SERVICE, "", root, public=True, name="pickup") as worker:
        peer = worker.connect()
        peer.sock.sendall(encode(Trigger("flush")) * 1000)
        with pytest.raises(PeerGone):
            while peer.receive():
                pass
        assert worker.stop() == 0
        assert len([line for line in worker.log_lines() if "connect to public/qmgr" in line]) == 1


def test_requests_one_after_the_other_are_answered(root: Path) -> None:
    """Each of them, on one connection."""
    with run_worker(SERVICE, "", root, public=True, name="pickup") as worker:
        peer = worker.connect()
        for _ in range(3):
            peer.send(Trigger("flush"))
            assert peer.receive() == Refused("mail system is down")


def test_qmgr_that_is_away_is_told_of(root: Path) -> None:
    """Refused, and pickup goes on."""
    with run_worker(SERVICE, "", root, public=True, name="pickup") as worker:
        peer = worker.connect()
        peer.send(Trigger("flush"))
        assert peer.receive() == Refused("mail system is down")
        worker.wait_for_line("warning: connect to public/qmgr: No such file or directory")


def test_user_whom_nobody_can_name_now_is_told_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name service that is down ends no process."""

    def nobody_to_ask(uid: int) -> str | None:
        raise OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))

    monkeypatch.setattr(submission, "find_login_name", nobody_to_ask)
    monkeypatch.setattr(PickupDaemon, "is_trusted", lambda self, uid: False)
    with run_worker(SERVICE, "", root, public=True, name="pickup") as worker:
        peer = worker.connect()
        peer.send(Trigger("flush"))
        assert peer.receive() == Refused("user lookup problem")


@pytest.mark.root
def test_user_who_may_not_flush_is_refused(root: Path) -> None:
    """authorized_flush_users counts for all but root and mail_owner, and the kernel says who asks."""
    nobody = pwd.getpwnam("nobody")
    for folder in (root, root / "public"):
        folder.chmod(0o755)
    reader, writer = os.pipe()
    with run_worker(SERVICE, "authorized_flush_users = root", root, public=True, name="pickup") as worker:
        os.chmod(worker.path, 0o666)
        sock = socket.socket(socket.AF_UNIX)
        pid = os.fork()
        if pid == 0:
            os.chdir(root / "public")
            os.setuid(nobody.pw_uid)
            sock.connect("pickup")
            peer = Peer(sock)
            peer.receive()
            peer.send(Trigger("flush"))
            answer = peer.receive()
            os.write(writer, str(getattr(answer, "reason", answer)).encode())
            os._exit(0)
        os.close(writer)
        os.waitpid(pid, 0)
        sock.close()
        assert os.read(reader, 1000).decode() == f"User nobody({nobody.pw_uid}) is not allowed to flush the mail queue"
        os.close(reader)

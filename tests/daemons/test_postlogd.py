"""postlogd, the process that writes maillog_file."""

from __future__ import annotations

import os
import select
import signal
import socket
from pathlib import Path

from harness import freeze_until_alarm, make_queue_directory, wait_for_exit

from pyfix.base.logpipe import LogPipe
from pyfix.daemons.postlogd.daemon import SERVICE
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.service.run import Birth, run_worker
from pyfix.service.worker import Listener


def start(directory: Path, pipe: LogPipe | None = None, main_cf: str = "") -> tuple[int, socket.socket, socket.socket]:
    """Fork a postlogd; return its pid, a socket to send to it, and the master's end of its status channel."""
    make_queue_directory(directory)
    (directory / "etc").mkdir(exist_ok=True)
    (directory / "etc/main.cf").write_text(
        f"queue_directory = {directory}\nmaillog_file = {directory}/maillog\nmyhostname = mail.example.test\n"
        f"{main_cf}\n"
    )
    path = str(directory / "public/postlog")
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    ours, theirs = socket.socketpair()
    entry = ServiceEntry("postlog", ServiceType.UNIX_DGRAM, False, False, False, 0, False, 1, "postlogd")
    pid = os.fork()
    if pid == 0:
        ours.close()
        listeners = [Listener(listener, "unix-dgram", "public/postlog")]
        os._exit(run_worker(Birth(entry, SERVICE, str(directory / "etc"), listeners, theirs, 1, 0, 0, pipe)))
    theirs.close()
    listener.close()
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    client.connect(path)
    return pid, client, ours


def test_lines_are_appended_in_the_order_they_came(tmp_path: Path) -> None:
    """A stop takes what is in the socket along."""
    pid, client, status = start(tmp_path)
    for number in range(50):
        client.send(f"Nov 23 00:00:00 mail postfix/smtpd[1]: line {number}\n".encode())
    client.close()
    status.close()
    assert wait_for_exit(pid) == 0
    lines = (tmp_path / "maillog").read_text().splitlines()
    assert [line.rsplit(" ", 1)[1] for line in lines] == [str(number) for number in range(50)]


def test_process_that_is_stuck_is_ended(tmp_path: Path) -> None:
    """The watchdog is awake while it waits, too; the line that came meanwhile is for the next process."""
    pid, client, status = start(tmp_path, main_cf="daemon_timeout = 2")
    assert status.recv(100)
    assert freeze_until_alarm(pid) == -signal.SIGALRM
    client.close()
    status.close()


def test_what_is_no_line_is_dropped(tmp_path: Path) -> None:
    """A stranger's datagram cannot garble the file."""
    pid, client, status = start(tmp_path)
    for data in (b"no line end", b"nul\0\n", b"good\n"):
        client.send(data)
    client.close()
    status.close()
    assert wait_for_exit(pid) == 0
    assert (tmp_path / "maillog").read_bytes() == b"good\n"


def test_moved_file_makes_way_for_a_new_process(tmp_path: Path) -> None:
    """The one that finds its file moved ends without taking a line; the next opens a new file."""
    pid, client, status = start(tmp_path)
    client.send(b"old\n")
    while not (tmp_path / "maillog").exists() or not (tmp_path / "maillog").read_bytes():
        select.select([], [], [], 0.01)
    (tmp_path / "maillog").rename(tmp_path / "maillog.1")
    client.send(b"lost with the old socket of this test, but not written to the old file\n")
    assert wait_for_exit(pid) == 0
    client.close()
    status.close()
    assert (tmp_path / "maillog.1").read_bytes() == b"old\n"
    pid, client, status = start(tmp_path)
    client.send(b"new\n")
    client.close()
    status.close()
    assert wait_for_exit(pid) == 0
    assert (tmp_path / "maillog").read_bytes() == b"new\n"


def test_what_is_in_the_pipe_outlives_a_killed_log_service(tmp_path: Path) -> None:
    """Lines that nobody has written yet are the next process's to write; a stop takes them along."""
    pipe = LogPipe()
    pid, client, status = start(tmp_path, pipe)
    os.kill(pid, signal.SIGKILL)
    assert wait_for_exit(pid) == -signal.SIGKILL
    for number in range(50):
        assert pipe.write(f"Nov 23 00:00:00 mail postfix/smtpd[1]: line {number}\n".encode())
    client.close()
    status.close()
    pid, client, status = start(tmp_path, pipe)
    client.close()
    status.close()
    assert wait_for_exit(pid) == 0
    lines = (tmp_path / "maillog").read_text().splitlines()
    assert [line.rsplit(" ", 1)[1] for line in lines] == [str(number) for number in range(50)]
    os.close(pipe.reader)
    os.close(pipe.writer)

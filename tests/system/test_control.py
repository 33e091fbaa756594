"""The pyfix command, the master's signals and what it tells its surroundings.

Setup: a private instance. Path: start, start-fg, reload, logrotate, with files that somebody broke and with clients
that stay connected. Check: exit statuses, the log, sd_notify's messages, and that mail goes on as before.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from instance import Client, Instance, field, mail, wait_until

pytestmark = pytest.mark.system


# --- the log


class Sender:
    """Clients that send until told to stop, and know the queue id of each message."""

    def __init__(self, instance: Instance, clients: int) -> None:
        self._instance = instance
        self._stop = threading.Event()
        self.ids: list[str] = []
        self.errors: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self) -> Sender:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        try:
            client = self._instance.connect()
            while not self._stop.is_set():
                self.ids.append(client.send("sender@client.test", [self._instance.address], mail()))
            client.close()
        except Exception as error:  # noqa: BLE001 - the test shows whatever went wrong in a thread
            self.errors.append(error)

    def wait_for(self, count: int) -> None:
        """Wait until so many messages were accepted."""
        wait_until(lambda: len(self.ids) >= count or self.errors, f"{count} messages accepted")


def test_logrotate_under_load_loses_no_line(running: Instance) -> None:
    """Every message has one line of each kind across the two files, and none is cut."""
    with Sender(running, 4) as sender:
        sender.wait_for(60)
        assert running.pyfix("logrotate").returncode == 0
        sender.wait_for(len(sender.ids) + 60)
    assert sender.errors == []
    running.wait_until_empty()
    running.stop()
    (old,) = (running.directory / "log").glob("maillog.*.gz")
    lines = gzip.decompress(old.read_bytes()).decode().splitlines() + running.log.splitlines()
    assert [line for line in lines if not re.match(r"\w{3} [ \d]\d [\d:]{8} mail postfix/\w+\[\d+\]: \S", line)] == []
    text = "\n".join(lines)
    for pattern in (r": (\w+): client=", r": (\w+): message-id=", r": (\w+): to=.*status=sent", r": (\w+): removed"):
        assert sorted(re.findall(pattern, text)) == sorted(sender.ids), pattern


def test_log_goes_to_standard_output(instance: Instance) -> None:
    """maillog_file = /dev/stdout, for containers: with start-fg every process's lines arrive there."""
    instance.set(maillog_file="/dev/stdout")
    with open(instance.directory / "output", "w+b") as output:
        process = instance.foreground(output)
        try:

            def logged(pattern: str) -> re.Match[bytes] | None:
                return re.search(pattern.encode(), (instance.directory / "output").read_bytes())

            wait_until(lambda: logged(r"master\[\d+\]: daemon started") or process.poll() is not None, "the start")
            queue_id = instance.send()
            wait_until(lambda: logged(rf"qmgr\[\d+\]: {queue_id}: removed"), "the message's last line")
        finally:
            process.terminate()
            assert process.wait(60) == 0
    assert logged(r"master\[\d+\]: terminating on signal 15")


def told(instance: Instance, action: str) -> list[str]:
    """Return what `pyfix -v` says more than `pyfix`: lines about the instance, its paths and process ids masked."""
    result = instance.pyfix("-v", action)
    assert result.returncode == 0, result.stderr
    text = re.sub(r"\.\d{8}-\d{6}", ".SUFFIX", result.stderr.replace(str(instance.directory), "DIR"))
    return re.sub(r"process \d+|PID: \d+", "process N", text).replace("pyfix: ", "").splitlines()


def test_every_verbose_command_tells_its_steps(running: Instance) -> None:
    """check, status, reload, flush, logrotate, stop and abort, each what it does and to whom."""
    first = ["configuration DIR/etc/main.cf"]
    master = [*first, "queue DIR/spool: master process N"]
    assert set(first) < set(told(running, "check"))
    assert "checking the services of master.cf" in told(running, "check")
    assert told(running, "status") == [
        *first, "queue DIR/spool, lock file DIR/spool/pid/master.pid", "the pyfix mail system is running: process N",
    ]  # fmt: skip
    assert told(running, "reload") == [
        *master, "refreshing the pyfix mail system",
        "SIGHUP to process N: it reads main.cf and master.cf, and replaces its processes one by one",
    ]  # fmt: skip
    assert told(running, "flush") == [
        *master, "DIR/spool/public/qmgr: asked for a delivery attempt of every deferred message",
    ]  # fmt: skip
    assert told(running, "logrotate") == [
        *first, "renamed DIR/log/maillog to DIR/log/maillog.SUFFIX", "DIR/log/maillog: open again",
        "gzip DIR/log/maillog.SUFFIX: done",
    ]  # fmt: skip
    end = "process N has ended"
    assert told(running, "stop") == [
        *master, "stopping the pyfix mail system", "SIGTERM to process N; SIGKILL if it has not ended in 45 s", end,
    ]  # fmt: skip
    running.start()
    assert told(running, "abort") == [
        *master, "aborting the pyfix mail system", "SIGINT to process N; SIGKILL if it has not ended in 5 s", end,
    ]  # fmt: skip


def test_verbose_start_logs_more(instance: Instance) -> None:
    """`pyfix -v start`: debugging lines that are not there without it."""
    sizes = []
    for options in ((), ("-v",)):
        before = len(instance.log.splitlines())
        instance.start(*options)
        queue_id = instance.send()
        instance.wait_for_log(f"{queue_id}: removed")
        instance.stop()
        sizes.append(len(instance.log.splitlines()) - before)
    assert sizes[1] > sizes[0], sizes


# --- the service manager


@pytest.fixture
def notify_socket(instance: Instance) -> Iterator[Callable[[], str]]:
    """What systemd would hear: a function that waits for the next message."""
    path = instance.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.settimeout(30)
        instance.environ["NOTIFY_SOCKET"] = str(path)
        yield lambda: sock.recv(4096).decode()


def test_service_manager_hears_of_start_reload_and_stop(instance: Instance, notify_socket: Callable[[], str]) -> None:
    """sd_notify(3): READY when mail is accepted; RELOADING with the time that Type=notify-reload asks for."""
    process = instance.foreground()
    try:
        assert notify_socket().splitlines()[0] == "READY=1"
        instance.connect().close()
        assert instance.pyfix("reload").returncode == 0
        assert notify_socket().splitlines()[0] == "RELOADING=1"
        assert notify_socket().splitlines()[0] == "READY=1"
    finally:
        process.terminate()
    assert notify_socket().splitlines()[0] == "STOPPING=1"
    assert process.wait(60) == 0


# --- start, status, abort


def test_foreground_start_refuses_to_be_the_second(running: Instance) -> None:
    """start-fg says so as start does, and leaves the first alone."""
    master = running.master()
    result = running.pyfix("start-fg")
    assert result.returncode == 1
    assert result.stderr.endswith("pyfix: fatal: the pyfix mail system is already running\n")
    assert running.master() == master
    running.send()
    running.wait_for_mail()


def test_two_starts_at_the_same_moment_give_one_system(instance: Instance) -> None:
    """The lock decides; the loser says why."""
    both = [
        subprocess.Popen(instance._command("pyfix", "-c", str(instance.etc), "start"), stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=60)[1] for process in both]
    statuses = [process.returncode for process in both]
    assert sorted(statuses) == [0, 1], errors
    assert b"already running" in errors[statuses.index(1)]
    instance.send()
    instance.wait_for_mail()


def test_status_after_abort_and_after_a_killed_master(instance: Instance) -> None:
    """Neither leaves anything running or in the way of the next start."""
    instance.start()
    client = instance.connect()
    result = instance.pyfix("abort")
    assert (result.returncode, result.stderr) == (0, "pyfix: aborting the pyfix mail system\n")
    assert not instance.is_running
    wait_until(lambda: not instance.processes(), "end of all processes")
    client.smtp.close()
    instance.start()
    os.kill(instance.master(), signal.SIGKILL)
    wait_until(lambda: not instance.is_running, "the end of the master")
    instance.start()
    assert instance.is_running


# --- reload


def hang_up(instance: Instance) -> str:
    """Have the master reload, and return the line that it logs."""
    pattern = r"master\[\d+\]: (.*reload.*)"
    count = len(re.findall(pattern, instance.log))
    os.kill(instance.master(), signal.SIGHUP)
    wait_until(lambda: len(re.findall(pattern, instance.log)) > count, "the master's answer to SIGHUP")
    return str(re.findall(pattern, instance.log)[-1])


def kill_workers(instance: Instance) -> None:
    """End all processes but the master, so that new ones must be born."""
    for pid in instance.processes():
        if pid != instance.master():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("main.cf", "this is no parameter\n", "main.cf, line {n}: "),
        ("main.cf", "service_throttle_time = sometime\n", "service_throttle_time"),
        ("master.cf", "no service at all\n", "master.cf: line {n}"),
        ("master.cf", "127.0.0.1:0 inet n - n - x smtpd\n", "master.cf: line {n}"),
        pytest.param("main.cf", "mail_owner = no-such-user\n", "unknown user: no-such-user", marks=pytest.mark.root),
    ],
)
def test_broken_file_leaves_the_old_configuration_in_force(
    running: Instance, name: str, line: str, reason: str
) -> None:
    """The log says what is wrong and where; also processes born later have the old values; repaired, it reloads."""
    path = running.etc / name
    good = path.read_text()
    path.write_text(good + line)
    answer = hang_up(running)
    assert answer.startswith("error: reload refused, the previous configuration stays in force: ")
    assert reason.format(n=len(good.splitlines()) + 1) in answer
    kill_workers(running)
    wait_until(lambda: accepts(running), "a message accepted by new processes")
    running.wait_for_mail()
    path.write_text(good)
    assert hang_up(running).startswith("reload -- version")


def accepts(instance: Instance) -> bool:
    """Try to send."""
    try:
        instance.send()
    except (OSError, AssertionError, EOFError):
        return False
    return True


def test_port_that_is_taken_refuses_a_reload(running: Instance) -> None:
    """A new line whose address cannot be had: everything stays as it was, and no socket is lost."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        running.add_service(f"127.0.0.1:{other.getsockname()[1]} inet n - n - - smtpd")
        assert "reload refused" in hang_up(running)
        running.send()
        running.wait_for_mail()
    assert hang_up(running).startswith("reload -- version")
    other_port = int((running.etc / "master.cf").read_text().splitlines()[-1].split()[0].split(":")[1])
    Client(other_port).close()


def test_sessions_outlive_two_reloads(running: Instance) -> None:
    """Clients in every stage of a dialogue go on where they were, and new ones are served meanwhile."""
    greeted, in_mail, in_data = (running.connect() for _ in range(3))
    in_mail.smtp.docmd("MAIL", "FROM:<sender@client.test>")
    for command, arguments in (
        ("MAIL", "FROM:<sender@client.test>"),
        ("RCPT", f"TO:<{running.address}>"),
        ("DATA", ""),
    ):
        assert in_data.smtp.docmd(command, arguments)[0] in (250, 354)
    in_data.smtp.send(b"Subject: in data\r\n\r\nfirst half\r\n")
    for number in range(2):
        hang_up(running)
        running.send(content=mail(f"after reload {number}"))
    in_data.smtp.send(b"second half\r\n.\r\n")
    assert in_data.smtp.getreply()[0] == 250
    assert in_mail.smtp.docmd("RCPT", f"TO:<{running.address}>")[0] == 250
    assert in_mail.smtp.data(mail("in mail"))[0] == 250
    greeted.send("sender@client.test", [running.address], mail("greeted"))
    for client in (greeted, in_mail, in_data):
        client.close()
    messages = running.wait_for_mail(5)
    expected = ["after reload 0", "after reload 1", "greeted", "in data", "in mail"]
    assert sorted(field(messages, "Subject")) == expected
    (whole,) = (message for message in messages if message["Subject"] == "in data")
    assert whole.get_payload() == "first half\nsecond half\n"
    running.wait_until_empty()


def test_removed_service_is_closed_and_added_one_opened(running: Instance) -> None:
    """master.cf says what is listened on; a reload is enough."""
    path = running.etc / "master.cf"
    good = path.read_text()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path.write_text(good.replace(f"127.0.0.1:{running.port}", f"127.0.0.1:{port}"))
    hang_up(running)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", running.port), 5)
    Client(port).close()
    assert Path(running.spool / "private").is_dir()
    path.write_text(good)
    hang_up(running)
    running.send()
    running.wait_for_mail()


def test_client_that_waits_at_stop_is_told(running: Instance) -> None:
    """An idle session ends with 421 at once; stop does not wait for it to time out."""
    client = running.connect()
    stopping = threading.Thread(target=running.stop)
    stopping.start()
    readable, _, _ = select.select([client.smtp.sock], [], [], 5)
    assert readable, "nothing said to the idle client"
    assert client.smtp.getreply()[0] == 421
    stopping.join(30)
    client.smtp.close()
    assert "killed by signal" not in running.log

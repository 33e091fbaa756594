"""One real worker over real Unix sockets, its neighbours faked.

`run_worker(SERVICE, main_cf, directory)` forks the worker exactly as the master does, in a queue directory of the
test's own; the log goes to a datagram socket that the test reads.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.mail.ipc.client import Channel
from pyfix.mail.ipc.messages import Hello, Message
from pyfix.mail.ipc.peer import Peer
from pyfix.service.run import Birth
from pyfix.service.run import run_worker as run_in_child
from pyfix.service.service import AnyService
from pyfix.service.status import STOP, WAKEUP
from pyfix.service.worker import Listener

QUEUES = (
    "maildrop",
    "incoming",
    "active",
    "deferred",
    "hold",
    "corrupt",
    "bounce",
    "defer",
    "trace",
    "flush",
    "saved",
    "spare",
    "pid",
    "private",
    "public",
)
DEADLINE_S = 30.0


def make_queue_directory(directory: Path) -> Path:
    """Create the folders of a queue directory below `directory`."""
    for name in QUEUES:
        (directory / name).mkdir(parents=True, exist_ok=True)
    return directory


@dataclass
class RunningWorker:
    """The test's handle on the forked worker."""

    pid: int
    path: str
    status: socket.socket
    log_socket: socket.socket
    directory: Path
    lines: list[str] = field(default_factory=list)
    channel: Channel | None = None
    peers: list[Peer] = field(default_factory=list)
    exit_code: int | None = None

    def call(self, request: Message, expect: type) -> Message:
        """Send a request over a kept connection and return the answer."""
        if self.channel is None:
            self.channel = Channel(self.path, DEADLINE_S)
        return self.channel.call(request, expect)

    def connect(self) -> Peer:
        """Return a new connection whose greeting has been read."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(DEADLINE_S)
        sock.connect(self.path)
        peer = Peer(sock)
        self.peers.append(peer)
        assert isinstance(peer.receive(), Hello)
        return peer

    def log_lines(self) -> list[str]:
        """Return all lines logged so far, without time, host and tag."""
        while select.select([self.log_socket], [], [], 0)[0]:
            for line in self.log_socket.recv(1 << 20).decode().splitlines():
                self.lines.append(line.split("]: ", 1)[1])
        return self.lines

    def wait_for_line(self, part: str) -> str:
        """Return the first line that has `part`; fail after a while."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            for line in self.log_lines():
                if part in line:
                    return line
            select.select([self.log_socket], [], [], 0.5)
        raise AssertionError(f"no line with {part!r} in {self.lines}")

    def wait_for_new_line(self) -> None:
        """Return when a line more has come; fail after a while."""
        known = len(self.lines)
        select.select([self.log_socket], [], [], DEADLINE_S)
        assert len(self.log_lines()) > known, f"no new line after {self.lines}"

    def wake(self) -> None:
        """Send the master's wakeup."""
        self.status.send(WAKEUP)

    def stop(self) -> int:
        """Stop it as the master does and return its exit code."""
        if self.exit_code is None:
            with contextlib.suppress(OSError):
                self.status.send(STOP)
            self.close()
            self.exit_code = wait_for_exit(self.pid)
        return self.exit_code

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)
        self.exit_code = wait_for_exit(self.pid)
        self.close()

    def close(self) -> None:
        """Close all sockets of the test's."""
        if self.channel is not None:
            self.channel.close()
        for peer in self.peers:
            peer.close()
        self.status.close()


def freeze_until_alarm(pid: int) -> int:
    """Stop a process, as an endless request would, until the watchdog's signal is there; return its exit code."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + DEADLINE_S
    while not _is_alarmed(pid):
        assert time.monotonic() < deadline, "no SIGALRM"
        select.select([], [], [], 0.02)
    os.kill(pid, signal.SIGCONT)
    return wait_for_exit(pid)


def _is_alarmed(pid: int) -> bool:
    """True when the signal waits for the process, or was so fast that it has ended it already."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return status["State"].startswith("Z") or bool(int(status["ShdPnd"], 16) & 1 << signal.SIGALRM - 1)


def wait_for_exit(pid: int) -> int:
    """Reap a child; kill it when it does not end by itself."""
    fd = os.pidfd_open(pid)
    try:
        ended = bool(select.select([fd], [], [], DEADLINE_S)[0])
    finally:
        os.close(fd)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert ended, f"process {pid} did not end"
    return os.waitstatus_to_exitcode(status)


@contextlib.contextmanager
def run_worker(
    service: AnyService,
    main_cf: str,
    directory: Path,
    *,
    name: str = "test",
    argv: Sequence[str] = (),
    overrides: Sequence[tuple[str, str]] = (),
    inet: bool = False,
    public: bool = False,
    stress: bool | None = None,
    host: str = "127.0.0.1",
) -> Iterator[RunningWorker]:
    """Run one worker; `inet` gives it a TCP socket on a free port of `host` (RunningWorker.path "127.0.0.1:N").

    As root it keeps root's rights, as local and virtual do in a real system.
    """
    make_queue_directory(directory)
    config = directory / "etc"
    config.mkdir(exist_ok=True)
    (config / "main.cf.new").write_text(
        f"queue_directory = {directory}\nmaillog_file = {directory}/log\nmaillog_file_prefixes = {directory}\n"
        f"myhostname = mail.example.test\nmydomain = example.test\n{main_cf}\n"
    )
    (config / "main.cf.new").rename(config / "main.cf")  # a worker that was started before may be reading it
    log_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    log_path = directory / "public" / "postlog"
    log_path.unlink(missing_ok=True)
    log_socket.bind(str(log_path))
    listener, path = _listen(directory, name, inet, public, host)
    ours, theirs = socket.socketpair()
    entry = ServiceEntry(
        name=name, type=ServiceType.INET if inet else ServiceType.UNIX, private=not public, unprivileged=False,
        chroot=False, wakeup=0, wakeup_always=False, maxproc=None, program=service.program, argv=list(argv),
        overrides=list(overrides),
    )  # fmt: skip
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            ours.close()
            log_socket.close()
            code = run_in_child(Birth(entry, service, str(config), [listener], theirs, 1, 0, 0, stress=stress))
        finally:
            os._exit(code)
    theirs.close()
    listener.sock.close()
    worker = RunningWorker(pid, path, ours, log_socket, directory)
    try:
        yield worker
        worker.stop()
    finally:
        if worker.exit_code is None:
            worker.kill()
        log_socket.close()


def _listen(directory: Path, name: str, inet: bool, public: bool, host: str) -> tuple[Listener, str]:
    if inet:
        sock = socket.socket()
        sock.bind((host, 0))
        sock.listen(512)
        sock.setblocking(False)
        return Listener(sock, "inet", name), f"{host}:{sock.getsockname()[1]}"
    path = f"{'public' if public else 'private'}/{name}"
    sock = socket.socket(socket.AF_UNIX)
    (directory / path).unlink(missing_ok=True)
    sock.bind(str(directory / path))
    sock.listen(512)
    sock.setblocking(False)
    return Listener(sock, "unix", path), str(directory / path)

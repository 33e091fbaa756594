"""The skeleton's own behaviour, with the smallest possible daemons."""

import asyncio
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import DEADLINE_S, run_worker

from pyfix.base.log import Log
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import AnyMessage, Done, Goodbye, Message, Rewrite, Rewritten
from pyfix.mail.ipc.peer import Peer, PeerGone
from pyfix.service import watchdog
from pyfix.service.params import ServiceParameters
from pyfix.service.service import ManyClientsDaemon, OneClientDaemon, Service, UnexpectedMessage
from pyfix.service.status import RELAX, REPORT_SIZE, STRESS, State, parse_reports
from pyfix.service.worker import Worker


def frame(body: bytes) -> bytes:
    """Return a frame with a body of the test's own."""
    return len(body).to_bytes(4, "big") + body


class ReportReader:
    """The master's view of a worker."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(DEADLINE_S)
        self._sock = sock
        self._states: list[State] = []

    def next(self) -> State:
        """Return the next state that the worker tells."""
        if not self._states:
            self._states = [state for _, _, state in parse_reports(self._sock.recv(REPORT_SIZE * 100))]
        return self._states.pop(0)


class EchoDaemon(OneClientDaemon[ServiceParameters]):
    """Answers Rewrite with its pid and uid of the caller."""

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        if not isinstance(request, Rewrite):
            raise UnexpectedMessage(request)
        self.log.info(f"asked for {request.addresses}")
        if request.addresses == ["crash"]:
            raise RuntimeError("on purpose")
        if request.addresses == ["time out"]:
            raise TimeoutError("a lock that never came")
        if request.addresses == ["hang"]:
            select.select([], [], [])
        return Rewritten([str(os.getpid()), str(peer.uid)])

    def wakeup(self) -> None:
        self.log.info("awake")


class AsyncEchoDaemon(ManyClientsDaemon[ServiceParameters]):
    """Answers Rewrite at once."""

    def receive(self, message: AnyMessage, connection: Connection) -> None:
        assert isinstance(message, Rewrite)
        if message.addresses == ["crash"]:
            raise RuntimeError("on purpose")
        if message.addresses == ["hang"]:
            select.select([], [], [])
        self.log.info(f"asked for {message.addresses}")
        connection.send(Rewritten(message.addresses))

    def wakeup(self) -> None:
        self.log.info("awake")

    def stress_changed(self) -> None:
        self.log.info(f"stress: {self.worker.stress}")


BLOCKING = Service("echo", EchoDaemon, ServiceParameters)
ASYNC = Service("echo", AsyncEchoDaemon, ServiceParameters)


@pytest.mark.parametrize("service", [BLOCKING, ASYNC])
def test_requests_are_answered_and_logged(tmp_path: Path, service: Service) -> None:
    """Many requests go over one connection, and each line is in the log before its answer."""
    with run_worker(service, "", tmp_path) as worker:
        for number in range(5):
            worker.call(Rewrite("local", [str(number)]), Rewritten)
        worker.wait_for_line("asked for ['4']")
        assert worker.stop() == 0


class CommandDaemon(EchoDaemon):
    """Starts other people's programs."""

    runs_commands = True


@pytest.mark.parametrize(
    ("service", "policy"),
    [
        (BLOCKING, os.SCHED_BATCH),
        (ASYNC, os.SCHED_BATCH),
        (Service("echo", CommandDaemon, ServiceParameters), os.SCHED_OTHER),
    ],
    ids=["blocking", "many clients", "runs commands"],
)
def test_a_worker_pushes_nobody_aside_when_it_wakes_up(tmp_path: Path, service: Service, policy: int) -> None:
    """SCHED_BATCH, but for those whose commands would inherit it."""
    with run_worker(service, "", tmp_path) as worker:
        worker.call(Rewrite("local", ["x"]), Rewritten)
        assert os.sched_getscheduler(worker.pid) == policy


def test_the_kernel_tells_who_is_asking(tmp_path: Path) -> None:
    """The peer's uid is that of this test."""
    with run_worker(BLOCKING, "", tmp_path) as worker:
        reply = worker.call(Rewrite("local", ["x"]), Rewritten)
        assert reply.addresses == [str(worker.pid), str(os.getuid())]


@pytest.mark.parametrize("service", [BLOCKING, ASYNC])
def test_wakeup_reaches_the_daemon(tmp_path: Path, service: Service) -> None:
    """The master's wakeup calls the hook."""
    with run_worker(service, "", tmp_path) as worker:
        worker.wake()
        worker.wait_for_line("awake")


def test_stress_and_its_end_reach_the_daemon(tmp_path: Path) -> None:
    """The service has no place left for clients, or has again; the skeleton's own parameters may depend on it."""
    limit = "process_client_limit = ${stress?{2}:{100}}"
    with run_worker(ASYNC, limit, tmp_path) as worker:
        states = ReportReader(worker.status)
        assert states.next() is State.FREE
        worker.status.send(STRESS)
        worker.wait_for_line("stress: True")
        for _ in range(2):
            worker.connect()
        assert states.next() is State.FULL
        worker.status.send(RELAX)
        worker.wait_for_line("stress: False")


def test_worker_says_that_it_is_full_until_some_of_its_places_are_free(tmp_path: Path) -> None:
    """An eighth of them: at the limit clients come and go, and the master is not to be told of each."""
    with run_worker(ASYNC, "process_client_limit = 16", tmp_path) as worker:
        states = ReportReader(worker.status)
        assert states.next() is State.FREE
        peers = [worker.connect() for _ in range(16)]
        assert states.next() is State.FULL
        for _ in range(3):
            peers.pop().close()
            peers.append(worker.connect())
        peers.pop().close()
        peers.pop().close()
        assert states.next() is State.FREE


@pytest.mark.parametrize("service", [BLOCKING, ASYNC])
def test_worker_of_an_ended_generation_still_answers_and_then_goes(tmp_path: Path, service: Service) -> None:
    """When the master closes the channel, an open connection is served until its client leaves."""
    with run_worker(service, "", tmp_path) as worker:
        peer = worker.connect()
        worker.status.close()
        assert isinstance(peer.receive(), Goodbye)
        peer.send(Rewrite("local", ["late"]))
        assert isinstance(peer.receive(), Rewritten)
        peer.close()
        assert worker.stop() == 0


@pytest.mark.parametrize("service", [BLOCKING, ASYNC])
def test_unexpected_exception_is_one_log_line_and_a_failed_exit(tmp_path: Path, service: Service) -> None:
    """A bug ends the process with status 1 and a panic line that names file and line; the peer sees a closed stream."""
    with run_worker(service, "", tmp_path) as worker:
        peer = worker.connect()
        peer.send(Rewrite("local", ["crash"]))
        with pytest.raises(PeerGone):
            peer.receive()
        line = worker.wait_for_line("panic: RuntimeError: on purpose in ")
        assert "test_skeleton.py" in line
        assert worker.stop() == 1


def test_timeout_inside_a_request_is_not_taken_for_a_silent_client(tmp_path: Path) -> None:
    """What a daemon waited for in vain, and did not expect to, ends the process with the place in the log."""
    with run_worker(BLOCKING, "", tmp_path) as worker:
        peer = worker.connect()
        peer.send(Rewrite("local", ["time out"]))
        with pytest.raises(PeerGone):
            peer.receive()
        assert "test_skeleton.py" in worker.wait_for_line("fatal: TimeoutError: a lock that never came in ")
        assert worker.stop() == 1


FAILURES = [TimeoutError("nobody came"), ConnectionResetError("gone")]


async def fail(failure: Exception) -> None:
    """Be a task that fails."""
    raise failure


def throw(failure: Exception) -> None:
    """Be a callback that fails."""
    raise failure


def failing(act: Callable[[Worker], object]) -> Service:
    """Return a service in which something goes wrong whenever a client has left."""

    class FailingDaemon(AsyncEchoDaemon):
        def connection_lost(self, connection: Connection) -> None:
            act(self.worker)

    return Service("echo", FailingDaemon, ServiceParameters)


@pytest.mark.parametrize("failure", FAILURES)
def test_task_that_fails_as_if_a_peer_had_left_ends_the_process(tmp_path: Path, failure: OSError) -> None:
    """What a task of the daemon's own raises is nothing that a client has done."""
    with run_worker(failing(lambda worker: worker.spawn(fail(failure))), "", tmp_path) as worker:
        worker.connect().close()
        assert "test_skeleton.py" in worker.wait_for_line(f"fatal: {type(failure).__name__}: {failure}")
        assert worker.stop() == 1


@pytest.mark.parametrize("failure", FAILURES)
def test_client_that_leaves_at_a_bad_moment_ends_nothing(tmp_path: Path, failure: OSError) -> None:
    """The loop tells of it outside any task; the next client is served."""
    service = failing(lambda worker: asyncio.get_running_loop().call_soon(throw, failure))
    with run_worker(service, "", tmp_path) as worker:
        worker.connect().close()
        worker.call(Rewrite("local", ["x"]), Rewritten)
        worker.close()
        assert worker.stop() == 0


class RestlessDaemon(EchoDaemon):
    """Wants to go as soon as it has nothing to do: a table changed."""

    def idle(self) -> None:
        self.worker.retire()


def test_idle_process_that_wants_to_go_says_goodbye_before_the_next_request(tmp_path: Path) -> None:
    """Its client learns that tables have changed without asking first."""
    with run_worker(Service("echo", RestlessDaemon, ServiceParameters), "", tmp_path) as worker:
        peer = worker.connect()
        assert isinstance(peer.receive(), Goodbye)
        peer.send(Rewrite("local", ["late"]))
        assert isinstance(peer.receive(), Rewritten)


@pytest.mark.parametrize("service", [BLOCKING, ASYNC])
def test_process_that_hangs_in_a_request_is_killed(tmp_path: Path, service: Service) -> None:
    """daemon_timeout ends it; its client sees a closed stream."""
    with run_worker(service, "daemon_timeout = 3", tmp_path) as worker:
        peer = worker.connect()
        peer.send(Rewrite("local", ["hang"]))
        with pytest.raises(PeerGone):
            peer.receive()
        assert worker.stop() == -signal.SIGALRM


def tell_end(log: Log) -> None:
    """Log when the watchdog would bite."""
    log.info(f"end {time.monotonic() + signal.getitimer(signal.ITIMER_REAL)[0]}")
    log.flush()


class PatientDaemon(EchoDaemon):
    """Tells of each tick."""

    def idle(self) -> None:
        tell_end(self.log)


class AsyncPatientDaemon(AsyncEchoDaemon):
    """Tells of each tick."""

    def idle(self) -> None:
        tell_end(self.log)


@pytest.mark.parametrize("daemon", [PatientDaemon, AsyncPatientDaemon])
def test_process_that_only_waits_is_not_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, daemon: type[EchoDaemon]
) -> None:
    """The end moves away as time passes, without a client and with one that says nothing."""
    monkeypatch.setattr(watchdog, "_TICK_S", 0.05)
    with run_worker(Service("echo", daemon, ServiceParameters), "daemon_timeout = 1000", tmp_path) as worker:
        for connect in (False, True):
            if connect:
                worker.connect()
            worker.lines.clear()
            while len(worker.lines) < 8:
                worker.wait_for_new_line()
            ends = [float(line.removeprefix("end ")) for line in worker.lines]
            assert ends[-1] > ends[0] + 0.1
            assert ends[-1] > time.monotonic() + 900


BAD_TEXT = b"\x93\x1e\xa5local\x91\xa1\xff"
DEEP = b"\x91" * 100_000


@pytest.mark.parametrize(
    "data", [b"\0\0\0\5hello", frame(BAD_TEXT), frame(DEEP), b"\xff" * 8, b"GET / HTTP/1.0\r\n\r\n"]
)
@pytest.mark.parametrize("service", [BLOCKING, ASYNC])
def test_garbage_from_a_local_client_ends_only_its_connection(tmp_path: Path, service: Service, data: bytes) -> None:
    """Bytes that are no messages close the connection; the next client is served."""
    with run_worker(service, "", tmp_path) as worker:
        peer = worker.connect()
        peer.sock.sendall(data)
        peer.sock.shutdown(socket.SHUT_WR)
        with pytest.raises(PeerGone):
            peer.receive()
        worker.call(Rewrite("local", ["x"]), Rewritten)


def test_request_of_another_service_is_refused(tmp_path: Path) -> None:
    """An unexpected message type is logged and the connection closed."""
    with run_worker(BLOCKING, "", tmp_path) as worker:
        peer = worker.connect()
        peer.send(Done())
        with pytest.raises(PeerGone):
            peer.receive()
        worker.wait_for_line("warning: private/test: bad request from a local client: unexpected message Done")


def test_bad_parameter_is_fatal_before_anybody_is_served(tmp_path: Path) -> None:
    """The log names the file, the parameter and its value."""
    with run_worker(BLOCKING, "max_use = many", tmp_path) as worker:
        assert worker.stop() == 1


def test_argument_that_the_program_does_not_take_is_fatal(tmp_path: Path) -> None:
    """A comment behind a line of master.cf, or a setting without its -o, is not passed over."""
    with run_worker(BLOCKING, "", tmp_path, argv=["#", "public"]) as worker:
        assert worker.stop() == 1
        worker.wait_for_line("fatal: master.cf: line 0: unexpected command-line argument: #; echo takes options only")

"""The master's loop: collects events, lets `decide` think, performs what it says.

One thread, poll(2), no event loop library. Signal handlers only write a byte. The master reads nothing here but the
reports of its own children; it never parses mail, opens no table, and runs none of the daemons' code outside forks.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.base.log import Log
from pyfix.base.logpipe import LogPipe
from pyfix.base.shelf import Shelf
from pyfix.mail.config import Config, ConfigError, mastercf
from pyfix.mail.config.compatibility import FIRST_LEVEL
from pyfix.master import decide as rules
from pyfix.master import events
from pyfix.master.listen import ListenError, SocketOwner, is_public, open_listeners, remove_socket
from pyfix.master.notify import sd_notify
from pyfix.master.params import MasterParameters
from pyfix.master.pidfile import PidFile
from pyfix.master.services import Plan, Program, enabled, in_old_jails, plan_services, public_face
from pyfix.master.state import Key, MasterState, Phase
from pyfix.service import jail
from pyfix.service.rights import Identity, RightsError
from pyfix.service.run import Birth, run_worker
from pyfix.service.status import RELAX, REPORT_SIZE, STOP, STRESS, WAKEUP, State, parse_reports
from pyfix.service.worker import Listener


@dataclass(slots=True)
class Child:
    """The master's end of a worker's status channel."""

    pid: int
    status: socket.socket
    is_open: bool = True


class _ChildOfFork(BaseException):
    """Unwinds every frame of the master in the child of a fork: none of them may go on there."""

    def __init__(self, birth: Birth) -> None:
        super().__init__()
        self.birth = birth


def _owner(program: Program, params: MasterParameters) -> SocketOwner:
    open_to_all = program.service.daemon.open_to_all
    if os.getuid() != 0:
        return SocketOwner(-1, -1, open_to_all)
    identity = Identity.of_name(params.mail_owner)
    return SocketOwner(identity.uid, identity.gid, open_to_all)


class Supervisor:
    """Runs the services of one configuration directory until told to stop."""

    def __init__(self, config: Config, log: Log, lock: PidFile, verbose: int = 0) -> None:
        self._log = log
        self._lock = lock
        self._verbose = verbose
        self._config = config
        self._directory = config.directory
        self._params = config.read(MasterParameters)
        self._state = MasterState(self._params.service_throttle_time, self._params.master_stop_grace)
        self._plan = Plan({}, [], [])
        self._listeners: dict[Key, list[Listener]] = {}
        self._log_pipe: LogPipe | None = None
        self._shelves: dict[Key, Shelf] = {}
        self._children: dict[int, Child] = {}
        self._poll = select.poll()
        self._watched: dict[int, Key] = {}
        self._status_fds: dict[int, int] = {}
        self._signals, self._signal_writer = socket.socketpair()

    # --- start --------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Read master.cf and open every socket; raise ConfigError, RightsError or ListenError, with nothing left
        open."""
        self._open(self._params)
        jail.load_modules()

    def _open(self, params: MasterParameters) -> None:
        """Open what `params` and master.cf ask for, keep what is open already, and only then close the rest."""
        entries = enabled(mastercf.read(os.path.join(self._directory, "master.cf")), params.master_service_disable)
        told: list[str] = []
        if os.getuid() == 0 and params.compatibility_level < FIRST_LEVEL:
            entries, told = in_old_jails(entries)
        plan = plan_services(entries, params.default_process_limit)
        fresh: dict[Key, list[Listener]] = {}
        try:
            for key, program in plan.programs.items():
                owner = _owner(program, params)
                fresh[key] = self._kept(key, program) or open_listeners(program.entry, params, owner)
        except (ListenError, RightsError):
            self._close_listeners({k: v for k, v in fresh.items() if self._listeners.get(k) is not v})
            raise
        for state in plan.states:
            if any(map(is_public, fresh[state.key])):
                state.public = public_face(plan.programs[state.key], params.process_client_limit)
        self._watch({})
        self._close_listeners({k: v for k, v in self._listeners.items() if fresh.get(k) is not v})
        self._listeners = fresh
        self._plan = plan
        self._place_shelves()
        if self._log_pipe is None and self._log_service() is not None:
            self._log_pipe = LogPipe()
        for text in told:
            self._log.info(text)
        for warning in plan.warnings:
            self._log.warning(warning)

    def _place_shelves(self) -> None:
        """A reload keeps what there is: the files that it was made of may be broken now."""
        wanted = {key for key, program in self._plan.programs.items() if program.service.daemon.has_shelf}
        for key in self._shelves.keys() - wanted:
            self._shelves.pop(key).close()
        for key in wanted - self._shelves.keys():
            self._shelves[key] = Shelf(f"pyfix-{key}")

    def _log_service(self) -> Key | None:
        """The service that reads the log pipe."""
        return next((key for key, program in self._plan.programs.items() if program.is_log_service), None)

    def _kept(self, key: Key, program: Program) -> list[Listener] | None:
        """A reload keeps every open socket whose line is still there: no connection is lost."""
        before = self._plan.programs.get(key)
        if before is None or before.entry.private != program.entry.private:
            return None
        return self._listeners[key]

    @staticmethod
    def _close_listeners(listeners: dict[Key, list[Listener]]) -> None:
        for group in listeners.values():
            for listener in group:
                listener.sock.close()

    # --- the loop -----------------------------------------------------------------------------------------------

    def run(self, ready: Callable[[], None]) -> int:
        """Serve until stopped; call `ready` once clients are accepted. Return an exit status. A worker's process,
        forked in here, ends in here."""
        try:
            self._serve(ready)
        except _ChildOfFork as child:
            birth = child.birth
        else:
            self._shut_down()
            return 0
        try:
            os._exit(run_worker(birth))
        finally:
            os._exit(os.EX_SOFTWARE)

    def _serve(self, ready: Callable[[], None]) -> None:
        self._catch_signals()
        gc.collect()
        gc.freeze()
        now = clock.monotonic()
        self._state.services = {state.key: state for state in self._plan.states}
        rules.first_wakeups(self._state, now)
        ready()
        sd_notify("READY=1")
        self._perform(rules.decide(self._state, events.TimePassed(), now))
        while self._state.phase is not Phase.STOPPED:
            self._log.flush()
            self._update_watches()
            self._wait()

    def _catch_signals(self) -> None:
        self._signals.setblocking(False)
        self._signal_writer.setblocking(False)
        signal.set_wakeup_fd(self._signal_writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self._poll.register(self._signals, select.POLLIN)

    def _update_watches(self) -> None:
        now = clock.monotonic()
        wanted = {
            listener.sock.fileno(): key
            for key in rules.watched(self._state, now)
            for listener in self._listeners.get(key, [])
        }
        if self._log_pipe is not None and (key := self._log_service()) in wanted.values() and key is not None:
            wanted[self._log_pipe.fileno()] = key
        self._watch(wanted)

    def _watch(self, wanted: dict[int, Key]) -> None:
        for fd in self._watched.keys() - wanted.keys():
            self._poll.unregister(fd)
        for fd in wanted.keys() - self._watched.keys():
            self._poll.register(fd, select.POLLIN)
        self._watched = wanted

    def _wait(self) -> None:
        now = clock.monotonic()
        deadline = rules.next_deadline(self._state)
        timeout = None if deadline is None else max(0.0, deadline - now) * 1000 + 1
        for fd, _ in self._poll.poll(timeout):
            if fd == self._signals.fileno():
                self._read_signals()
            elif fd in self._status_fds:
                self._read_status(self._children[self._status_fds[fd]])
            elif fd in self._watched:
                self._decide(events.ClientWaits(self._watched[fd]))
        self._decide(events.TimePassed())

    def _decide(self, event: events.Event) -> None:
        self._perform(rules.decide(self._state, event, clock.monotonic()))

    def _read_signals(self) -> None:
        with contextlib.suppress(BlockingIOError):
            numbers = set(self._signals.recv(256))
            if signal.SIGCHLD in numbers:
                self._reap()
            if signal.SIGHUP in numbers:
                self._reload()
            if signal.SIGTERM in numbers:
                self._log.info("terminating on signal 15")
                sd_notify("STOPPING=1")
                self._decide(events.StopWanted())
            if signal.SIGINT in numbers:
                self._log.info("terminating on signal 2")
                self._decide(events.AbortWanted())

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:
                self._read_status(child)
                self._close_status(child)
            self._decide(events.Exited(pid, os.waitstatus_to_exitcode(status)))

    def _read_status(self, child: Child) -> None:
        if not child.is_open:
            return
        try:
            data = child.status.recv(REPORT_SIZE * 500)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close_status(child)
            return
        try:
            reports = parse_reports(data)
        except ValueError as error:
            self._log.warning(f"process {child.pid}: {error}")
            return
        for pid, generation, state in reports:
            self._decide(events.Reported(pid, generation, State(state)))

    def _close_status(self, child: Child) -> None:
        if child.is_open:
            child.is_open = False
            self._poll.unregister(child.status)
            del self._status_fds[child.status.fileno()]
            child.status.close()

    # --- actions ------------------------------------------------------------------------------------------------

    def _perform(self, actions: list[events.Action]) -> None:
        for action in actions:
            self._log.debug(str(action))
            match action:
                case events.Spawn(key):
                    self._spawn(key)
                case events.Wake(pid):
                    self._order(pid, WAKEUP)
                case events.TellStop(pid):
                    self._order(pid, STOP)
                case events.Stress(pid, is_on):
                    self._order(pid, STRESS if is_on else RELAX)
                case events.Retire(pid):
                    if pid in self._children:
                        self._close_status(self._children[pid])
                case events.Kill(pid, number):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
                case events.Warn(text):
                    self._log.warning(text)

    def _order(self, pid: int, order: bytes) -> None:
        child = self._children.get(pid)
        if child is not None and child.is_open:
            with contextlib.suppress(OSError):  # a worker that does not read its orders is about to be reaped
                child.status.send(order)

    def _spawn(self, key: Key) -> None:
        """Fork a worker."""
        self._log.flush()
        try:
            ours, theirs = socket.socketpair()
            try:
                pid = os.fork()
            except OSError:
                ours.close()
                theirs.close()
                raise
        except OSError as error:
            self._decide(events.SpawnFailed(key, words_for(error)))
            return
        if pid == 0:
            raise _ChildOfFork(self._close_for_worker(key, ours, theirs))
        theirs.close()
        ours.setblocking(False)
        self._children[pid] = Child(pid, ours)
        self._status_fds[ours.fileno()] = pid
        self._poll.register(ours, select.POLLIN)
        self._decide(events.Spawned(key, pid))

    def _close_for_worker(self, key: Key, ours: socket.socket, theirs: socket.socket) -> Birth:
        """In the child: close what is the master's and return what is the worker's."""
        program = self._plan.programs[key]
        listeners = self._listeners[key]
        ours.close()
        self._lock.close()
        self._log.close()
        for child in self._children.values():
            child.status.close()
        for other, group in self._listeners.items():
            if other != key:
                self._close_listeners({other: group})
        for other, shelf in self._shelves.items():
            if other != key:
                shelf.close()
        signal.set_wakeup_fd(-1)
        self._signals.close()
        self._signal_writer.close()
        log_pipe = self._log_pipe if self._log_service() is not None else None
        if log_pipe is not None and not program.is_log_service:
            log_pipe.close_reader()
        return Birth(
            entry=program.entry, service=program.service, config_directory=self._directory, listeners=listeners,
            status=theirs, generation=self._state.generation, client_limit=program.client_limit,
            verbose=self._verbose + program.entry.verbose, log_pipe=log_pipe,
            stress=self._state.services[key].stress, shelf=self._shelves.get(key), config=self._config,
        )  # fmt: skip

    # --- reload and stop ----------------------------------------------------------------------------------------

    def _reload(self) -> None:
        """Read everything anew; a configuration that does not read leaves the old one in force."""
        sd_notify("RELOADING=1")
        try:
            config = Config.load(self._directory)
            params = config.read(MasterParameters)
            self._open(params)
        except (ConfigError, ListenError, RightsError, OSError) as error:
            self._log.error(f"reload refused, the previous configuration stays in force: {error}")
        else:
            old, self._params, self._config = self._params, params, config
            if (old.inet_interfaces, old.inet_protocols) != (params.inet_interfaces, params.inet_protocols):
                self._log.warning("to change inet_interfaces or inet_protocols, stop and start the mail system")
            self._log.info(f"reload -- version {self._params.mail_version}, configuration {self._directory}")
            self._state.throttle_time = self._params.service_throttle_time
            self._state.stop_grace = self._params.master_stop_grace
            self._decide(events.ReloadWanted(self._plan.states))
        sd_notify("READY=1")

    def _shut_down(self) -> None:
        for program in self._plan.programs.values():
            if program.entry.type != "inet":
                remove_socket(program.entry, _owner(program, self._params))
        self._close_listeners(self._listeners)

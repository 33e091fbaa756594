"""The life of a worker process, in the one order that all share.

Configuration and parameter check, log, before_jail, chroot and user id, after_jail, the loop, exit. The master calls
`run_worker` in the child of its fork and exits with what it returns; nothing is executed before the rights are what
master.cf says, except opening tables and files that the administrator named.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import signal
import socket
from dataclasses import dataclass
from functools import partial
from typing import Final

from pyfix.base.log import FACILITIES, DatagramSink, Fatal, Log, PostlogSink, StderrSink, SyslogSink, one_line
from pyfix.base.logpipe import LogPipe
from pyfix.base.shelf import Shelf
from pyfix.mail.config import Config, ConfigError, CoreParameters
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.service import jail
from pyfix.service.datagram import DatagramLoop
from pyfix.service.environment import clean_environment
from pyfix.service.many_clients import ManyClientsLoop
from pyfix.service.one_client import OneClientLoop
from pyfix.service.params import ServiceParameters
from pyfix.service.rights import Identity, Rights, RightsError, become
from pyfix.service.service import AnyService, Daemon, DatagramDaemon, ManyClientsDaemon, OneClientDaemon
from pyfix.service.status import StatusChannel
from pyfix.service.title import show_title, worker_title
from pyfix.service.worker import Listener, Worker

_GC_THRESHOLD: Final = 20_000
"""Messages are no cycles: the collector, at its usual pace, took a tenth of the time and found nothing."""


@dataclass(frozen=True, slots=True)
class Birth:
    """What a worker gets from the master."""

    entry: ServiceEntry
    service: AnyService
    config_directory: str
    listeners: list[Listener]
    status: socket.socket
    generation: int
    client_limit: int
    verbose: int
    log_pipe: LogPipe | None = None
    stress: bool | None = None
    """Whether the service is under stress; None for one that can't be."""
    shelf: Shelf | None = None
    """What processes of the service leave for each other."""
    config: Config | None = None
    """What the master has read; without it main.cf is read again. A file that somebody broke since the last reload
    thus stops no new worker."""


def run_worker(birth: Birth) -> int:
    """Be a worker; return the exit status. The caller has closed what the worker must not inherit."""
    life = _Life(birth)
    try:
        life.run()
    except Fatal:
        return 1
    finally:
        life.log.flush()
    return 0


class _Life:
    """The steps of `run_worker`, with the log that is in force so far."""

    def __init__(self, birth: Birth) -> None:
        self._birth = birth
        self._has_log = False
        self.log = Log(StderrSink(), f"pyfix/{birth.service.program}")

    def run(self) -> None:
        """Live; whatever ends the process early is one line in the log and raises Fatal."""
        try:
            self._run()
        except (Fatal, KeyboardInterrupt):
            raise
        except (ConfigError, RightsError) as error:
            self._last_words().fatal(str(error))
        except OSError as error:
            self._last_words().fatal(f"{error.filename}: {error.strerror}" if error.filename else one_line(error))
        except Exception as error:  # noqa: BLE001 - the last frame of the process: a bug must end in one log line
            self._last_words().panic(one_line(error))

    def _last_words(self) -> Log:
        """Return the log; before it could be opened, the one of the master's configuration, which was good."""
        if not self._has_log and self._birth.config is not None:
            params = self._birth.config.read(CoreParameters)
            self.log = _open_log(params, self._birth)
        return self.log

    def _run(self) -> None:
        birth = self._birth
        _reset_signals()
        _show_stress(birth, birth.stress)
        config, params = _configure(birth)
        clean_environment(params.import_environment, config.directory)
        os.chdir(params.queue_directory)
        os.umask(0o077)
        self.log = config.log = _open_log(params, birth)
        self._has_log = True
        worker = Worker(
            service=birth.entry.name, program=birth.service.program, argv=list(birth.entry.argv), config=config,
            log=self.log, rights=Rights(), verbose=birth.verbose, stress=bool(birth.stress),
            show_stress=partial(_show_stress, birth), client_limit=birth.client_limit,
            shelf=birth.shelf,
        )  # fmt: skip
        known = len(config.warnings)
        if stray := birth.service.stray_argument(worker.argv):
            raise ConfigError(f"{birth.entry.place}: {stray}")
        daemon = birth.service.create(worker)
        if daemon.solitary:
            _be_alone(birth.entry, self.log)
        daemon.before_jail()
        if birth.shelf is not None:
            birth.shelf.close()
        _enter_jail(birth.entry, params)
        self.log.debug(f"{birth.entry.place}: service {birth.entry.name}, user id {os.geteuid()}, root {os.getcwd()}")
        daemon.after_jail()
        for warning in config.warnings[known:]:  # what tables had to say when they were opened
            self.log.warning(warning)
        if not daemon.runs_commands and not daemon.is_prompt:
            _wake_politely()
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD)
        _loop(daemon, worker, params, birth)


def _wake_politely() -> None:
    """Never push a running process aside when there is something to do (SCHED_BATCH, sched(7)).

    The processes of a mail system wake each other all the time. Let the running one finish its turn, and the next finds
    several requests together: 4 to 7 % more mail on two processors.
    """
    if hasattr(os, "SCHED_BATCH") and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with contextlib.suppress(OSError):  # a sandbox may forbid it: nothing but speed is lost
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _show_stress(birth: Birth, stress: bool | None) -> None:
    show_title(worker_title(birth.entry, birth.service.program, stress))


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _configure(birth: Birth) -> tuple[Config, ServiceParameters]:
    entry, program = birth.entry, birth.service.program
    if birth.config is None:
        config = Config.load(birth.config_directory, entry.overrides, service=entry.name, program=program)
    else:
        config = birth.config.overridden(entry.overrides, service=entry.name, program=program)
    return config, config.read(ServiceParameters)


def _open_log(params: CoreParameters, birth: Birth) -> Log:
    """Return the log of a process that runs in the queue directory: maillog_file through postlog, else syslog."""
    sink: DatagramSink
    if params.maillog_file:
        host = params.myhostname.split(".", 1)[0]
        sink = PostlogSink(f"public/{params.postlog_service_name}", host, birth.log_pipe)
    else:
        sink = SyslogSink(FACILITIES[params.syslog_facility])
    sink.connect_now()
    program = birth.service.program
    if birth.service.serves_mailboxes:
        return Log(sink, params.mailbox_syslog_name, birth.verbose, program)
    return Log(sink, f"{params.syslog_name}/{program}", birth.verbose)


def _be_alone(entry: ServiceEntry, log: Log) -> None:
    """Wait until a predecessor of this service, of an earlier generation or master, has gone."""
    fd = os.open(f"pid/unix.{entry.name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        log.info(f"waiting for the previous {entry.name} process to finish")
        log.flush()
        fcntl.lockf(fd, fcntl.LOCK_EX)


def _enter_jail(entry: ServiceEntry, params: ServiceParameters) -> None:
    """Change root and user as the master.cf line says. An ordinary user's system has neither."""
    jail.load_modules()
    if os.getuid() != 0:
        return
    identity = Identity.of_name(params.mail_owner)
    if entry.chroot:
        jail.furnish()
        os.chroot(".")
        os.chdir("/")
    if entry.unprivileged:
        become(identity)


def _loop(daemon: Daemon[ServiceParameters], worker: Worker, params: ServiceParameters, birth: Birth) -> None:
    status = StatusChannel(birth.status, os.getpid(), birth.generation)
    birth.status.setblocking(False)
    match daemon:
        case OneClientDaemon():
            OneClientLoop(daemon, worker, params, status, birth.listeners).run()
        case ManyClientsDaemon():
            ManyClientsLoop(daemon, worker, params, status, birth.listeners).run()
        case DatagramDaemon():
            DatagramLoop(daemon, worker, params, status, birth.listeners, birth.log_pipe).run()
        case _:
            worker.log.panic(f"{type(daemon).__name__} belongs to none of the loops")

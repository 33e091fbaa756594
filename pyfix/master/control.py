"""Start, stop and ask a mail system: what `pyfix start` and its sisters do.

`start` forks; the child becomes the master and tells over a pipe when it accepts mail or why it can't, so that the
caller's exit status is the truth. The others find the master through the lock on pid/master.pid.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
from collections.abc import Callable

from pyfix.base import clock
from pyfix.base.log import FACILITIES, Fatal, FileSink, Log, SyslogSink, one_line
from pyfix.mail.config import Config, ConfigError, CoreParameters
from pyfix.master.layout import LayoutError, check_layout, check_maillog
from pyfix.master.listen import ListenError
from pyfix.master.pidfile import PID_FILE, AlreadyRunning, PidFile, running_pid
from pyfix.master.supervisor import Supervisor
from pyfix.service.rights import RightsError
from pyfix.service.title import show_title

StartError = (ConfigError, LayoutError, ListenError, RightsError)


class ControlError(Exception):
    """The command can't be carried out; the text is for the user."""


def start(config: Config, verbose: int) -> None:
    """Start a mail system in the background; return when it accepts mail. Raise ControlError."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os._exit(_child(config, verbose, writer))
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read().decode("utf-8", "replace")
    if answer != "ready":
        os.waitpid(pid, 0)
        raise ControlError(answer or "the mail system ended before it was ready; see the log")


def _child(config: Config, verbose: int, writer: int) -> int:
    """Be the master, with no terminal and no open files of the caller's."""
    os.setsid()
    _close_all_but(0, 1, 2, writer)
    is_told = False

    def tell(text: str) -> None:
        nonlocal is_told
        if not is_told:
            is_told = True
            os.write(writer, text.encode())
            os.close(writer)

    def ready() -> None:
        _detach()
        tell("ready")

    try:
        return run_master(config, verbose, ready)
    except ControlError as error:
        tell(str(error))
        return 1
    except Exception as error:  # noqa: BLE001 - the child of a fork must end here, not in its caller's frames
        tell(f"{type(error).__name__}: {error}")
        return 1


def _close_all_but(*kept: int) -> None:
    """Close what the caller has left open: a lock of its own, say, which the mail system would hold for ever."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(int(name))


def _detach() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)


def run_master(config: Config, verbose: int, ready: Callable[[], None] = lambda: None) -> int:
    """Be the master until stopped; return its exit status, or in a worker's process the worker's."""
    try:
        params = config.read(CoreParameters)
        check_maillog(params)
        check_layout(params)
        os.chdir(params.queue_directory)
        os.umask(0o077)
        _raise_file_limit()
        lock = PidFile()
        show_title(f"master -w -c {config.directory}")
        log = master_log(params, verbose)
        supervisor = Supervisor(config, log, lock, verbose)
        supervisor.open()
    except AlreadyRunning:
        raise ControlError("the pyfix mail system is already running") from None
    except StartError as error:
        raise ControlError(str(error)) from error
    except OSError as error:
        raise ControlError(f"{error.filename or config.directory}: {error.strerror}") from error
    log.info(f"daemon started -- version {params.mail_version}, configuration {config.directory}")
    try:
        return supervisor.run(ready)
    except Exception as error:  # noqa: BLE001 - nobody sees standard error any more: the log must tell
        with contextlib.suppress(Fatal):
            log.panic(one_line(error))
        return 1
    finally:
        log.flush()
        lock.close()


def _raise_file_limit() -> None:
    """Have as many open files as the system allows, for the master (a channel to each worker) and all its workers (a
    socket for each client)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def master_log(params: CoreParameters, verbose: int) -> Log:
    """Return the log of the master itself, which writes maillog_file directly: postlog is a child of its own."""
    return _direct_log(params, "master", verbose)


def command_log(params: CoreParameters) -> Log:
    """Return the log for what the pyfix command does; raise OSError where the caller may not write it."""
    return _direct_log(params, "pyfix", 0)


def _direct_log(params: CoreParameters, program: str, verbose: int) -> Log:
    tag = f"{params.syslog_name}/{program}"
    if params.maillog_file:
        return Log(FileSink(params.maillog_file, params.myhostname.split(".", 1)[0]), tag, verbose)
    return Log(SyslogSink(FACILITIES[params.syslog_facility]), tag, verbose)


def master_pid(params: CoreParameters) -> int | None:
    """Return the pid of the running master of this queue directory."""
    try:
        return running_pid(os.path.join(params.queue_directory, PID_FILE))
    except PermissionError as error:
        raise ControlError(f"{error.filename}: {error.strerror}") from error


def signal_master(params: CoreParameters, number: int) -> int:
    """Send a signal to the master; raise ControlError if there is none or it is not ours."""
    pid = master_pid(params)
    if pid is None:
        raise ControlError("the pyfix mail system is not running")
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        raise ControlError("the pyfix mail system is not running") from None
    except PermissionError:
        raise ControlError(f"no permission to signal process {pid}; use the user that started it, or root") from None
    return pid


def stop(params: CoreParameters, number: int, patience_s: float) -> None:
    """End the mail system with SIGTERM (orderly) or SIGINT (at once) and wait for its end."""
    pid = signal_master(params, number)
    if not wait_for_end(pid, patience_s):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_for_end(pid, patience_s)


def wait_for_end(pid: int, patience_s: float) -> bool:
    """Wait until a process has ended; False when it has not in time."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        deadline = clock.monotonic() + patience_s
        return bool(select.select([fd], [], [], max(0.0, deadline - clock.monotonic()))[0])
    finally:
        os.close(fd)

"""Run a command with a message as its input, as somebody else, for a limited time.

The child gives up every right but those of the user, begins a session of its own (so that it can be killed with all its
children), gets a clean environment, and executes the command directly where possible; a shell is used when the text has
characters that are special to it, or names no program. What goes wrong before the command runs is told in its
output, with exit status 75: the mail is tried again.

The parent writes the message while it reads the output, of which it keeps the beginning. A command may stop reading
early. When the time is over, the whole session is killed.
See: command_time_limit, export_environment, local(8), pipe(8).
"""

from __future__ import annotations

import errno
import os
import select
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from pyfix.base import clock
from pyfix.base.environment import choose
from pyfix.mail.delivery.sysexits import EX_TEMPFAIL, Ended, printable

SEARCH_PATH: Final = "/usr/bin:/bin"
_OUTPUT_LIMIT: Final = 4096
_SHELL: Final = "/bin/sh"
_PLAIN: Final = frozenset("1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \t")
_DEFAULT_SIGNALS: Final = (signal.SIGPIPE, signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGXFSZ)


class CommandError(Exception):
    """The command could not even be tried (no process, no pipe): temporary."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is executed, how and as whom."""

    argv: Sequence[str] = ()
    text: str = ""
    """A command line, in place of argv."""
    shell: Sequence[str] = ()
    """The shell that always runs `text`; empty: /bin/sh, and only when needed."""
    uid: int = -1
    """-1: the rights of this process."""
    gid: int = -1
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""
    chroot: str = ""
    time_limit: float = 1000.0
    program: str = "local"
    """Who speaks in messages of a child that could not run the command."""

    @property
    def name(self) -> str:
        """How a message names the command."""
        return self.text or self.argv[0]


def exported_environment(names: Sequence[str], own: Mapping[str, str]) -> dict[str, str]:
    """Return what commands may see of the mail system's environment."""
    return {"PATH": SEARCH_PATH, **choose(names, own)}


def run(command: Command, message: Iterator[bytes]) -> Ended:
    """Run it and return how it ended. Call it with root's rights, or none. Raises CommandError."""
    pipes: list[int] = []
    try:
        pipes += os.pipe2(os.O_CLOEXEC)
        pipes += os.pipe2(os.O_CLOEXEC)
        child_in, our_out, our_in, child_out = pipes
        pid = os.fork()
        if pid == 0:
            _become_command(command, child_in, child_out)
        pidfd = _watch(pid)
    except OSError as error:
        for fd in pipes:
            os.close(fd)
        raise CommandError(f"Delivery failed: {error.strerror}") from error
    os.close(child_in)
    os.close(child_out)
    return _Conversation(pid, pidfd, our_out, our_in, command.time_limit).finish(message)


def _watch(pid: int) -> int:
    """Return a descriptor that tells when the child ends; one that can't be watched is killed, and OSError raised."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        _kill_session(pid)
        os.waitpid(pid, 0)
        raise


def _kill_session(pid: int) -> None:
    """Kill the session of the command; before setsid it is the child alone."""
    for target in (-pid, pid):
        try:
            os.kill(target, signal.SIGKILL)
        except ProcessLookupError:
            continue


# --- the child ------------------------------------------------------------------------------------------------------


def _become_command(command: Command, stdin: int, stdout: int) -> NoReturn:
    """Turn this new process into the command. Never returns, whatever happens."""
    try:
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        os.dup2(stdout, 2)
        os.closerange(3, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 1 << 16 else 1 << 16)
        for number in _DEFAULT_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        _give_up_rights(command)
        os.setsid()
        _change_directory(command)
        _execute(command)
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        os.write(2, f"{command.program}: fatal: {what}{error.strerror}\n".encode())
    finally:
        os._exit(EX_TEMPFAIL)


def _give_up_rights(command: Command) -> None:
    if command.chroot:
        os.chroot(command.chroot)
        os.chdir("/")
    if command.uid >= 0 and os.getuid() == 0:
        os.setgroups([command.gid])
        os.setresgid(command.gid, command.gid, command.gid)
        os.setresuid(command.uid, command.uid, command.uid)


def _change_directory(command: Command) -> None:
    if command.directory:
        try:
            os.chdir(command.directory)
        except OSError as error:
            where = f'cannot change directory to "{command.directory}" for uid={os.getuid()} gid={os.getgid()}'
            raise OSError(error.errno, error.strerror, where) from error


def _execute(command: Command) -> None:
    environment = dict(command.environment)
    if command.argv:
        _exec_program(command.argv, environment, "pipe_command: execvp ")
    elif command.shell:
        _exec_program([*command.shell, command.text], environment, "execvp ")
    elif _PLAIN.issuperset(command.text):
        try:
            _exec_program(command.text.split(), environment, "execvp ")
        except FileNotFoundError:
            if "/" in command.text.split()[0]:
                raise
    os.execve(_SHELL, ["sh", "-c", command.text], environment)


def _exec_program(argv: Sequence[str], environment: Mapping[str, str], call: str) -> None:
    """Execute the program, found along the search path; raise OSError that names `call` and the program."""
    try:
        os.execvpe(argv[0], list(argv), environment)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"{call}{argv[0]}") from error


# --- the parent -----------------------------------------------------------------------------------------------------


class _Conversation:
    """Feeds the command, hears what it says, and sees it end."""

    def __init__(self, pid: int, pidfd: int, stdin: int, stdout: int, time_limit: float) -> None:
        self._pid = pid
        self._pidfd = pidfd
        self._stdin = stdin
        self._stdout = stdout
        self._deadline = clock.monotonic() + time_limit
        self._output = bytearray()
        self._pending = memoryview(b"")
        self._poll = select.poll()

    def finish(self, message: Iterator[bytes]) -> Ended:
        """Talk until the command has ended or its time is over."""
        os.set_blocking(self._stdin, False)
        os.set_blocking(self._stdout, False)
        self._poll.register(self._pidfd, select.POLLIN)
        self._poll.register(self._stdin, select.POLLOUT)
        self._poll.register(self._stdout, select.POLLIN)
        timed_out = True
        try:
            timed_out = self._talk(message)
        finally:
            if timed_out:
                _kill_session(self._pid)
            self._read()
            status = os.waitpid(self._pid, 0)[1]
            self._close()
        return Ended(os.waitstatus_to_exitcode(status), printable(bytes(self._output)), timed_out)

    def _talk(self, message: Iterator[bytes]) -> bool:
        """Return True when the time is over before the command is."""
        while (left := self._deadline - clock.monotonic()) > 0:
            ready = {fd for fd, _ in self._poll.poll(left * 1000)}
            if self._stdout in ready:
                self._read()
            if self._pidfd in ready:
                return False
            if self._stdin in ready:
                self._write(message)
        return True

    def _write(self, message: Iterator[bytes]) -> None:
        """Write what the pipe takes; close it at the end, or when the command wants no more."""
        if not self._pending:
            chunk = next(message, None)
            if chunk is None:
                self._close_stdin()
                return
            self._pending = memoryview(chunk)
        try:
            self._pending = self._pending[os.write(self._stdin, self._pending) :]
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            self._close_stdin()

    def _read(self) -> None:
        """Take the output that is there; keep its beginning."""
        if self._stdout < 0:
            return
        try:
            while data := os.read(self._stdout, 65536):
                self._output += data[: _OUTPUT_LIMIT - len(self._output)]
        except BlockingIOError:
            return
        self._poll.unregister(self._stdout)
        os.close(self._stdout)
        self._stdout = -1

    def _close_stdin(self) -> None:
        self._poll.unregister(self._stdin)
        os.close(self._stdin)
        self._stdin = -1

    def _close(self) -> None:
        for fd in (self._stdin, self._stdout, self._pidfd):
            if fd >= 0:
                os.close(fd)

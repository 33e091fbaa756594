"""A whole private mail system for a test: laid out by `pyfix init`, started, asked, stopped, and looked after.

Nothing here sleeps for a guessed time: every wait has a condition and a deadline.
"""

from __future__ import annotations

import grp
import itertools
import os
import pwd
import re
import select
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import IO, Final, TypeVar

T = TypeVar("T")
DEADLINE_S = 30.0
DOMAIN = "example.test"
USER = "alice"


def wait_until(condition: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Return the first true value of `condition`; fail with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s:.0f} s: {what}")
        select.select([], [], [], 0.02)
    return value


def mail(subject: str = "test", body: str = "body\n", **headers: str) -> bytes:
    """Return a message with CRLF line ends."""
    lines = [f"Subject: {subject}", *(f"{name}: {value}" for name, value in headers.items()), "", *body.splitlines()]
    return "".join(f"{line}\r\n" for line in lines).encode()


class Client:
    """One SMTP connection on which everything is expected to be accepted."""

    def __init__(self, port: int) -> None:
        self.smtp = smtplib.SMTP("127.0.0.1", port, local_hostname="client.test", timeout=DEADLINE_S)
        self.smtp.ehlo()

    def send(
        self, sender: str, recipients: Sequence[str], content: bytes, *, mail_options: str = "", rcpt_options: str = ""
    ) -> str:
        """Send one message and return its queue id."""
        self._expect(250, self.smtp.docmd("MAIL", f"FROM:<{sender}> {mail_options}".strip()))
        for recipient in recipients:
            self._expect(250, self.smtp.docmd("RCPT", f"TO:<{recipient}> {rcpt_options}".strip()))
        text = self._expect(250, self.smtp.data(content))
        found = re.search(r"queued as (\w+)", text)
        assert found, text
        return found[1]

    @staticmethod
    def _expect(code: int, reply: tuple[int, bytes]) -> str:
        assert reply[0] == code, reply
        return reply[1].decode()

    def close(self) -> None:
        """Say goodbye."""
        self.smtp.quit()


class Instance:
    """One mail system below `directory`."""

    ports: dict[str, int]
    """Of SMTP, submission, smtps, POP3, POP3S."""
    password: str
    """Of the one mailbox."""

    prologue = ""
    """Python text that every command runs first: how a test looks into the processes."""

    def __init__(self, directory: Path, interpreter: str = sys.executable) -> None:
        self.directory = directory
        self.etc = directory / "etc"
        self.spool = directory / "spool"
        self._python = interpreter
        self.address = f"{USER}@{DOMAIN}"
        self.settings: dict[str, str] = {}
        self.environ: dict[str, str] = {}
        self.port = self._lay_out()
        self.set(notify_classes="resource, software")

    def _lay_out(self) -> int:
        """Make the files and return the SMTP port."""
        result = self._run("pyfix", "init", str(self.directory), "--domain", DOMAIN, "--user", USER)
        assert result.returncode == 0, result.stderr
        self.ports = {
            word: int(port) for word, port in re.findall(r"(?m)^(\w+) +127\.0\.0\.1 port (\d+)", result.stdout)
        }
        found = re.search(r"(?m)^password +(\S+)$", result.stdout)
        assert found, result.stdout
        self.password = found[1]
        return self.ports["SMTP"]

    # --- configuration

    def set(self, **settings: str) -> None:
        """Set parameters in main.cf, in place of what is there."""
        self.settings.update(settings)
        path = self.etc / "main.cf"
        lines = path.read_text().splitlines()
        for name, value in settings.items():
            lines = [line for line in lines if not re.match(rf"{name}\s*=", line)] + [f"{name} = {value}"]
        path.write_text("\n".join(lines) + "\n")

    def add_service(self, *lines: str) -> None:
        """Append lines to master.cf."""
        with open(self.etc / "master.cf", "a") as file:
            file.writelines(f"{line}\n" for line in lines)

    # --- commands

    def _run(self, program: str, *args: str, **options: object) -> subprocess.CompletedProcess[str]:
        command = self._command(program, *args)
        timeout = options.pop("timeout", 90)
        options["env"] = {**os.environ, **self.environ, **options.pop("env", {})}  # type: ignore[dict-item]  # see below
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, **options)  # type: ignore[call-overload,no-any-return]  # options vary

    def _command(self, program: str, *args: str) -> list[str]:
        entry = f"import sys; sys.argv[0] = {program!r}; from pyfix.commands.{program} import main; sys.exit(main())"
        entry = f"{self.prologue}\n{entry}" if self.prologue else entry
        return [self._python, "-P", "-c", entry, *args]

    def foreground(self, stdout: int | IO[bytes] = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start in the foreground, as a child of the test."""
        return subprocess.Popen(
            self._command("pyfix", "-c", str(self.etc), "start-fg"),
            env={**os.environ, **self.environ},
            stdout=stdout,
            stderr=subprocess.DEVNULL,
        )

    def pyfix(self, *args: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run `pyfix -c DIR/etc ARGS`."""
        return self._run("pyfix", "-c", str(self.etc), *args, **options)

    def command(self, program: str, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run another command of pyfix on this instance."""
        return self._run(program, *args, input=stdin, env={"MAIL_CONFIG": str(self.etc)})

    def start(self, *options: str) -> None:
        """Start; the command returns when mail is accepted."""
        result = self.pyfix(*options, "start")
        assert result.returncode == 0, result.stderr + self.log

    def stop(self) -> None:
        """Stop in an orderly fashion."""
        result = self.pyfix("stop")
        assert result.returncode == 0, result.stderr

    @property
    def is_running(self) -> bool:
        """True while there is a master."""
        return self.pyfix("status").returncode == 0

    # --- mail in

    def connect(self) -> Client:
        """Return a new SMTP connection."""
        return Client(self.port)

    def send(
        self,
        recipients: Sequence[str] | str = "",
        content: bytes = b"",
        *,
        sender: str = "sender@client.test",
        **options: str,
    ) -> str:
        """Send one message over a connection of its own; return its queue id."""
        if isinstance(recipients, str):
            recipients = [recipients or self.address]
        client = self.connect()
        queue_id = client.send(sender, recipients, content or mail(), **options)
        client.close()
        return queue_id

    # --- mail out

    def maildir(self, user: str = USER) -> Path:
        """Return where new mail of a virtual user lies."""
        return self.directory / "mail" / DOMAIN / user / "Maildir" / "new"

    def messages(self, user: str = USER) -> list[Message]:
        """Return what was delivered."""
        folder = self.maildir(user)
        paths = sorted(folder.iterdir()) if folder.exists() else []
        return [BytesParser().parsebytes(path.read_bytes()) for path in paths]

    def wait_for_mail(self, count: int = 1, user: str = USER, deadline_s: float = DEADLINE_S) -> list[Message]:
        """Wait until so many messages are in the mailbox, and return them."""
        folder = self.maildir(user)
        wait_until(
            lambda: folder.exists() and len(os.listdir(folder)) >= count, f"{count} messages for {user}", deadline_s
        )
        return self.messages(user)

    # --- what goes on inside

    @property
    def log(self) -> str:
        """The whole mail log."""
        path = self.directory / "log" / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_for_log(self, pattern: str, deadline_s: float = DEADLINE_S) -> re.Match[str]:
        """Return the first match of a regular expression in the log."""
        return wait_until(lambda: re.search(pattern, self.log, re.MULTILINE), f"log line {pattern!r}", deadline_s)

    def queue_files(self, *queues: str) -> list[Path]:
        """Return all message files of these queues (all by default)."""
        names = queues or ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")
        return [path for name in names for path in (self.spool / name).rglob("*") if path.is_file()]

    def wait_until_empty(self, deadline_s: float = DEADLINE_S) -> None:
        """Wait until no message is in the queue."""
        wait_until(lambda: not self.queue_files(), f"empty queue: {self.queue_files()}", deadline_s)

    def processes(self) -> list[int]:
        """Return the process ids of this instance: each works in the queue directory."""
        found: list[int] = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{name}/cwd") == os.path.realpath(self.spool):
                    found.append(int(name))
            except OSError:
                continue
        return found

    def master(self) -> int:
        """Return the process id of the master."""
        return int((self.spool / "pid" / "master.pid").read_text())

    # --- the end

    def complaints(self) -> list[str]:
        """Return lines of the log that no test may cause: tracebacks and bugs."""
        return [line for line in self.log.splitlines() if re.search(r"Traceback|: panic: ", line)]

    def close(self) -> list[str]:
        """Stop and remove everything; return what was wrong."""
        problems: list[str] = []
        if self.is_running:
            result = self.pyfix("stop")
            if result.returncode:
                problems.append(f"stop failed: {result.stderr}")
        try:
            wait_until(lambda: not self.processes(), "end of all processes", 15)
        except AssertionError:
            for pid in self.processes():
                problems.append(f"process left behind: {pid}")
                os.kill(pid, signal.SIGKILL)
        return problems + self.complaints()


REPOSITORY = Path(__file__).parent.parent


class StockInstance(Instance):
    """The configuration files that ship, with lines appended for the directories, the port and the users of a test."""

    master_cf = REPOSITORY / "master.cf"

    def _lay_out(self) -> int:
        """Copy the files, append, and make what does not belong to the mail system."""
        port = free_port()
        for name in ("etc", "log", "boxes"):
            (self.directory / name).mkdir(parents=True)
        (self.directory / "boxes").chmod(0o1777)
        (self.etc / "aliases").write_text("postmaster: root\n")
        owner = first_known(("postfix", "mail", "nobody"), pwd.getpwnam)
        group = first_known(("postdrop", "mail", "nogroup", "nobody"), grp.getgrnam)
        text = (REPOSITORY / "main.cf").read_text()
        (self.etc / "main.cf").write_text(f"""{text}
queue_directory = {self.spool}
data_directory = {self.directory}/data
mail_spool_directory = {self.directory}/boxes
maillog_file = {self.directory}/log/maillog
maillog_file_prefixes = {self.directory}/log
alias_maps = hash:{self.etc}/aliases
alias_database = hash:{self.etc}/aliases
mail_owner = {owner}
setgid_group = {group}
""")
        lines = re.sub(r"(?m)^smtp( +inet )", f"127.0.0.1:{port}\\1", self.master_cf.read_text())
        (self.etc / "master.cf").write_text(lines)
        return port

    def wait_for_mbox(self, text: bytes, user: str) -> bytes:
        """Wait until a text is in a user's mailbox file, and return all of it."""
        path = self.directory / "boxes" / user
        what = f"{text!r} in {path}"
        return wait_until(lambda: path.exists() and text in (found := path.read_bytes()) and found, what)


def first_known(names: Iterable[str], look_up: Callable[[str], object]) -> str:
    """Return the first name that the system knows."""
    for name in names:
        try:
            look_up(name)
        except KeyError:
            continue
        return name
    raise AssertionError(f"this system has none of {names}")


_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
_PORTS: Final = itertools.cycle(range(10_000 + 5_500 * _WORKER + os.getpid() % 500, 15_500 + 5_500 * _WORKER))
"""Below those that the system gives to clients, and for each worker others: nobody else takes one before it is used."""


def free_port() -> int:
    """Return a free TCP port of the loopback interface, each time another one."""
    for port in _PORTS:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("unreachable: a cycle does not end")


@contextmanager
def new_instance(kind: Callable[[Path], Instance] = Instance) -> Iterator[Instance]:
    """Lay an instance out where the user that root's mail systems run as may enter; clean up, and fail on leftovers."""
    directory = Path(tempfile.mkdtemp(prefix="pyfix-"))
    directory.chmod(0o755)
    made: Instance | None = None
    try:
        made = kind(directory / "i")
        yield made
    finally:
        problems = made.close() if made else []
        if made:
            print(made.log[-20_000:])  # noqa: T201 - pytest shows it when the test fails
        shutil.rmtree(directory, ignore_errors=True)
    assert problems == []


def field(messages: Iterable[Message], name: str) -> list[str]:
    """Return one header of every message."""
    return [str(message[name]) for message in messages]

"""A Maildir, pop3d, and clients that have logged in."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fake_auth import MECHANISMS, FakeAuth, User, fake_auth
from harness import DEADLINE_S, RunningWorker, make_queue_directory, run_worker

from pyfix.daemons.pop3_login.daemon import SERVICE as LOGIN
from pyfix.daemons.pop3d.daemon import SERVICE
from pyfix.mail.ipc.frame import FrameReader, encode
from pyfix.mail.ipc.messages import HandedOver, HandOver
from pyfix.proto.dovecot_auth import Mechanism

OWNER = 7001


class Client:
    """One end of a POP3 connection."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(DEADLINE_S)
        self.sock = sock
        self.greeting = b""
        self.file = sock.makefile("rb")

    def line(self) -> bytes:
        """Return the next line without its end; empty at the end of the stream."""
        return self.file.readline().rstrip(b"\r\n")

    def ask(self, command: str) -> bytes:
        """Send a command and return the first line of the reply."""
        self.sock.sendall(command.encode() + b"\r\n")
        return self.line()

    def body(self) -> list[bytes]:
        """Return the lines of a multi-line reply, dots as they were sent."""
        return list(iter(self.line, b"."))

    def body_until_end(self) -> list[bytes]:
        """Return all lines until the end of the stream."""
        return [line.rstrip(b"\r\n") for line in self.file]

    def flood(self, data: bytes, times: int) -> None:
        """Send something again and again without reading, as long as it is taken."""
        self.sock.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            for _ in range(times):
                self.sock.sendall(data)
        self.sock.settimeout(DEADLINE_S)

    def is_at_end(self) -> bool:
        """Wait for the end of the stream."""
        return self.file.read() == b""

    def close(self) -> None:
        self.file.close()
        self.sock.close()


def memory_of(worker: RunningWorker) -> int:
    """Return how many bytes of memory a process has."""
    return int(Path(f"/proc/{worker.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def make_maildir(path: Path, messages: dict[str, bytes], uid: int = OWNER) -> Path:
    """Make a Maildir; names that have a colon are in cur/."""
    for name in ("tmp", "new", "cur"):
        (path / name).mkdir(parents=True)
    for name, content in messages.items():
        (path / ("cur" if ":" in name else "new") / name).write_bytes(content)
    if os.getuid() == 0:
        for found in (path, *path.rglob("*")):
            os.chown(found, uid, uid, follow_symlinks=False)
    return path


@dataclass
class Scene:
    """All that there is."""

    auth: FakeAuth
    worker: RunningWorker
    mail: Path
    clients: list[Client] = field(default_factory=list)

    def add_user(self, name: str, messages: dict[str, bytes], location: str = "") -> Path:
        """Make a user with a Maildir."""
        path = make_maildir(self.mail / name, messages)
        self.auth.users[name] = User("secret", {"mail": location or f"maildir:{path}", **ids()})
        return path

    def give(
        self, name: str, rest: bytes = b"", remote: str = "192.0.2.1", ticket: str = ""
    ) -> tuple[Client, HandedOver]:
        """Hand a session over; return the client's end and the answer."""
        ours, theirs = socket.socketpair()
        with theirs, socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(DEADLINE_S)
            sock.connect(self.worker.path)
            message = HandOver(ticket or self.auth.ticket_for(name), name, "session", remote, rest)
            socket.send_fds(sock, [encode(message)], [theirs.fileno()])
            [answer] = FrameReader().receive(sock.recv(4096))
        assert isinstance(answer, HandedOver)
        self.clients.append(Client(ours))
        return self.clients[-1], answer

    def open(self, name: str, rest: bytes = b"") -> Client:
        """Return a session whose mailbox is open."""
        client, answer = self.give(name, rest)
        assert answer == HandedOver(self.worker.pid)
        assert client.line() == b"+OK Logged in."
        return client


def ids() -> dict[str, str]:
    """Return whose the mailboxes are."""
    return {"uid": str(OWNER), "gid": str(OWNER)} if os.getuid() == 0 else {"uid": "-1", "gid": "-1"}


@dataclass
class LoginScene(Scene):
    """The same, and pop3-login in front of it."""

    login: RunningWorker | None = None

    @property
    def lines(self) -> RunningWorker:
        """Return pop3-login, for its log."""
        assert self.login is not None
        return self.login

    def connect(
        self, context: ssl.SSLContext | None = None, host: str = "127.0.0.1", source: str = "127.0.0.1"
    ) -> Client:
        """Return a new connection, encrypted from the beginning where there is a context; the greeting is read."""
        port = int(self.lines.path.rpartition(":")[2])
        sock = socket.create_connection((host, port), DEADLINE_S, (source, 0))
        client = Client(context.wrap_socket(sock) if context else sock)
        self.clients.append(client)
        client.greeting = client.line()
        assert client.greeting.startswith(b"+OK POP3 server ready.")
        return client

    def encrypt(self, client: Client, context: ssl.SSLContext) -> Client:
        """Go on behind STLS."""
        client.file.close()
        self.clients.remove(client)
        self.clients.append(Client(context.wrap_socket(client.sock)))
        return self.clients[-1]

    def log_in(self, name: str, context: ssl.SSLContext | None = None) -> Client:
        """Return a session whose mailbox is open."""
        client = self.connect(context)
        assert client.ask(f"USER {name}") == b"+OK"
        assert client.ask("PASS secret") == b"+OK Logged in."
        return client


@contextlib.contextmanager
def pop3_login_scene(
    main_cf: str = "",
    overrides: Sequence[tuple[str, str]] = (),
    host: str = "127.0.0.1",
    mechanisms: tuple[Mechanism, ...] = MECHANISMS,
) -> Iterator[LoginScene]:
    """Run pop3d and pop3-login."""
    with pop3d_scene(main_cf, "pop3d") as behind:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(behind.worker.path)
        behind.worker.wait_for_line("refused")  # it has opened its log, which the next worker replaces
        behind.auth.mechanisms = mechanisms
        directory = behind.worker.directory
        with run_worker(
            LOGIN, main_cf, directory, name="pop3", overrides=overrides, inet=True, host=host
        ) as login:  # fmt: skip
            yield LoginScene(behind.auth, behind.worker, behind.mail, behind.clients, login)
            for client in behind.clients:
                client.close()


@contextlib.contextmanager
def pop3d_scene(main_cf: str = "", name: str = "test") -> Iterator[Scene]:
    """Run pop3d. The directory is one that other users can reach."""
    directory = Path(tempfile.mkdtemp(prefix="pyfix-pop3d-"))
    directory.chmod(0o755)
    (directory / "mail").mkdir()
    try:
        with (
            fake_auth(make_queue_directory(directory)) as auth,
            run_worker(SERVICE, main_cf, directory, name=name) as worker,
        ):
            scene = Scene(auth, worker, directory / "mail")
            try:
                yield scene
            finally:
                for client in scene.clients:
                    client.close()
    finally:
        shutil.rmtree(directory)

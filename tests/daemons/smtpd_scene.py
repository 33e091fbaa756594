"""A running smtpd with fakes around it, and a client that asserts what it is told."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import DEADLINE_S, RunningWorker, make_queue_directory, run_worker

sys.path.insert(0, str(Path(__file__).parents[1] / "sessions" / "smtp"))

from neighbours import Neighbours, Service

from pyfix.daemons.smtpd.daemon import SERVICE

__all__ = ["MAIN_CF", "Client", "Scene", "Service", "scene"]

MAIN_CF = """
compatibility_level = 3.7
mydestination =
mynetworks = 10.0.0.0/8
virtual_mailbox_domains = virtual.test
virtual_mailbox_maps = inline:{u1@virtual.test=u1}
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
"""


@dataclass
class Client:
    """A client that asserts what it is told."""

    sock: socket.socket

    def __post_init__(self) -> None:
        self.lines = self.sock.makefile("rb")

    def read(self) -> str:
        """Return the last line of the next reply, "" at the end of the stream."""
        while True:
            line = self.lines.readline().decode()
            if line[3:4] != "-":
                return line.rstrip("\r\n")

    def say(self, command: str) -> str:
        """Send a command and return the last line of its reply."""
        self.sock.sendall(command.encode() + b"\r\n")
        return self.read()

    def begin(self) -> None:
        """Say all that comes before the content."""
        assert self.say("EHLO client.example").startswith("250 ")
        assert self.say("MAIL FROM:<a@b.c>") == "250 2.1.0 Ok"
        assert self.say("RCPT TO:<u1@virtual.test>") == "250 2.1.5 Ok"
        assert self.say("DATA").startswith("354 ")

    def close(self) -> None:
        """Hang up."""
        self.lines.close()
        self.sock.close()


@dataclass
class Scene:
    """A running smtpd and what surrounds it."""

    worker: RunningWorker
    neighbours: Neighbours
    directory: Path
    stack: ExitStack

    def connect(self, receive_buffer: int = 0, *, greeted: bool = True) -> Client:
        """Return a client that has been greeted, or will be told something else."""
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(DEADLINE_S)
        host, _, port = self.worker.path.rpartition(":")
        sock.connect((host, int(port)))
        client = Client(sock)
        self.stack.callback(client.close)
        assert not greeted or client.read().startswith("220 ")
        return client

    def incoming(self) -> list[str]:
        """Return the queue files that were not committed."""
        folder = self.directory / "incoming"
        return [name for name in os.listdir(folder) if not (folder / name).stat().st_mode & 0o100]


@contextmanager
def scene(directory: Path, main_cf: str = "") -> Iterator[Scene]:
    """Run smtpd with fakes around it."""
    neighbours = Neighbours(make_queue_directory(directory))
    try:
        with run_worker(SERVICE, MAIN_CF + main_cf, directory, name="smtp", inet=True) as worker, ExitStack() as stack:
            yield Scene(worker, neighbours, directory, stack)
    finally:
        neighbours.close()

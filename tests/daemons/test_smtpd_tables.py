"""smtpd with tables that keep it waiting, in every place that may name one: nobody else waits."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import DEADLINE_S
from smtpd_scene import Client, Scene, scene
from table_server import TableServer

LOCAL = "local_recipient_maps = unix:passwd.byname\n"
"""A table that blocks, and is asked for local parts alone where the domain is local."""


def recipient(stage: Scene, address: str) -> str:
    """Return the reply to RCPT."""
    client = stage.connect()
    client.say("HELO x")
    client.say("MAIL FROM:<a@b.c>")
    return client.say(f"RCPT TO:<{address}>")


@pytest.mark.parametrize(
    "mydestination", ["regexp:{{/^local\\.test$$/ x}}", "pipemap:{regexp:{{/./ x}},inline:{x=y}}", "unix:group.byname"]
)
def test_local_domains_in_a_table_are_asked_with_the_users(tmp_path: Path, mydestination: str) -> None:
    """Patterns by the loop, for the thread that looks users up; what blocks in the thread."""
    with scene(tmp_path, f"{LOCAL}mydestination = {mydestination}\n") as stage:
        assert recipient(stage, "no-such-user-1@local.test").startswith("550 5.1.1 ")
        if mydestination.startswith(("regexp", "pipemap")):
            assert recipient(stage, "root@local.test") == "250 2.1.5 Ok"
        assert not [line for line in stage.worker.log_lines() if "internal error" in line]


@contextmanager
def slow_table(reply: bytes) -> Iterator[tuple[TableServer, threading.Event, threading.Event]]:
    """A table that answers when the second event is set; the first tells that it has been asked."""
    asked, released = threading.Event(), threading.Event()

    def answer(request: bytes) -> bytes:
        asked.set()
        released.wait(2 * DEADLINE_S)
        return reply

    with TableServer(answer) as server:
        try:
            yield server, asked, released
        finally:
            released.set()


@pytest.mark.parametrize(("reply", "answer"), [(b"200 x\n", "221 "), (b"500 x\n", "500 "), (b"400 x\n", "500 ")])
def test_table_of_forbidden_commands_keeps_only_who_uses_one_waiting(tmp_path: Path, reply: bytes, answer: str) -> None:
    """A table without an answer forbids nothing, and is told of."""
    with slow_table(reply) as (server, asked, released):
        main_cf = f"smtpd_forbidden_commands = tcp:127.0.0.1:{server.port}\n"
        with scene(tmp_path, main_cf) as stage:
            other, client = stage.connect(), stage.connect()
            client.sock.sendall(b"GARBAGE\r\n")
            assert asked.wait(DEADLINE_S)
            assert other.say("NOOP") == "250 2.0.0 Ok"
            released.set()
            assert client.read().startswith(answer)
            if reply.startswith(b"400"):
                stage.worker.wait_for_line("warning: smtpd_forbidden_commands: tcp:127.0.0.1:")


LISTS = [
    "mynetworks = tcp:127.0.0.1:{port}\nlocal_header_rewrite_clients = permit_mynetworks\n",
    "local_header_rewrite_clients = check_address_map tcp:127.0.0.1:{port}\n",
    "smtpd_forbid_bare_newline = reject\nsmtpd_forbid_bare_newline_exclusions = tcp:127.0.0.1:{port}\n",
    "smtpd_forbid_bare_newline = reject\n"
    "smtpd_forbid_bare_newline_exclusions = regexp:{{{{/x/ x}}}} tcp:127.0.0.1:{port}\n",
]


@pytest.mark.parametrize("main_cf", LISTS)
@pytest.mark.parametrize("reply", [b"200 x\n", b"400 x\n"])
def test_list_of_clients_in_a_table_keeps_only_the_new_client_waiting(
    tmp_path: Path, main_cf: str, reply: bytes
) -> None:
    """And one that can't be asked is told of, and ends no session."""
    with slow_table(reply) as (server, asked, released), scene(tmp_path, main_cf.format(port=server.port)) as stage:
        released.set()
        other = stage.connect()
        asked.clear()
        released.clear()
        client = connect_from(stage, "127.0.0.9")
        assert asked.wait(DEADLINE_S)
        assert other.say("NOOP") == "250 2.0.0 Ok"
        released.set()
        assert client.read().startswith("220 ")
        if reply.startswith(b"400"):
            stage.worker.wait_for_line(f": tcp:127.0.0.1:{server.port}: the server says: x")


def connect_from(stage: Scene, address: str) -> Client:
    """Return a client with another address, which has not been greeted."""
    host, _, port = stage.worker.path.rpartition(":")
    client = Client(socket.create_connection((host, int(port)), DEADLINE_S, (address, 0)))
    stage.stack.callback(client.close)
    return client

"""smtpd with tables that keep it waiting, in every place that may name one: nobody else waits."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import DEADLINE_S
from smtpd_scene import Client, Scene, Service, scene
from table_server import TableServer

from pyfix.mail.ipc.messages import AnyMessage, Message, ProxyAnswer, ProxyLookup, ProxyStatus, Trigger

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


# --- tables of proxymap

Answer = Callable[[AnyMessage], Message | None]
PROXIED = "local_recipient_maps = proxy:unix:passwd.byname inline:{joe=x}\nmydestination = local.test\n"


@contextmanager
def fake_proxymap(directory: Path, answer: Answer) -> Iterator[Service]:
    """Serve private/proxymap; an answer of None hangs up."""
    path = directory / "private" / "proxymap"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    service = Service(path, answer)
    try:
        yield service
    finally:
        service.close()


def test_users_of_proxymap_are_asked_for_at_once(tmp_path: Path) -> None:
    """All keys of a recipient in one request; the tables beside it count as ever."""
    asked: list[AnyMessage] = []

    def answer(request: AnyMessage) -> Message:
        asked.append(request)
        assert isinstance(request, ProxyLookup)
        key = "alice" if "alice" in request.keys else ""
        return ProxyAnswer(ProxyStatus.OK, "x", key) if key else ProxyAnswer(ProxyStatus.NO_KEY)

    with fake_proxymap(tmp_path, answer), scene(tmp_path, PROXIED) as stage:
        assert recipient(stage, "alice@local.test") == "250 2.1.5 Ok"
        assert recipient(stage, "joe@local.test") == "250 2.1.5 Ok"
        assert recipient(stage, "nobody@local.test").startswith("550 5.1.1 ")
    assert asked == [
        ProxyLookup("unix:passwd.byname", ["alice@local.test", "alice", "@local.test"]),
        ProxyLookup("unix:passwd.byname", ["joe@local.test", "joe"]),
        ProxyLookup("unix:passwd.byname", ["nobody@local.test", "nobody", "@local.test"]),
    ]


NO_ANSWERS: list[tuple[Answer, str]] = [
    (lambda request: None, "proxy:unix:passwd.byname: private/proxymap: the connection was closed"),
    (lambda request: Trigger(), "proxy:unix:passwd.byname: private/proxymap: unexpected answer Trigger"),
    (
        lambda request: ProxyAnswer(ProxyStatus.RETRY, key="nobody@local.test", reason="down"),
        "proxy:unix:passwd.byname: down",
    ),
    (lambda request: ProxyAnswer(ProxyStatus.RETRY), "proxy:unix:passwd.byname: proxymap answers another question"),
    (
        lambda request: ProxyAnswer(ProxyStatus.OK, "x", "z"),
        "proxy:unix:passwd.byname: proxymap answers another question",
    ),
    (lambda request: ProxyAnswer(ProxyStatus.DENIED), "proxymap service is not configured for table"),
    (lambda request: ProxyAnswer(ProxyStatus.BAD), "proxymap lookup failed for table"),
]


@pytest.mark.parametrize(("answer", "problem"), NO_ANSWERS)
@pytest.mark.parametrize("table", ["proxy:unix:passwd.byname", "proxy:unix:passwd.byname tcp:127.0.0.1:1"])
def test_proxymap_without_an_answer_refuses_nobody(tmp_path: Path, answer: Answer, problem: str, table: str) -> None:
    """Asked by the loop or, with a table beside it that waits, by a thread; and the next one that answers is asked."""
    main_cf = f"mydestination = local.test\nlocal_recipient_maps = {table}\n"
    with scene(tmp_path, main_cf) as stage:
        with fake_proxymap(tmp_path, answer):
            assert recipient(stage, "nobody@local.test").startswith("451 4.3.0 <nobody@local.test>: Temporary lookup")
            stage.worker.wait_for_line(f"warning: {problem}")
        with fake_proxymap(tmp_path, lambda request: ProxyAnswer(ProxyStatus.OK, "x", "alice@local.test")):
            assert recipient(stage, "alice@local.test") == "250 2.1.5 Ok"


def test_master_cf_without_proxymap_refuses_nobody(tmp_path: Path) -> None:
    """The log has the remedy."""
    with scene(tmp_path, PROXIED) as stage:
        assert recipient(stage, "nobody@local.test").startswith("451 4.3.0 ")
        stage.worker.wait_for_line('has master.cf a line "proxymap unix - - n - - proxymap"?')


def test_slow_proxymap_keeps_only_who_needs_it_waiting(tmp_path: Path) -> None:
    """And no longer than ipc_timeout."""
    released = threading.Event()

    def answer(request: AnyMessage) -> None:
        released.wait(2 * DEADLINE_S)

    with fake_proxymap(tmp_path, answer), scene(tmp_path, PROXIED + "ipc_timeout = 1s\n") as stage:
        try:
            other, client = stage.connect(), stage.connect()
            client.say("HELO x")
            client.say("MAIL FROM:<a@b.c>")
            client.sock.sendall(b"RCPT TO:<alice@local.test>\r\n")
            assert other.say("NOOP") == "250 2.0.0 Ok"
            assert client.read().startswith("451 4.3.0 ")
            stage.worker.wait_for_line("private/proxymap: no answer within 1 seconds")
        finally:
            released.set()


def test_pattern_without_end_is_a_temporary_failure_for_who_asks(tmp_path: Path) -> None:
    """It would take hours for a long row of dashes; who comes with one is put off, and others are served."""
    rule = "{/^(.*)-(.*)-(.*)-(.*)-(.*)@x/ REJECT}"
    with scene(tmp_path, f"smtpd_recipient_restrictions = check_sender_access pcre:{{{rule}}}\n") as stage:
        hostile, polite = stage.connect(), stage.connect()
        hostile.say("HELO x")
        assert hostile.say(f"MAIL FROM:<a{'-' * 300}@b.test>").startswith("250 ")
        hostile.sock.sendall(b"RCPT TO:<u1@virtual.test>\r\n")
        polite.begin()
        assert hostile.read().startswith("451 4.3.5 ")
        assert hostile.say("RSET").startswith("250 ")
        stage.worker.wait_for_line("takes more than 1 seconds")

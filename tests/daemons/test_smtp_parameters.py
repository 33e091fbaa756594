"""Parameters of smtp, each by what it changes in a conversation or in what becomes of the mail."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from harness import RunningWorker, run_worker
from mail_agents import deliver, enqueue, verbs
from smtp_cases import BIG, EIGHT, SEVEN
from smtp_server import SILENCE, Script, ScriptedServer

from pyfix.daemons.smtp.cache import ConnectionCache
from pyfix.daemons.smtp.connection import Connection
from pyfix.daemons.smtp.daemon import LMTP_SERVICE, SERVICE
from pyfix.daemons.smtp.settings import CacheSettings
from pyfix.mail.ipc.messages import NOTIFY_SUCCESS, Delivered, Recipient

ALWAYS_KEPT = "smtp_connection_cache_destinations = 127.0.0.1\n"
STAGES = {
    "smtp_helo_timeout": (Script(greeting=SILENCE), "while receiving the initial server greeting"),
    "smtp_mail_timeout": (Script(mail=SILENCE), "while sending MAIL FROM"),
    "smtp_rcpt_timeout": (Script(rcpt=SILENCE), "while sending RCPT TO"),
    "smtp_data_init_timeout": (Script(data=SILENCE), "while sending DATA command"),
    "smtp_data_done_timeout": (Script(dot=SILENCE), "while sending end of data -- message may be sent more than once"),
}
ONE_BY_ONE = b"250 sink.test\r\n"
"""Without PIPELINING, so that each command is waited for."""


@contextmanager
def client(directory: Path, main_cf: str = "") -> Iterator[RunningWorker]:
    """A running smtp."""
    with run_worker(SERVICE, f"inet_protocols = ipv4\n{main_cf}", directory, name="smtp") as worker:
        yield worker


def send(worker: RunningWorker, port: int, address: str = "a@x.test", content: bytes = b"Subject: x\n\n") -> Delivered:
    """Deliver one message to a port of this machine; 0 for none in the next hop."""
    nexthop = f"[127.0.0.1]:{port}" if port else "[127.0.0.1]"
    return deliver(worker, enqueue(worker.directory, [address], content, nexthop=nexthop))


@pytest.mark.parametrize("name", STAGES)
def test_each_stage_has_its_time_limit(tmp_path: Path, name: str) -> None:
    """The server says no more; the mail is deferred with Postfix's words."""
    script, words = STAGES[name]
    script.ehlo = ONE_BY_ONE
    with ScriptedServer(script) as server, client(tmp_path, f"{name} = 1s") as worker:
        (outcome,) = send(worker, server.port).outcomes
    assert outcome.dsn.reason == f"conversation with 127.0.0.1[127.0.0.1] timed out {words}"
    assert (outcome.verb, outcome.dsn.status) == ("deferred", "4.4.2")


def test_server_that_takes_no_content_has_its_time_limit(tmp_path: Path) -> None:
    """smtp_data_xfer_timeout: it answers everything, and reads nothing after DATA."""
    with socket.create_server(("127.0.0.1", 0)) as listener, client(tmp_path, "smtp_data_xfer_timeout = 1s") as worker:
        listener.settimeout(20)
        request = enqueue(worker.directory, ["a@x.test"], BIG, nexthop=f"[127.0.0.1]:{listener.getsockname()[1]}")
        peer = worker.connect()
        peer.send(request)
        server, _ = listener.accept()
        server.settimeout(20)
        server.sendall(b"220 sink.test ESMTP\r\n")
        for reply in (ONE_BY_ONE, b"250 Ok\r\n", b"250 Ok\r\n", b"354 go on\r\n"):
            server.recv(1000)
            server.sendall(reply)
        answer = peer.receive()
        server.close()
    assert isinstance(answer, Delivered)
    assert [outcome.dsn.reason for outcome in answer.outcomes] == [
        "conversation with 127.0.0.1[127.0.0.1] timed out while sending message body"
    ]


def test_host_that_does_not_answer_has_its_time_limit(tmp_path: Path) -> None:
    """smtp_connect_timeout: its queue of connections is full, so that it drops what comes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        with client(tmp_path, "smtp_connect_timeout = 1s") as worker:
            port = listener.getsockname()[1]
            (outcome,) = send(worker, port).outcomes
        for sock in waiting:
            sock.close()
    assert outcome.dsn.reason == f"connect to 127.0.0.1[127.0.0.1]:{port}: Connection timed out"


@pytest.mark.parametrize("name", ["smtp_rset_timeout", "smtp_quit_timeout"])
def test_time_limits_after_the_mail_change_nothing_about_it(tmp_path: Path, name: str) -> None:
    """A server that does not answer RSET or QUIT has the mail all the same; the next message gets a new connection."""
    script = Script(ehlo=ONE_BY_ONE, rset=SILENCE, quit=SILENCE, rcpt={"bad": b"550 5.1.1 no\r\n"})
    skip = "smtp_skip_quit_response = no\n" if name == "smtp_quit_timeout" else ALWAYS_KEPT
    with ScriptedServer(script) as server, client(tmp_path, f"{skip}{name} = 1s") as worker:
        assert verbs(send(worker, server.port, "bad@x.test")) == [("bad@x.test", "bounced", "5.1.1")]
        assert send(worker, server.port).outcomes == []
        server.wait_for_clients()
        assert len(server.sessions) == 2


def test_port_may_be_another(tmp_path: Path) -> None:
    """smtp_tcp_port, where the next hop names none."""
    with ScriptedServer(Script()) as server, client(tmp_path, f"smtp_tcp_port = {server.port}") as worker:
        assert send(worker, 0).outcomes == []
        assert "RCPT TO:<a@x.test>" in server.commands


@pytest.mark.parametrize(("setting", "encoding"), [("no", b"quoted-printable"), ("yes", b"8bit")])
def test_8_bit_content_may_go_as_it_is(tmp_path: Path, setting: str, encoding: bytes) -> None:
    """disable_mime_output_conversion, for servers that do not say 8BITMIME."""
    main_cf = f"disable_mime_output_conversion = {setting}"
    with ScriptedServer(Script(ehlo=SEVEN.ehlo)) as server, client(tmp_path, main_cf) as worker:
        assert send(worker, server.port, content=EIGHT).outcomes == []
        (content,) = server.sessions[0].contents
    assert b"Content-Transfer-Encoding: " + encoding in content
    assert (b"caf\xc3\xa9" in content) is (setting == "yes")


def test_unused_connection_is_kept_for_a_while(tmp_path: Path) -> None:
    """smtp_connection_cache_time_limit: then it says QUIT."""
    main_cf = f"{ALWAYS_KEPT}smtp_connection_cache_time_limit = 1s"
    with ScriptedServer(Script()) as server, client(tmp_path, main_cf) as worker:
        assert send(worker, server.port).outcomes == []
        assert server.commands[-1] == "DATA"
        server.wait_for_clients()
        assert server.commands[-1] == "QUIT"


class Used:
    """As much of a connection as the cache asks about."""

    def __init__(self, uses: int, opened_at: float) -> None:
        self.uses = uses
        self.opened_at = opened_at


@pytest.mark.parametrize(
    ("limit", "limit_s", "uses", "age_s", "is_wanted"),
    [
        (0, 300, 1000, 299, True), (0, 300, 1, 301, False), (3, 300, 2, 0, True), (3, 300, 3, 0, False),
        (0, 10, 1, 9, True), (0, 10, 1, 11, False),
    ],
)  # fmt: skip
def test_connection_is_used_so_often_and_so_long(
    limit: int, limit_s: float, uses: int, age_s: float, is_wanted: bool
) -> None:
    """smtp_connection_reuse_count_limit, smtp_connection_reuse_time_limit."""

    async def ask() -> bool:
        cache = ConnectionCache(CacheSettings(True, frozenset({"x.test"}), 2.0, limit_s, limit))
        used = Used(uses, asyncio.get_running_loop().time() - age_s)
        return cache.is_wanted("x.test", cast(Connection, used))

    assert asyncio.run(ask()) is is_wanted


@pytest.mark.parametrize(("setting", "action"), [("no", "relayed"), ("yes", "delivered")])
def test_lmtp_server_without_dsn_may_count_as_the_end(tmp_path: Path, setting: str, action: str) -> None:
    """lmtp_assume_final: what a sender who asked is told of its success."""
    main_cf = f"inet_protocols = ipv4\nlmtp_assume_final = {setting}"
    rcpt = Recipient("a@x.test", "a@x.test", notify=NOTIFY_SUCCESS)
    with (
        ScriptedServer(Script(lmtp=True)) as server,
        run_worker(LMTP_SERVICE, main_cf, tmp_path, name="lmtp") as worker,
    ):
        request = enqueue(tmp_path, [rcpt], nexthop=f"inet:[127.0.0.1]:{server.port}")
        assert verbs(deliver(worker, request)) == [("a@x.test", action, "2.0.0")]


@pytest.mark.parametrize(("limit", "digits"), [("0", r"\d+"), ("1", r"\d+(\.\d)?"), ("6", r"\d+(\.\d{1,6})?")])
def test_delays_in_the_log_have_so_many_digits(tmp_path: Path, limit: str, digits: str) -> None:
    """delay_logging_resolution_limit."""
    with ScriptedServer(Script()) as server, client(tmp_path, f"delay_logging_resolution_limit = {limit}") as worker:
        send(worker, server.port)
        line = worker.wait_for_line("status=sent")
    assert re.search(rf" delay={digits}, delays={digits}/{digits}/{digits}/{digits}, ", line)

"""POP3 in a whole instance: pop3-login, auth and pop3d as the master runs them, and Python's poplib as the client.

Setup: an instance with one mailbox and three messages that came by SMTP.
Path: in the clear, STLS and pop3s. Check: what is sent, what is deleted, and what is not when somebody is killed.
"""

from __future__ import annotations

import os
import poplib
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from instance import DEADLINE_S, Instance, mail, new_instance, wait_until

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def system() -> Iterator[Instance]:
    with new_instance() as made:
        made.set(auth_failure_delay="0")
        made.start()
        for number in range(3):
            made.send(content=mail(f"message {number}", "line\n.dot\n"))
        wait_until(lambda: len(messages(made)) == 3, "three deliveries")
        yield made


@pytest.fixture
def context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def messages(system: Instance) -> list[Path]:
    """Return all messages of the mailbox."""
    return sorted(system.maildir().parent.glob("[cn]*/[0-9]*"))


@pytest.fixture
def log_in(system: Instance, context: ssl.SSLContext) -> Iterator[Callable[[str], poplib.POP3]]:
    """Return what opens a session: "", "stls" or "pop3s"; all are closed in the end."""
    clients: list[poplib.POP3] = []

    def begin(way: str = "") -> poplib.POP3:
        clients.append(connect(system, context if way == "pop3s" else None))
        if way == "stls":
            clients[-1].stls(context)
        clients[-1].user(system.address)
        clients[-1].pass_(system.password)
        return clients[-1]

    yield begin
    for client in clients:
        client.close()


def connect(system: Instance, context: ssl.SSLContext | None = None) -> poplib.POP3:
    """Return a connection."""
    if context:
        return poplib.POP3_SSL("127.0.0.1", system.ports["POP3S"], context=context, timeout=int(DEADLINE_S))
    return poplib.POP3("127.0.0.1", system.ports["POP3"], timeout=int(DEADLINE_S))


def pop3d_of(system: Instance) -> int:
    """Return the process that serves mailboxes."""
    titles = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in system.processes()}
    [pid] = [pid for pid, title in titles.items() if title.startswith(b"pop3d ")]
    return pid


def test_a_client_fetches_and_deletes_in_every_way(system: Instance, log_in: Callable[[str], poplib.POP3]) -> None:
    uidls = []
    for way in ("", "stls", "pop3s"):
        client = log_in(way)
        assert client.stat()[0] == 3
        uidls.append(client.uidl()[1])
        body = client.retr(1)[1]
        assert any(line.startswith(b"Subject: message ") for line in body) and body[-1] == b".dot"
        assert client.top(2, 0)[1][-1] == b""
        assert {"TOP", "UIDL", "PIPELINING", "RESP-CODES"} <= client.capa().keys()
        assert client.quit() == b"+OK Logging out."
    assert uidls[0] == uidls[1] == uidls[2]
    client = log_in("pop3s")
    client.dele(2)
    assert client.quit() == b"+OK Logging out, messages deleted."
    assert len(messages(system)) == 2


def test_a_wrong_password_and_a_stranger_look_alike(system: Instance) -> None:
    said = []
    for user in (system.address, "nobody@example.test"):
        client = connect(system)
        client.user(user)
        with pytest.raises(poplib.error_proto) as refused:
            client.pass_("wrong")
        said.append(str(refused.value))
        client.quit()
    assert said == [str(poplib.error_proto(b"-ERR [AUTH] Authentication failed."))] * 2
    wait_until(lambda: system.log.count("(auth failed, 1 attempts in ") == 2, "the log")


def test_a_mailbox_that_may_not_use_pop3_is_refused(system: Instance, log_in: Callable[[str], poplib.POP3]) -> None:
    assert system.pyfix("user", "set", system.address, "--disable", "pop3").returncode == 0
    with pytest.raises(poplib.error_proto, match="Authentication failed"):
        log_in("")
    assert system.pyfix("user", "set", system.address, "--enable", "pop3").returncode == 0
    log_in("").quit()


@pytest.mark.parametrize("way", ["", "pop3s"])
def test_pop3d_killed_in_mid_session(system: Instance, log_in: Callable[[str], poplib.POP3], way: str) -> None:
    before = messages(system)
    client = log_in(way)
    client.dele(1)
    os.kill(pop3d_of(system), signal.SIGKILL)
    with pytest.raises((EOFError, ConnectionError, poplib.error_proto, ssl.SSLError)):
        client.noop()
    assert messages(system) == before
    again = log_in("")
    assert again.stat()[0] == len(before)
    again.quit()


def test_tls_broken_off_deletes_nothing_and_frees_the_mailbox(
    system: Instance, log_in: Callable[[str], poplib.POP3]
) -> None:
    before = messages(system)
    client = log_in("pop3s")
    client.dele(1)
    raw = socket.socket(fileno=os.dup(client.sock.fileno()))
    raw.shutdown(socket.SHUT_RDWR)
    raw.close()
    again = log_in("stls")
    assert again.stat()[0] == len(before)
    again.quit()
    assert messages(system) == before


def test_the_system_stops_beside_sessions(system: Instance, log_in: Callable[[str], poplib.POP3]) -> None:
    client = log_in("")
    system.stop()
    with pytest.raises(poplib.error_proto, match="Server shutting down"):
        client.noop()
    system.start()
    log_in("stls").quit()

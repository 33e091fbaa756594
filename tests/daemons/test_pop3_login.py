"""pop3-login over real sockets, with pop3d behind it and a faked auth."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_auth import MECHANISMS
from pop3_scene import LoginScene, memory_of, pop3_login_scene
from test_pop3d import MESSAGES

from pyfix.proto.dovecot_auth import Mechanism


@pytest.fixture(scope="module")
def certificate(need: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate."""
    folder = tmp_path_factory.mktemp("certificate")
    make = [need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mail.test"]
    subprocess.run([*make, "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


@pytest.fixture
def context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


@pytest.fixture
def scene() -> Iterator[LoginScene]:
    with pop3_login_scene() as made:
        made.add_user("alice", MESSAGES)
        yield made


def tls(certificate: Path, level: str = "may") -> str:
    return f"pop3_tls_security_level = {level}\npop3_tls_chain_files = {certificate}"


def test_a_session_in_the_clear(scene: LoginScene) -> None:
    client = scene.log_in("alice")
    assert client.ask("STAT") == b"+OK 3 74"
    client.sock.sendall(b"DELE 1\r\nRETR 2\r\nQUIT\r\n")
    assert client.body_until_end()[-2:] == [b".", b"+OK Logging out, messages deleted."]
    line = scene.lines.wait_for_line("Login: ")
    facts = f"user=<alice>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid={scene.worker.pid}, secured"
    assert re.fullmatch(rf"pop3-login: Login: {re.escape(facts)}, session=<[\w+/]{{16}}>", line)
    session = line.rpartition("<")[2]
    assert f"pop3(alice)<{scene.worker.pid}><{session}: Disconnected: Logged out " in scene.worker.wait_for_line(
        "Logged"
    )


def test_commands_sent_ahead_go_over_with_the_session(scene: LoginScene) -> None:
    client = scene.connect()
    client.sock.sendall(b"CAPA\r\nUSER alice\r\nPASS secret\r\nSTAT\r\nNOOP\r\nQUIT\r\n")
    lines = client.body_until_end()
    assert lines[0] == b"+OK" and b"SASL PLAIN LOGIN CRAM-MD5" in lines
    assert lines[lines.index(b".") + 1 :] == [b"+OK", b"+OK Logged in.", b"+OK 3 74", b"+OK", b"+OK Logging out."]


def test_auth_with_and_without_initial_response(scene: LoginScene) -> None:
    response = base64.b64encode(b"\0alice\0secret").decode()
    first = scene.connect()
    assert first.ask("AUTH LOGIN") == b"+ "
    assert first.ask("*") == b"-ERR Authentication aborted by client."
    assert first.ask("AUTH PLAIN") == b"+ "
    assert first.ask(response) == b"+OK Logged in."
    assert first.ask("QUIT") == b"+OK Logging out."
    assert scene.connect().ask(f"AUTH PLAIN {response}") == b"+OK Logged in."
    request = scene.auth.requests[-1]
    assert request.fields["service"] == "pop3" and request.fields["rip"] == "127.0.0.1"
    assert {"secured", "ticket"} <= request.fields.keys()


def test_failed_logins_are_found_by_fail2ban(scene: LoginScene, need: Callable[[str], str], tmp_path: Path) -> None:
    told = scene.connect()
    told.ask("USER alice")
    assert told.ask("PASS wrong") == b"-ERR [AUTH] Authentication failed."
    assert told.ask("QUIT") == b"+OK Logging out"
    stranger = scene.connect()
    stranger.ask("USER x> method=PLAIN, rip=192.0.2.99, lip=<")
    assert stranger.ask("PASS wrong") == b"-ERR [AUTH] Authentication failed."
    stranger.close()
    scene.auth.answering.clear()
    hasty = scene.connect()
    hasty.sock.sendall(b"USER hasty\r\nPASS wrong\r\n")
    assert hasty.line() == b"+OK"
    hasty.close()
    scene.auth.answering.set()
    fine = scene.log_in("alice")
    assert fine.ask("QUIT") == b"+OK Logging out."
    scene.lines.wait_for_line("user=<hasty>")
    lines = [line for line in scene.lines.log_lines() if line.startswith("pop3-login: ")]
    assert [line.partition(" (")[0] for line in lines if "auth failed, 1 attempts in 0 secs" in line] == [
        "pop3-login: Disconnected: Aborted login by logging out",
        "pop3-login: Disconnected: Connection closed",
        "pop3-login: Disconnected: Connection closed",
    ]
    log = tmp_path / "log"
    log.write_text("".join(f"Nov  3 06:07:08 mail dovecot[77]: {line}\n" for line in lines))
    tool, filters = need("fail2ban-regex"), "/etc/fail2ban/filter.d/dovecot.conf"
    done = subprocess.run([tool, "-o", "<ip> <F-USER>", str(log), filters], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "127.0.0.1 alice", "127.0.0.1 x? method=PLAIN, rip=192.0.2.99, lip=?", "127.0.0.1 hasty"
    ]  # fmt: skip


def test_auth_that_cannot_say_is_no_failed_login(scene: LoginScene) -> None:
    scene.auth.is_broken = True
    client = scene.connect()
    client.ask("USER alice")
    assert client.ask("PASS secret") == b"-ERR [SYS/TEMP] Temporary authentication failure."
    client.close()
    assert "(auth service reported temporary failure)" in scene.lines.wait_for_line("Disconnected")


def test_pop3d_that_cannot_be_reached_is_told(scene: LoginScene) -> None:
    os.unlink(scene.worker.path)
    client = scene.connect()
    client.ask("USER alice")
    assert client.ask("PASS secret").startswith(b"-ERR [SYS/TEMP] Internal login failure.")
    assert client.is_at_end()
    assert "private/pop3d: " in scene.lines.wait_for_line("error: ")
    assert "(internal failure, 1 successful auths)" in scene.lines.wait_for_line("Disconnected: ")


def test_too_many_sessions_are_told_by_pop3_login() -> None:
    with pop3_login_scene("mail_max_userip_connections = 1") as scene:
        scene.add_user("alice", MESSAGES)
        scene.log_in("alice")
        client = scene.connect()
        client.ask("USER alice")
        assert client.ask("PASS secret").startswith(b"-ERR [IN-USE] Maximum number of connections from user+IP")
        assert "mail_max_userip_connections=1)" in scene.lines.wait_for_line("Disconnected: Maximum")


def test_passwords_in_the_clear_are_for_this_machine_only() -> None:
    with pop3_login_scene(host="127.0.0.2") as scene:
        scene.add_user("alice", MESSAGES)
        client = scene.connect(host="127.0.0.2", source="127.0.0.1")
        assert client.ask("USER alice").startswith(b"-ERR [AUTH] Plaintext authentication disallowed")
        assert client.ask("AUTH PLAIN") == b"-ERR [AUTH] Plaintext authentication disabled."
        assert client.ask("AUTH CRAM-MD5") == b"+ "
        client.close()
        line = scene.lines.wait_for_line("Disconnected")
        facts = "user=<alice>, method=CRAM-MD5, rip=127.0.0.1, lip=127.0.0.2, session="
        assert f"(tried to use disallowed plaintext auth): {facts}" in line
    with pop3_login_scene("disable_plaintext_auth = no", host="127.0.0.2") as scene:
        assert scene.connect(host="127.0.0.2", source="127.0.0.1").ask("USER alice") == b"+OK"


def test_stls_and_a_whole_session_behind_it(certificate: Path, context: ssl.SSLContext) -> None:
    content = b"Subject: large\n\n" + b".%s\n" % (b"x" * 76) * 20_000
    with pop3_login_scene(tls(certificate, "encrypt")) as scene:
        scene.add_user("alice", {"1.a.h": content})
        client = scene.connect()
        assert client.ask("USER alice") == b"-ERR [AUTH] Authentication not allowed until SSL/TLS is enabled."
        client.sock.sendall(b"STLS\r\nUSER mallory\r\n")
        assert client.line() == b"+OK Begin TLS negotiation now."
        client = scene.encrypt(client, context)
        capabilities = [client.ask("CAPA"), *client.body()]
        assert b"STLS" not in capabilities and b"USER" in capabilities
        client.sock.sendall(b"USER alice\r\nPASS secret\r\nRETR 1\r\n")
        assert [client.line() for _ in range(3)] == [
            b"+OK",
            b"+OK Logged in.",
            b"+OK %d octets" % (len(content) + 20_002),
        ]
        assert len(client.body()) == 20_002
        assert client.ask("DELE 1") == b"+OK Marked to be deleted."
        assert client.ask("QUIT") == b"+OK Logging out, messages deleted."
        assert client.is_at_end()
        assert ", TLS, session=<" in scene.lines.wait_for_line("Login: user=<alice>")


def test_command_in_one_piece_with_the_end_of_the_handshake(certificate: Path, context: ssl.SSLContext) -> None:
    """As curl sends it: it waits until the server knows that the handshake is done."""
    with pop3_login_scene(tls(certificate)) as scene:
        client = scene.connect()
        assert client.ask("STLS") == b"+OK Begin TLS negotiation now."
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing)
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.sock.sendall(outgoing.read())
                incoming.write(client.sock.recv(16384))
        session.write(b"USER alice\r\n")
        client.sock.sendall(outgoing.read())
        while True:
            incoming.write(client.sock.recv(16384))
            with contextlib.suppress(ssl.SSLWantReadError):
                assert session.read(100) == b"+OK\r\n"
                break


def test_stls_behind_a_failed_login(certificate: Path, context: ssl.SSLContext) -> None:
    with pop3_login_scene(tls(certificate)) as scene:
        scene.add_user("alice", MESSAGES)
        client = scene.connect()
        client.sock.sendall(b"USER alice\r\nPASS wrong\r\nSTLS\r\n")
        assert [client.line()[:4] for _ in range(3)] == [b"+OK", b"-ERR", b"+OK "]
        client = scene.encrypt(client, context)
        client.ask("USER alice")
        assert client.ask("PASS secret") == b"+OK Logged in."


def test_pop3s_and_a_connection_broken_off(certificate: Path, context: ssl.SSLContext) -> None:
    with pop3_login_scene(tls(certificate), [("pop3_tls_wrappermode", "yes")]) as scene:
        path = scene.add_user("alice", MESSAGES)
        client = scene.log_in("alice", context)
        client.ask("DELE 1")
        raw = socket.socket(fileno=client.sock.detach())
        raw.shutdown(socket.SHUT_RDWR)
        raw.close()
        assert "Connection closed top=0/0, retr=0/0, del=0/3" in scene.worker.wait_for_line("Disconnected")
        assert len(list(path.glob("*/17*"))) == 3
        other = scene.log_in("alice", context)
        scene.worker.kill()
        assert other.is_at_end()


@pytest.mark.parametrize("data", [b"", b"garbage\r\n", b"\x16\x03\x01"])
def test_handshakes_that_come_to_nothing(certificate: Path, data: bytes) -> None:
    with pop3_login_scene(tls(certificate), [("pop3_tls_wrappermode", "yes")]) as scene:
        port = int(scene.lines.path.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(data)
        line = scene.lines.wait_for_line("Disconnected: Connection closed (no auth attempts in 0 secs): user=<>, rip=")
        assert ", TLS handshaking: " in line


def test_without_a_certificate_there_is_no_stls() -> None:
    with pop3_login_scene("pop3_tls_security_level = may\npop3_tls_cert_file = /nowhere") as scene:
        client = scene.connect()
        assert client.ask("STLS") == b"-ERR TLS support isn't enabled."
        assert "/nowhere" in scene.lines.wait_for_line("warning")


def test_apop_is_offered_when_auth_has_it() -> None:
    with pop3_login_scene(mechanisms=(*MECHANISMS, Mechanism("APOP", frozenset({"private"})))) as scene:
        client = scene.connect()
        assert re.fullmatch(rb"\+OK POP3 server ready\. <[0-9.a-f]+@mail\.example\.test>", client.greeting)
        assert client.ask("APOP alice 0123456789abcdef0123456789abcdef") == b"-ERR [AUTH] Authentication failed."
        assert [client.ask("AUTH"), *client.body()] == [b"+OK", b"PLAIN", b"LOGIN", b"CRAM-MD5"]


def test_a_client_that_does_not_log_in_is_dropped() -> None:
    with pop3_login_scene("pop3_login_timeout = 1s\nlogin_greeting = POP3 server ready.") as scene:
        client = scene.connect()
        assert client.line() == b"-ERR Disconnected for inactivity."
        assert client.is_at_end()
        assert "Disconnected: Inactivity (no auth attempts in 1 secs): user=<>, rip=" in scene.lines.wait_for_line(
            "Inact"
        )


def test_who_takes_no_answers_can_ask_for_no_more(scene: LoginScene) -> None:
    """A stranger could fill the memory with them. Others go on, and so does who takes them."""
    client, other = scene.connect(), scene.connect()
    before = memory_of(scene.lines)
    client.flood(b"CAPA\r\n" * 10_000, 50)
    for _ in range(20):
        assert other.ask("CAPA") == b"+OK" and other.body()
    assert memory_of(scene.lines) - before < 16 * 2**20
    assert [client.line() for _ in range(5000)].count(b"+OK") > 100


def test_bad_commands_end_the_connection(scene: LoginScene) -> None:
    client = scene.connect()
    client.sock.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
    assert client.body_until_end()[-1] == b"-ERR Too many invalid bad commands."
    assert "Disconnected: Too many bad commands (no auth attempts in 0 secs)" in scene.lines.wait_for_line("Too many")


def test_auth_that_comes_later_is_asked_then() -> None:
    with pop3_login_scene("pop3d_service_name = pop3d") as scene:
        scene.add_user("alice", MESSAGES)
        hidden = scene.auth.path.with_name("hidden")
        shutil.move(scene.auth.path, hidden)
        client = scene.connect()
        assert client.ask("USER alice") == b"+OK"
        shutil.move(hidden, scene.auth.path)
        assert client.ask("PASS secret") == b"+OK Logged in."


def test_the_system_stops(scene: LoginScene) -> None:
    client = scene.connect()
    served = scene.log_in("alice")
    os.write(scene.lines.status.fileno(), b"S")
    assert client.line() == b"-ERR [SYS/TEMP] Server shutting down."
    assert client.is_at_end()
    assert served.ask("NOOP") == b"+OK"


def test_what_was_sent_before_the_end_of_input_is_answered(scene: LoginScene) -> None:
    client = scene.connect()
    client.sock.sendall(b"USER alice\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.body_until_end()[-1] == b"+OK Logging out, messages deleted."

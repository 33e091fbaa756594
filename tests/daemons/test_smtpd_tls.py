"""smtpd with TLS: STARTTLS, the wrapper mode, handshakes that are broken off, what is told of it."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import DEADLINE_S
from smtpd_scene import Client, Scene, scene
from tls_material import Issued, client_context, issue


@pytest.fixture(scope="module")
def own() -> Issued:
    """The server's certificate."""
    return issue("mail.test")


@contextmanager
def server(directory: Path, own: Issued, main_cf: str = "") -> Iterator[Scene]:
    """Run smtpd with a certificate."""
    certificate, key = own.write(directory, "own")
    lines = (
        f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\n"
        "smtpd_tls_loglevel = 1\n"
    )
    with scene(directory, lines + main_cf) as stage:
        yield stage


def raw(stage: Scene) -> socket.socket:
    """Return a connection that nobody has said anything on."""
    host, _, port = stage.worker.path.rpartition(":")
    sock = socket.create_connection((host, int(port)), DEADLINE_S)
    stage.stack.callback(sock.close)
    return sock


def encrypted(stage: Scene, sock: socket.socket, context: ssl.SSLContext | None = None) -> Client:
    """Return the client behind a handshake."""
    client = Client((context or client_context()).wrap_socket(sock))
    stage.stack.callback(client.close)
    return client


def begin(stage: Scene) -> Client:
    """Return a client that may begin its handshake."""
    client = stage.connect()
    client.say("EHLO client.example")
    assert client.say("STARTTLS") == "220 2.0.0 Ready to start TLS"
    return client


def keywords(client: Client) -> list[str]:
    """Return what EHLO announces."""
    client.sock.sendall(b"EHLO client.example\r\n")
    found = []
    while line := client.lines.readline().decode().rstrip("\r\n"):
        found.append(line[4:])
        if line[3] == " ":
            return found
    raise AssertionError("no reply to EHLO")


def test_message_over_tls(tmp_path: Path, own: Issued) -> None:
    """From STARTTLS to the Received: header."""
    with server(tmp_path, own, "smtpd_tls_received_header = yes\n") as stage:
        client = stage.connect()
        assert "STARTTLS" in keywords(client)
        assert client.say("STARTTLS now") == "501 5.5.4 Syntax: STARTTLS"
        assert client.say("STARTTLS").startswith("220 ")
        client = encrypted(stage, client.sock)
        assert "STARTTLS" not in keywords(client)
        assert client.say("STARTTLS") == "554 5.5.1 Error: TLS already active"
        client.begin()
        content = b"0123456789abcde\r\n" * 60_000
        client.sock.sendall(content + b".\r\n")
        assert client.read().startswith("250 2.0.0 Ok: queued as ")
        assert client.say("QUIT") == "221 2.0.0 Bye"
        assert client.read() == ""
        established = stage.worker.wait_for_line(
            "Anonymous TLS connection established from unknown[127.0.0.1]: TLSv1.3"
        )
        assert " with cipher TLS_" in established
        stage.worker.wait_for_line(
            "disconnect from unknown[127.0.0.1] ehlo=3 starttls=1/3 mail=1 rcpt=1 data=1 quit=1 commands=8/10"
        )
        received = stage.neighbours.messages[0].content
        assert received.endswith(content.replace(b"\r\n", b"\n"))
    assert received.startswith(
        b"Received: from client.example (unknown [127.0.0.1])\n\t(using TLSv1.3 with cipher TLS_"
    )
    assert (
        b"bits)" in received
        and b"\n\t(No client certificate requested)\n\tby mail.example.test (Postfix) with ESMTPS id" in received
    )


def test_what_was_said_in_the_clear_is_forgotten(tmp_path: Path, own: Issued) -> None:
    """Name, message and commands: RFC 3207 section 4.2, and CVE-2011-0411."""
    with server(tmp_path, own, "smtpd_helo_required = yes\n") as stage:
        client = stage.connect()
        client.say("EHLO client.example")
        client.say("MAIL FROM:<a@b.c>")
        client.sock.sendall(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@b.c>\r\nRCPT TO:<u1@virtual.test>\r\n")
        assert client.read() == "220 2.0.0 Ready to start TLS"
        client = encrypted(stage, client.sock)
        assert client.say("NOOP") == "250 2.0.0 Ok"
        assert client.say("RCPT TO:<u1@virtual.test>") == "503 5.5.1 Error: need MAIL command"
        assert client.say("MAIL FROM:<a@b.c>") == "503 5.5.1 Error: send HELO/EHLO first"
        client.say("QUIT")
        assert not stage.incoming()


def test_server_that_insists_on_tls(tmp_path: Path, own: Issued) -> None:
    """Little may be said in the clear, and all of it afterwards."""
    with server(tmp_path, own, "smtpd_tls_security_level = encrypt\n") as stage:
        client = stage.connect()
        need = "530 5.7.0 Must issue a STARTTLS command first"
        for command in ("MAIL FROM:<>", "RSET", "VRFY x", "ETRN x", "AUTH PLAIN", "XFORWARD"):
            assert client.say(command) == need, command
        for command, reply in (
            ("HELO x", "250 "),
            ("EHLO x", "250 "),
            ("NOOP", "250 "),
            ("FOO", "500 "),
            ("XCLIENT", "501 "),
        ):
            assert client.say(command).startswith(reply), command
        assert client.say("STARTTLS").startswith("220 ")
        client = encrypted(stage, client.sock)
        client.begin()


def test_wrapper_mode(tmp_path: Path, own: Issued) -> None:
    """The handshake comes first; STARTTLS is neither announced nor possible."""
    with server(tmp_path, own, "smtpd_tls_wrappermode = yes\n") as stage:
        client = encrypted(stage, raw(stage))
        assert client.read().startswith("220 ")
        assert "STARTTLS" not in keywords(client)
        assert client.say("STARTTLS") == "554 5.5.1 Error: TLS already active"
        client.begin()
        sock = raw(stage)
        sock.sendall(b"EHLO this is not TLS\r\n")
        assert sock.recv(100)[:2] in (b"\x15\x03", b"")  # an alert, if anything
        stage.worker.wait_for_line("SSL_accept error from unknown[127.0.0.1]: -1")
        stage.worker.wait_for_line("lost connection after CONNECT from unknown[127.0.0.1]")
        stage.worker.wait_for_line("disconnect from unknown[127.0.0.1] commands=0/0")


def test_without_certificate_tls_is_refused_for_now(tmp_path: Path) -> None:
    """It is announced, since it is a mistake that will be mended; mail still comes."""
    with scene(tmp_path, "smtpd_tls_security_level = may\n") as stage:
        client = stage.connect()
        assert "STARTTLS" in keywords(client)
        assert client.say("STARTTLS") == "454 4.7.0 TLS not available due to local problem"
        client.begin()
        stage.worker.wait_for_line("warning: No server certs available. TLS can't be enabled")


def test_wrapper_mode_without_certificate_drops_its_clients(tmp_path: Path) -> None:
    """Nothing can be said in the clear there."""
    with scene(tmp_path, "smtpd_tls_wrappermode = yes\n") as stage:
        assert raw(stage).recv(100) == b""
        stage.worker.wait_for_line("warning: Wrapper-mode request dropped from unknown[127.0.0.1] for service smtp.")


@pytest.mark.parametrize("line", ["smtpd_tls_security_level = none", "smtpd_discard_ehlo_keywords = starttls"])
def test_without_tls_there_is_no_such_command(tmp_path: Path, own: Issued, line: str) -> None:
    """Nor where the keyword is discarded."""
    with server(tmp_path, own, f"{line}\n") as stage:
        client = stage.connect()
        assert "STARTTLS" not in keywords(client)
        assert client.say("STARTTLS") == "502 5.5.1 Error: command not implemented"


def hello() -> bytes:
    """Return the first words of a client's handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        client_context().wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_handshake_that_is_broken_off(tmp_path: Path, own: Issued, how: str) -> None:
    """At any point: the session ends as with a client that was lost, and others go on."""
    with server(tmp_path, own) as stage:
        other = stage.connect()
        for part in (0, 1, 5, 100, 10_000):
            stage.worker.log_lines().clear()
            client = begin(stage)
            client.sock.sendall(hello()[:part])
            if how == "reset":
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            stage.worker.wait_for_line("disconnect from unknown[127.0.0.1] ehlo=1 starttls=0/1 commands=1/2")
            assert "SSL_accept error from unknown[127.0.0.1]: lost connection" in stage.worker.lines
            assert "lost connection after STARTTLS from unknown[127.0.0.1]" in stage.worker.lines
            assert other.say("NOOP") == "250 2.0.0 Ok"


def test_handshake_with_an_old_client_is_told_in_the_words_of_openssl(tmp_path: Path, own: Issued) -> None:
    """And the client gets its alert."""
    with server(tmp_path, own, "smtpd_tls_protocols = >=TLSv1.3\n") as stage:
        client = begin(stage)
        context = client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            context.wrap_socket(client.sock)
        stage.worker.wait_for_line("SSL_accept error from unknown[127.0.0.1]: -1")
        stage.worker.wait_for_line("TLS library problem: error:0A000102:SSL routines::unsupported protocol:")


@pytest.mark.parametrize("wrapper", ["no", "yes"])
def test_client_that_says_nothing_in_its_handshake(tmp_path: Path, own: Issued, wrapper: str) -> None:
    """smtpd_starttls_timeout: it is disconnected without a word."""
    with server(tmp_path, own, f"smtpd_starttls_timeout = 1\nsmtpd_tls_wrappermode = {wrapper}\n") as stage:
        if wrapper == "yes":
            assert raw(stage).recv(100) == b""
        else:
            assert begin(stage).read() == ""
        stage.worker.wait_for_line("SSL_accept error from unknown[127.0.0.1]: Connection timed out")
        after = "CONNECT" if wrapper == "yes" else "STARTTLS"
        stage.worker.wait_for_line(f"lost connection after {after} from unknown[127.0.0.1]")


def test_client_that_is_silent_after_its_handshake(tmp_path: Path, own: Issued) -> None:
    """The timeouts are those of a session in the clear, and the reply is encrypted."""
    with server(tmp_path, own, "smtpd_timeout = 1\n") as stage:
        client = encrypted(stage, begin(stage).sock)
        assert client.read() == "421 4.4.2 mail.example.test Error: timeout exceeded"
        stage.worker.wait_for_line("timeout after STARTTLS from unknown[127.0.0.1]")


def test_pipelined_commands_and_end_of_input(tmp_path: Path, own: Issued) -> None:
    """Everything that came before close_notify is answered."""
    with server(tmp_path, own) as stage:
        client = encrypted(stage, begin(stage).sock)
        client.say("EHLO x")
        client.sock.sendall(b"MAIL FROM:<a@b.c>\r\nRCPT TO:<u1@virtual.test>\r\nDATA\r\n")
        assert [client.read()[:3] for _ in range(3)] == ["250", "250", "354"]
        client.sock.sendall(b"x\r\n.\r\nQUIT\r\n")
        assert [client.read()[:3] for _ in range(3)] == ["250", "221", ""]


@pytest.mark.parametrize("level", [0, 2])
def test_log_says_as_much_as_it_is_told_to(tmp_path: Path, own: Issued, level: int) -> None:
    """smtpd_tls_loglevel; at 0 nothing is told of what goes well."""
    with server(tmp_path, own, f"smtpd_tls_loglevel = {level}\n") as stage:
        encrypted(stage, begin(stage).sock).say("QUIT")
        stage.worker.wait_for_line("disconnect from")
        told = [line for line in stage.worker.lines if "TLS" in line]
    if level:
        assert told[0] == "setting up TLS connection from unknown[127.0.0.1]"
        assert told[1].startswith("Anonymous TLS connection established from unknown[127.0.0.1]: ")
    else:
        assert not told

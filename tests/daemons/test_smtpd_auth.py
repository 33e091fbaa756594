"""smtpd and AUTH: dialogues, the log, and an auth service that comes and goes."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from auth_service import auth_service
from harness import make_queue_directory, run_worker
from smtpd_scene import MAIN_CF as SMTPD
from smtpd_scene import Client, Scene, scene

from pyfix.daemons.smtpd.daemon import SERVICE
from pyfix.proto.dovecot_auth import Authenticate, Cancel

MAIN_CF = """
smtpd_sasl_auth_enable = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
"""


def b64(text: str) -> str:
    """Return base64."""
    return base64.b64encode(text.encode()).decode()


GOOD = f"AUTH PLAIN {b64(chr(0) + 'anna' + chr(0) + 'anna'[::-1])}"
BAD = f"AUTH PLAIN {b64(chr(0) + 'anna' + chr(0) + 'x')}"


def offers(client: Client) -> list[str]:
    """Return the words behind AUTH in the reply to EHLO."""
    client.sock.sendall(b"EHLO client.example\r\n")
    lines = []
    while not lines or lines[-1][3:4] == "-":
        lines.append(client.lines.readline().decode().rstrip("\r\n"))
    return [line[4:] for line in lines if line[4:8] == "AUTH"]


def ready(stage: Scene) -> Client:
    """Return a client that has been told of AUTH."""
    client = stage.connect()
    assert offers(client)
    return client


def test_login_opens_the_relay_and_is_told(tmp_path: Path) -> None:
    """Log, Received: header, envelope; who has not logged in may not relay."""
    with (
        auth_service(make_queue_directory(tmp_path) / "private" / "auth") as auth,
        scene(
            tmp_path, MAIN_CF + "smtpd_sasl_authenticated_header = yes\nsmtpd_sasl_local_domain = example.test\n"
        ) as stage,
    ):
        client = ready(stage)
        client.say("MAIL FROM:<a@b.c>")
        assert client.say("RCPT TO:<x@elsewhere.test>") == "554 5.7.1 <x@elsewhere.test>: Relay access denied"
        client.say("RSET")
        assert client.say(GOOD) == "235 2.7.0 Authentication successful"
        assert client.say("MAIL FROM:<a@b.c> AUTH=e+3Dx@y.z") == "250 2.1.0 Ok"
        assert client.say("RCPT TO:<x@elsewhere.test>") == "250 2.1.5 Ok"
        client.say("DATA")
        assert client.say(".").startswith("250 ")
        message = stage.neighbours.messages[0]
        line = stage.worker.wait_for_line("client=unknown")
        request = auth.requests[0]
        client.say("QUIT")
        stage.worker.wait_for_line("ehlo=1 auth=1 mail=2 rcpt=1/2 data=1 rset=1 quit=1 commands=8/9")
    assert line.endswith(
        ": client=unknown[127.0.0.1], sasl_method=PLAIN, sasl_username=anna@example.test, sasl_sender=e+3Dx@y.z"
    )
    assert (
        b"\n\t(Authenticated sender: anna@example.test)\n\tby mail.example.test (Postfix) with ESMTPA id "
        in message.content
    )
    sender = message.submit.envelope.client
    assert (sender.sasl_method, sender.sasl_username, sender.sasl_sender) == ("PLAIN", "anna@example.test", "e+3Dx@y.z")
    assert isinstance(request, Authenticate)
    assert request.fields == {
        "service": "smtp", "nologin": "", "lip": "127.0.0.1", "rip": "127.0.0.1",
    }  # fmt: skip


def test_words_of_both_types(tmp_path: Path) -> None:
    """Failures without a reason have the words of the library that they seem to come from; so has the log."""
    cases = {
        "": ("authentication failure", "no mechanism available", "another step is needed in authentication"),
        f"smtpd_sasl_type = dovecot\nsmtpd_sasl_path = {tmp_path}/private/auth\nsmtpd_sasl_service = other\n": (
            "(reason unavailable)", "Invalid authentication mechanism", "Invalid base64 data in initial response",
        ),
    }  # fmt: skip
    with auth_service(make_queue_directory(tmp_path) / "private" / "auth") as auth:
        for number, (settings, (failed, unknown, garbage)) in enumerate(cases.items()):
            directory = make_queue_directory(tmp_path / str(number))
            (directory / "private" / "auth").symlink_to(tmp_path / "private" / "auth")
            with scene(directory, MAIN_CF + settings) as stage:
                client = ready(stage)
                assert client.say(BAD) == f"535 5.7.8 Error: authentication failed: {failed}"
                assert client.say("AUTH PLAIN %%%") == f"535 5.7.8 Error: authentication failed: {garbage}"
                assert client.say("AUTH FOO x") == f"535 5.7.8 Error: authentication failed: {unknown}"
                stage.worker.wait_for_line(
                    f"warning: unknown[127.0.0.1]: SASL PLAIN authentication failed: {failed}, sasl_username=anna"
                )
                stage.worker.wait_for_line(f": SASL FOO authentication failed: {unknown}, sasl_username=(unavailable)")
        services = [request.fields["service"] for request in auth.requests if isinstance(request, Authenticate)]
    assert services == ["smtp", "other"]


def test_dialogue_step_by_step(tmp_path: Path) -> None:
    """Challenges, cancelling, bad base64, too long; what comes next is a command again."""
    with (
        auth_service(make_queue_directory(tmp_path) / "private" / "auth") as auth,
        scene(tmp_path, MAIN_CF + "smtpd_sasl_response_limit = 2000\n") as stage,
    ):
        client = ready(stage)
        for command, reply in [
            ("AUTH", "501 5.5.4 Syntax: AUTH mechanism"),
            ("AUTH PLAIN a b", "501 5.5.4 Syntax: AUTH mechanism"),
            ("AUTH PLAIN ???", "535 5.7.8 Error: authentication failed: another step is needed in authentication"),
            ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
            ("*", "501 5.7.0 Authentication aborted"),
            ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
            ("NOOP=", "535 5.7.8 Error: authentication failed: another step is needed in authentication"),
            ("NOOP", "250 2.0.0 Ok"),
            ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
            ("A" * 2000, "500 5.5.6 SASL response limit exceeded"),
            ("AUTH login " + b64("otto"), "334 UGFzc3dvcmQ6"),
            (b64("otto"), "235 2.7.0 Authentication successful"),
            ("AUTH LOGIN", "503 5.5.1 Error: already authenticated"),
            ("EHLO again", None),
            ("MAIL FROM:<a@b.c>", "250 2.1.0 Ok"),
            ("AUTH LOGIN", "503 5.5.1 Error: MAIL transaction in progress"),
        ]:
            said = client.say(command)
            assert reply is None or said == reply
        stage.worker.wait_for_line("unknown[127.0.0.1]: SASL LOGIN authentication aborted")
        stage.worker.wait_for_line("unknown[127.0.0.1]: request longer than 2000: AAAAAAAAAA")
        cancelled = [request for request in auth.requests if isinstance(request, Cancel)]
        assert len(cancelled) == 3


def test_client_that_hangs_up_in_mid_login(tmp_path: Path) -> None:
    """Its login is cancelled, and the log has where it was."""
    with auth_service(make_queue_directory(tmp_path) / "private" / "auth") as auth, scene(tmp_path, MAIN_CF) as stage:
        client = ready(stage)
        client.say("AUTH LOGIN")
        client.close()
        stage.worker.wait_for_line("lost connection after AUTH from unknown[127.0.0.1]")
        stage.worker.wait_for_line("ehlo=1 auth=0/1 commands=1/2")
        other = ready(stage)
        assert other.say(GOOD).startswith("235 ")
        assert any(isinstance(request, Cancel) for request in auth.requests)


def test_service_that_is_away(tmp_path: Path) -> None:
    """Others are served; who wants to log in is told to come back; when the service is there, all is well."""
    path = make_queue_directory(tmp_path) / "private" / "logins"
    with scene(tmp_path, MAIN_CF + "auth_service_name = logins\n") as stage:
        client = stage.connect()
        assert offers(client) == []
        text = "454 4.7.0 Temporary authentication failure: Can't connect to authentication server"
        assert client.say(GOOD) == text
        assert client.say("MAIL FROM:<a@b.c>") == "250 2.1.0 Ok"
        assert client.say("RCPT TO:<u1@virtual.test>") == "250 2.1.5 Ok"
        client.say("RSET")
        stage.worker.wait_for_line("SASL: Connect to Dovecot auth socket 'private/logins' failed: No such file")
        with auth_service(path) as auth:
            assert client.say(GOOD).startswith("235 ")
            other = ready(stage)
            assert other.say("AUTH LOGIN").startswith("334 ")
            auth.stop()
            text = "454 4.7.0 Temporary authentication failure: Connection lost to authentication server"
            assert other.say(b64("anna")) == text
            assert offers(other) == ["AUTH PLAIN LOGIN CRAM-MD5"]
            auth.start()
            auth.failure = {"user": "anna", "code": "temp_fail"}
            assert other.say(GOOD).startswith("454 4.7.0 Temporary authentication failure: ")
            auth.failure = {"user": "anna", "reason": "Account is\tdisabled"}
            assert other.say(GOOD) == "535 5.7.8 Error: authentication failed: Account is?disabled"
            auth.failure = None
            assert other.say(GOOD).startswith("235 ")


def test_anonymous_is_nobody(tmp_path: Path) -> None:
    """Who has logged in anonymously may not relay. And: who is not told of AUTH may log in all the same."""
    with (
        auth_service(make_queue_directory(tmp_path) / "private" / "auth"),
        scene(
            tmp_path, f"{MAIN_CF}smtpd_sasl_security_options =\nsmtpd_sasl_exceptions_networks = 127.0.0.0/8\n"
        ) as stage,
    ):
        client = stage.connect()
        assert offers(client) == []
        assert client.say("AUTH ANONYMOUS eA==").startswith("235 ")
        client.say("MAIL FROM:<a@b.c>")
        assert client.say("RCPT TO:<x@elsewhere.test>").startswith("554 5.7.1 ")


def test_headers_of_who_has_logged_in_are_ours(tmp_path: Path) -> None:
    """local_header_rewrite_clients = permit_sasl_authenticated."""
    with (
        auth_service(make_queue_directory(tmp_path) / "private" / "auth"),
        scene(tmp_path, f"{MAIN_CF}local_header_rewrite_clients = permit_sasl_authenticated\n") as stage,
    ):
        client = ready(stage)
        for _ in range(2):
            client.say("MAIL FROM:<a@b.c>")
            client.say("RCPT TO:<u1@virtual.test>")
            client.say("DATA")
            assert client.say(".").startswith("250 ")
            client.say(GOOD)
        contexts = [message.submit.envelope.rewrite_context for message in stage.neighbours.messages]
    assert contexts == ["remote", "local"]


def test_postmaster_reads_no_passwords(tmp_path: Path) -> None:
    """The transcript of a session has stars in their place."""
    with (
        auth_service(make_queue_directory(tmp_path) / "private" / "auth"),
        scene(tmp_path, f"{MAIN_CF}notify_classes = protocol\n") as stage,
    ):
        client = ready(stage)
        client.say(BAD)
        client.say(f" {BAD}")
        client.say("AUTH LOGIN")
        client.say(b64("anna"))
        client.say(b64("secret"))
        client.say("QUIT")
        stage.worker.stop()
        transcript = stage.neighbours.messages[0].content.decode()
    assert "In:  AUTH PLAIN *****\n" in transcript
    assert transcript.count("In:  *****\n") == 2
    assert "In:   AUTH PLAIN *****\n" in transcript
    assert not any(word in transcript for word in (b64("anna"), b64("secret"), BAD.rpartition(" ")[2]))


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("smtpd_sasl_security_options = noplain", 'unknown security option "noplain"'),
        ("smtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:12345", 'need host:port instead of "12345"'),
        ("smtpd_sasl_type = kerberos", "kerberos"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, setting: str, problem: str) -> None:
    """Parameter, value, what would be right."""
    config = f"{SMTPD}{MAIN_CF}{setting}\n"
    with run_worker(SERVICE, config, make_queue_directory(tmp_path), name="smtp", inet=True) as worker:
        line = worker.wait_for_line("fatal: ")
        assert problem in line and setting.splitlines()[-1].split(" =")[0] in line
        assert worker.stop() == 1

"""anvil as a process, and smtpd with its limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from auth_service import auth_service
from harness import make_queue_directory, run_worker
from smtpd_scene import Client, Scene, scene
from tls_material import issue

from pyfix.daemons.anvil.daemon import SERVICE
from pyfix.mail.ipc.messages import ClientEnded, ClientStarted, CountEvent, Rates

NO_EXCEPTIONS = "smtpd_client_event_limit_exceptions =\n"
LOGINS = "smtpd_sasl_auth_enable = yes\nsmtpd_login_message_rate_limit = 2\nsmtpd_login_recipient_rate_limit = 5\n"
ANNA = "AUTH PLAIN AGFubmEAYW5uYQ=="
OTTO = "AUTH PLAIN AG90dG8Ab3R0bw=="


@contextmanager
def limited(directory: Path, main_cf: str) -> Iterator[Scene]:
    """Run smtpd and anvil."""
    make_queue_directory(directory / "anvil")
    with ExitStack() as stack:
        anvil = stack.enter_context(run_worker(SERVICE, "", directory / "anvil", name="anvil"))
        (make_queue_directory(directory / "smtpd") / "private" / "anvil").symlink_to(anvil.path)
        stack.enter_context(auth_service(directory / "smtpd" / "private" / "auth"))
        yield stack.enter_context(scene(directory / "smtpd", main_cf))


def greeting(stage: Scene) -> tuple[Client, str]:
    """Return a new client, and what it is told first."""
    client = stage.connect(greeted=False)
    return client, client.read()


def test_counts_over_connections_and_tells_the_highest(tmp_path: Path) -> None:
    """Two processes ask; one goes."""
    times = "anvil_rate_time_unit = 100s\nanvil_status_update_time = 1h\n"
    with run_worker(SERVICE, times, tmp_path, name="anvil") as worker:
        one, two = worker.connect(), worker.connect()

        def ask(peer: object, request: object) -> tuple[int, int]:
            peer.send(request)  # type: ignore[attr-defined]
            answer = peer.receive()  # type: ignore[attr-defined]
            assert isinstance(answer, Rates)
            return answer.rate, answer.count

        assert ask(one, ClientStarted("smtp:a")) == (1, 1)
        assert ask(two, ClientStarted("smtp:a")) == (2, 2)
        assert ask(one, ClientEnded("smtp:a")) == (0, 0)
        assert ask(two, ClientStarted("smtp:a")) == (3, 2)
        assert ask(one, CountEvent("smtp:a", "message")) == (1, 0)
        assert ask(one, CountEvent("login:x", "login message", 3, 3600.0)) == (3, 0)
        worker.stop()
        worker.wait_for_line("statistics: max connection rate 3/100s for (smtp:a) at ")
        worker.wait_for_line("statistics: max connection count 2 for (smtp:a) at ")
        worker.wait_for_line("statistics: max login message rate 3/3600s for (login:x) at ")
        worker.wait_for_line("statistics: max cache size 2 at ")


def test_clients_are_limited(tmp_path: Path) -> None:
    """Connections at a time, MAIL, RCPT and AUTH; with Postfix's words, and in its log."""
    limits = (
        "smtpd_client_connection_count_limit = 2\nsmtpd_client_message_rate_limit = 2\n"
        "smtpd_client_recipient_rate_limit = 2\nsmtpd_client_auth_rate_limit = 1\nsmtpd_sasl_auth_enable = yes\n"
    )
    with limited(tmp_path, NO_EXCEPTIONS + limits) as stage:
        client, other = stage.connect(), stage.connect()
        third, said = greeting(stage)
        assert said == "421 4.7.0 mail.example.test Error: too many connections from 127.0.0.1"
        assert third.read() == ""
        other.say("QUIT")
        assert other.read() == ""
        other = stage.connect()
        for command, reply in [
            ("MAIL", "501 5.5.4 Syntax: MAIL FROM:<address>"),
            ("MAIL FROM:<a@b.c>", "250 2.1.0 Ok"),
            ("RCPT TO:<u1@virtual.test>", "250 2.1.5 Ok"),
            ("RCPT TO:<@>", "501 5.1.3 Bad recipient address syntax"),
            ("RCPT TO:<u1@virtual.test>", "450 4.7.1 Error: too many recipients from 127.0.0.1"),
            ("RCPT", "501 5.5.4 Syntax: RCPT TO:<address>"),
            ("RSET", "250 2.0.0 Ok"),
            ("MAIL FROM:<a@b.c>", "250 2.1.0 Ok"),
            ("RSET", "250 2.0.0 Ok"),
            ("MAIL FROM:<@>", "450 4.7.1 Error: too much mail from 127.0.0.1"),
            ("AUTH", "501 5.5.4 Syntax: AUTH mechanism"),
            (ANNA, "450 4.7.1 Error: too many AUTH commands from 127.0.0.1"),
        ]:
            assert client.say(command) == reply
            stage.worker.log_lines()
        assert other.say("MAIL FROM:<a@b.c>").startswith("450 ")
        for title, value in [
            ("Connection concurrency limit", 3), ("Recipient address rate limit", 3),
            ("Message delivery request rate limit", 3), ("AUTH command rate limit", 2),
        ]:  # fmt: skip
            stage.worker.wait_for_line(f"warning: {title} exceeded: {value} from unknown[127.0.0.1] for service smtp")


def test_connection_rate_and_exceptions(tmp_path: Path) -> None:
    """A client of mynetworks is not counted, unless configured."""
    with limited(tmp_path / "1", f"{NO_EXCEPTIONS}smtpd_client_connection_rate_limit = 1\n") as stage:
        stage.connect().say("QUIT")
        assert greeting(stage)[1].startswith("421 4.7.0 ")
        stage.worker.wait_for_line(
            "warning: Connection rate limit exceeded: 2 from unknown[127.0.0.1] for service smtp"
        )
    trusted = "mynetworks = 127.0.0.0/8\nsmtpd_client_connection_rate_limit = 1\n"
    with limited(tmp_path / "2", trusted) as stage:
        for _ in range(3):
            stage.connect().say("QUIT")


def test_tls_sessions_are_limited(tmp_path: Path) -> None:
    """STARTTLS is refused for now."""
    certificate, key = issue("mail.test").write(tmp_path, "own")
    settings = (
        f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\n"
        "smtpd_client_new_tls_session_rate_limit = 1\n"
    )
    with limited(tmp_path, NO_EXCEPTIONS + settings) as stage:
        replies = [stage.connect().say("STARTTLS") for _ in range(2)]
        stage.worker.wait_for_line(
            "warning: New TLS session rate limit exceeded: 2 from unknown[127.0.0.1] for service"
        )
    assert replies == [
        "220 2.0.0 Ready to start TLS",
        "454 4.7.0 Error: too many new TLS sessions from 127.0.0.1",
    ]


def test_logins_are_limited_wherever_they_come_from(tmp_path: Path) -> None:
    """Each for itself; the log says who, how many, and the limit."""
    with limited(tmp_path, LOGINS) as stage:
        for attempt in range(3):
            client = stage.connect()
            client.say("EHLO x")
            assert client.say(ANNA).startswith("235 ")
            said = client.say("MAIL FROM:<a@b.c>")
            assert said == ("250 2.1.0 Ok" if attempt < 2 else "450 4.7.1 Error: too much mail from anna")
            replies = [client.say("RCPT TO:<u1@virtual.test>") for _ in range(3)]
            refused = "450 4.7.1 Error: too many recipients from anna"
            assert [reply == refused for reply in replies] == [False, False, attempt == 1]
        stage.worker.wait_for_line(
            "warning: Message delivery request rate limit exceeded: 3 from login anna at unknown[127.0.0.1]"
            " for service smtp; limit 2/3600s"
        )
        stage.worker.wait_for_line(
            "warning: Recipient address rate limit exceeded: 6 from login anna at unknown[127.0.0.1]"
        )
        other = stage.connect()
        assert other.say("MAIL FROM:<a@b.c>") == "250 2.1.0 Ok"
        other.say("RSET")
        assert other.say(OTTO).startswith("235 ")
        assert other.say("MAIL FROM:<a@b.c>") == "250 2.1.0 Ok"


def test_mail_of_a_login_past_its_limits_is_held(tmp_path: Path) -> None:
    """smtpd_login_rate_action = hold: it is taken, and waits for a decision."""
    settings = f"{LOGINS}smtpd_login_rate_action = hold\nsmtpd_login_rate_time_unit = 60s\n"
    with limited(tmp_path, settings) as stage:
        client = stage.connect()
        client.say(ANNA)
        for _ in range(3):
            client.say("MAIL FROM:<a@b.c>")
            client.say("RCPT TO:<u1@virtual.test>")
            client.say("DATA")
            assert client.say(".").startswith("250 ")
        holds = [message.submit.hold for message in stage.neighbours.messages]
        stage.worker.wait_for_line("exceeded: 3 from login anna at unknown[127.0.0.1] for service smtp; limit 2/60s")
    assert holds == ["", "", "login anna sends too much"]


def test_without_anvil_nobody_is_limited(tmp_path: Path) -> None:
    """Mail goes on, with one warning; once it is there, and after a while, it is asked."""
    with scene(tmp_path, f"{NO_EXCEPTIONS}smtpd_client_message_rate_limit = 1\n") as stage:
        client = stage.connect()
        for _ in range(3):
            assert client.say("MAIL FROM:<a@b.c>") == "250 2.1.0 Ok"
            client.say("RSET")
        client.say("QUIT")
        assert client.read() == ""
        stage.worker.wait_for_line(
            "private/anvil: No such file or directory: clients and logins are not limited meanwhile"
        )
        lines = [line for line in stage.worker.log_lines() if "private/anvil" in line]
    assert len(lines) == 1

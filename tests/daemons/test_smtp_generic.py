"""smtp_generic_maps: what the server gets to see instead of our own addresses."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from fake_rewrite import rewrite_service
from harness import RunningWorker, run_worker
from mail_agents import deliver, enqueue, left, verbs
from smtp_server import Script, ScriptedServer
from table_server import TableServer

from pyfix.daemons.smtp.daemon import LMTP_SERVICE, SERVICE
from pyfix.mail.ipc.messages import Delivered, Recipient

TABLE = (
    "inline:{{joe@here.local=joe@world.test},{@gone.local=@world.test},{ann@here.local=ann},{many@here.local=a@b c@d}}"
)
HEAD = (
    b"From: Joe (x) <joe@here.local>\nSubject:  to   joe@here.local\nTo: b@c.test,\n ann@here.local\n"
    b"X: joe@here.local\n"
)
BODY = b"\nTo: joe@here.local\n"


@contextlib.contextmanager
def client(directory: Path, table: str = TABLE, more: str = "") -> Iterator[RunningWorker]:
    """A running smtp with this table, beside a trivial-rewrite."""
    main_cf = f"inet_protocols = ipv4\nsmtp_generic_maps = {table}\nrecipient_delimiter = +\n{more}"
    with rewrite_service(directory), run_worker(SERVICE, main_cf, directory, name="smtp") as worker:
        yield worker


def send(
    worker: RunningWorker, server: ScriptedServer, *recipients: str | Recipient, content: bytes = HEAD + BODY,
    sender: str = "joe@here.local",
) -> Delivered:  # fmt: skip
    """Deliver one message to a server and return the answer."""
    request = enqueue(
        worker.directory, recipients, content, sender=sender, nexthop=f"[127.0.0.1]:{server.port}", smtputf8=False
    )
    return deliver(worker, request)


def test_envelope_and_headers_change_and_nothing_else(tmp_path: Path) -> None:
    """Commands, headers of senders and recipients; what has no new address stays to the byte."""
    with ScriptedServer(Script()) as server, client(tmp_path) as worker:
        answer = send(worker, server, "u+x@gone.local", "b@c.test")
        line = worker.wait_for_line("to=<u+x@gone.local>")
    assert answer.outcomes == []
    assert "status=sent" in line
    (session,) = server.sessions
    assert [command.split(" ")[1] for command in session.commands if command.startswith(("MAIL", "RCPT"))] == [
        "FROM:<joe@world.test>",
        "TO:<u+x@world.test>",
        "TO:<b@c.test>",
    ]
    assert session.contents[0].replace(b"\r\n", b"\n") == (
        b"From: Joe (x) <joe@world.test>\nSubject:  to   joe@here.local\nTo: b@c.test, ann@example.test\n"
        b"X: joe@here.local\n" + BODY
    )


def test_extension_goes_along_where_that_is_wished(tmp_path: Path) -> None:
    """propagate_unmatched_extensions = generic."""
    more = "propagate_unmatched_extensions = generic\n"
    with ScriptedServer(Script()) as server, client(tmp_path, more=more) as worker:
        send(worker, server, "joe+list@here.local", sender="")
    commands = server.sessions[0].commands
    assert any(command.startswith("RCPT TO:<joe+list@world.test>") for command in commands)
    assert any(command.startswith("MAIL FROM:<>") for command in commands)


def test_a_table_with_two_results_gives_the_first_and_a_warning(tmp_path: Path) -> None:
    """The server can have one only."""
    with ScriptedServer(Script()) as server, client(tmp_path) as worker:
        send(worker, server, "many@here.local")
        worker.wait_for_line("warning: multi-valued smtp_generic_maps result for many@here.local")
    assert any(command.startswith("RCPT TO:<a@b>") for command in server.sessions[0].commands)


def test_a_table_that_is_down_defers_before_any_server_is_met(tmp_path: Path) -> None:
    """With Postfix's words; the message stays in the queue."""
    with ScriptedServer(Script()) as server, client(tmp_path, "fail:down") as worker:
        request = enqueue(tmp_path, ["a@b.test", "c@d.test"], nexthop=f"[127.0.0.1]:{server.port}")
        answer = deliver(worker, request)
        worker.wait_for_line('warning: table fail:down: query error for "sender@example.test"')
        worker.wait_for_line("smtp_generic_maps map lookup problem for sender@example.test")
        line = worker.wait_for_line("to=<a@b.test>")
    assert "relay=none" in line
    assert "dsn=4.3.0, status=deferred (unknown mail transport error)" in line
    assert verbs(answer) == [("a@b.test", "deferred", "4.3.0"), ("c@d.test", "deferred", "4.3.0")]
    assert answer.dead is not None
    assert left(tmp_path, request) == ["a@b.test", "c@d.test"]
    assert server.sessions == []


def test_a_trivial_rewrite_that_is_away_defers(tmp_path: Path) -> None:
    """A result without domain can't be completed then."""
    main_cf = f"inet_protocols = ipv4\nsmtp_generic_maps = {TABLE}\n"
    with ScriptedServer(Script()) as server, run_worker(SERVICE, main_cf, tmp_path, name="smtp") as worker:
        answer = send(worker, server, "ann@here.local", "b@c.test")
    assert verbs(answer) == [("ann@here.local", "deferred", "4.3.0"), ("b@c.test", "deferred", "4.3.0")]
    assert server.sessions == []


def test_a_large_message_goes_out_whole_behind_its_new_header(tmp_path: Path) -> None:
    """The header block is longer than what is read of it at once, the body longer than a chunk."""
    head = b"".join(b"X-%d: nothing to see here\n" % number for number in range(3000)) + HEAD
    body = BODY + b"".join(b"line %d of a long body\n" % number for number in range(30_000))
    with ScriptedServer(Script()) as server, client(tmp_path) as worker:
        send(worker, server, "b@c.test", content=head + body)
    sent = server.sessions[0].contents[0].replace(b"\r\n", b"\n")
    assert sent.endswith(body)
    assert sent[: -len(body)].endswith(b"To: b@c.test, ann@example.test\nX: joe@here.local\n")


def test_a_table_behind_a_network_is_asked_while_others_are_served(tmp_path: Path) -> None:
    """In a thread; the answers are the same."""
    answers = {b"get joe@here.local": b"200 joe@world.test\n"}
    with (
        TableServer(lambda request: answers.get(request, b"500 no\n")) as table,
        ScriptedServer(Script()) as server,
        client(tmp_path, f"tcp:127.0.0.1:{table.port}") as worker,
    ):
        send(worker, server, "b@c.test")
    assert any(command.startswith("MAIL FROM:<joe@world.test>") for command in server.sessions[0].commands)


def test_a_changed_table_is_read_anew(tmp_path: Path) -> None:
    """The process ends, and the next one has the new text."""
    table = tmp_path / "generic"
    table.write_text("a@b.test c@d.test\n")
    with client(tmp_path, f"texthash:{table}") as worker:
        worker.connect()
        table.write_text("a@b.test longer@d.test\n")
        os.utime(table, (1, 1))
        worker.wait_for_line("has changed -- restarting")
    with ScriptedServer(Script()) as server, client(tmp_path / "next", f"texthash:{table}") as worker:
        send(worker, server, "x@y.test", sender="a@b.test")
    assert any("longer@d.test" in command for command in server.sessions[0].commands)


def test_original_recipient_of_a_local_user_is_told_complete(tmp_path: Path) -> None:
    """ORCPT means something to others then; one from a client goes on as it is, and a trivial-rewrite is not needed."""
    ehlo = b"250-sink.test\r\n250 DSN\r\n"
    recipients = [
        Recipient("x@c.test", "ann"),
        Recipient("y@c.test", '"a b"@c.test'),
        Recipient("z@c.test", "z", "rfc822;z"),
    ]
    with ScriptedServer(Script(ehlo=ehlo)) as server, client(tmp_path, "") as worker:
        send(worker, server, *recipients)
    with (
        ScriptedServer(Script(ehlo=ehlo)) as other,
        run_worker(SERVICE, "inet_protocols = ipv4\n", tmp_path / "alone", name="smtp") as worker,
    ):
        send(worker, other, *recipients)
    told = [
        [line.partition("ORCPT=")[2] for line in one.sessions[0].commands if line.startswith("RCPT")]
        for one in (server, other)
    ]
    assert told == [
        ["rfc822;ann@example.test", "rfc822;a+20b@c.test", "rfc822;z"],
        ["rfc822;ann", "rfc822;a+20b@c.test", "rfc822;z"],
    ]


def test_lmtp_has_a_table_of_its_own(tmp_path: Path) -> None:
    """lmtp_generic_maps, not smtp_generic_maps."""
    main_cf = f"lmtp_host_lookup = native\nlmtp_generic_maps = {TABLE}\nsmtp_generic_maps = fail:down\n"
    with (
        ScriptedServer(Script(lmtp=True)) as server,
        rewrite_service(tmp_path),
        run_worker(LMTP_SERVICE, main_cf, tmp_path, name="lmtp") as worker,
    ):
        send(worker, server, "b@c.test")
    assert any(command.startswith("MAIL FROM:<joe@world.test>") for command in server.sessions[0].commands)

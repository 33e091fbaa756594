"""smtpd as a process: storage, slow and silent clients, neighbours that fail, the end."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import harness
import pytest
from harness import make_queue_directory, run_worker
from smtpd_scene import MAIN_CF, scene

from pyfix.daemons.smtpd.daemon import SERVICE
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.notices.mailer import PENDING_LIMIT
from pyfix.service.status import STOP


@pytest.mark.parametrize("size", [0, 300 * 1024, 3_000_000])
def test_an_odd_first_line_spoils_no_header(tmp_path: Path, size: int) -> None:
    """By DATA, in memory and in the queue file alike."""
    lines = b"0123456789abcde\r\n" * (size // 17)
    with scene(tmp_path) as stage:
        client = stage.connect()
        for opening in (b"From me\r\n>From me\r\n\tx\r\n", b" x\r\n"):
            client.begin()
            client.sock.sendall(opening + lines + b".\r\n")
            assert client.read().startswith("250 2.0.0 Ok: queued as ")
        first, second = (message.content for message in stage.neighbours.messages)
        assert b"\nX-Mailbox-Line: From me\nX-Mailbox-Line: >From me\n\n\tx\n" in first
        assert b"\n\n x\n" in second


@pytest.mark.parametrize("size", [0, 1, 4000, 256 * 1024, 300 * 1024, 3_000_000])
def test_content_of_any_size_arrives_as_it_was_sent(tmp_path: Path, size: int) -> None:
    """Small ones in the request, large ones through the queue file, Received: first in both."""
    line = b"0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcdefghijk\r\n"
    content = (line * (size // len(line) + 1))[:size] + b"\r\n"
    with scene(tmp_path) as stage:
        client = stage.connect()
        client.begin()
        client.sock.sendall(content + b".\r\n")
        assert client.read().startswith("250 2.0.0 Ok: queued as ")
        accepted = stage.neighbours.messages[0]
    assert accepted.content.startswith(b"Received: from client.example (unknown [127.0.0.1])\n\tby mail.example.test ")
    assert accepted.content.endswith(b" (UTC)\n" + content.replace(b"\r\n", b"\n"))
    assert (accepted.submit.body is None) == (size > 1_000_000)
    assert accepted.submit.recipients[0].address == "u1@virtual.test"


def test_envelope_carries_what_the_client_said(tmp_path: Path) -> None:
    """DSN parameters, encoding and who the client is."""
    with scene(tmp_path) as stage:
        client = stage.connect()
        client.say("EHLO client.example")
        client.say("MAIL FROM:<a@b.c> BODY=8BITMIME RET=HDRS ENVID=env+2B1 SMTPUTF8")
        client.say("RCPT TO:<u1@virtual.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;x@y")
        client.say("DATA")
        assert client.say(".").startswith("250 ")
        submit = stage.neighbours.messages[0].submit
    envelope, recipient = submit.envelope, submit.recipients[0]
    assert (envelope.sender, envelope.encoding, envelope.smtputf8) == ("a@b.c", "8bit", True)
    assert (envelope.ret, envelope.envid) == (2, "env+1")
    assert (recipient.notify, recipient.orcpt, recipient.original) == (12, "rfc822;x@y", "u1@virtual.test")
    assert (envelope.client.name, envelope.client.helo, envelope.client.protocol) == (
        "unknown",
        "client.example",
        "ESMTP",
    )


@pytest.mark.parametrize("delay_reject", ["yes", "no"])
def test_actions_of_access_tables_travel_with_the_message(tmp_path: Path, delay_reject: str) -> None:
    """FILTER, REDIRECT and HOLD reach cleanup; a message that is discarded does not, and leaves no file."""
    tables = """
smtpd_sender_restrictions = check_sender_access inline:{{filter@x.test=FILTER smtp:[127.0.0.1]:1},
    {redirect@x.test=REDIRECT u2@virtual.test}, {hold@x.test=HOLD look}, {gone@x.test=DISCARD}}
smtpd_data_restrictions = check_sender_access inline:{{late@x.test=FILTER late:}}
"""
    with scene(tmp_path, f"{tables}smtpd_delay_reject = {delay_reject}\n") as stage:
        client = stage.connect()
        client.say("HELO x")
        for name in ("filter", "redirect", "hold", "gone", "late", "plain"):
            client.say(f"MAIL FROM:<{name}@x.test>")
            assert client.say("RCPT TO:<u1@virtual.test>") == "250 2.1.5 Ok"
            assert client.say("DATA").startswith("354 ")
            assert client.say("x\r\n.").startswith("250 2.0.0 Ok: queued as ")
        submits = [message.submit for message in stage.neighbours.messages]
        assert [(submit.envelope.filter, submit.envelope.redirect, submit.hold) for submit in submits] == [
            ("smtp:[127.0.0.1]:1", "", ""),
            ("", "u2@virtual.test", ""),
            ("", "", "look"),
            ("late:", "", ""),
            ("", "", ""),
        ]
        assert stage.incoming() == []


def test_refusal_of_cleanup_is_the_reply_and_leaves_no_file(tmp_path: Path) -> None:
    """250 only for what is on stable storage."""
    with scene(tmp_path) as stage:
        stage.neighbours.refusal = (554, "5.4.0", "Error: too many hops")
        client = stage.connect()
        client.begin()
        assert client.say("x\r\n.") == "554 5.4.0 Error: too many hops"
        assert stage.incoming() == []
        assert client.say("MAIL FROM:<a@b.c>") == "250 2.1.0 Ok"


def test_cleanup_that_dies_is_a_temporary_error(tmp_path: Path) -> None:
    """The client keeps the message; so does a cleanup that is not there at all."""
    with scene(tmp_path) as stage:
        stage.neighbours.dies = True
        client = stage.connect()
        client.begin()
        assert client.say("x\r\n.") == "451 4.3.0 Error: queue file write error"
        os.unlink(tmp_path / "public/cleanup")
        client.begin()
        assert client.say("x\r\n.") == "451 4.3.0 Error: queue file write error"
        assert stage.incoming() == []


def test_rewrite_that_cannot_answer_defers_the_recipient(tmp_path: Path) -> None:
    """Nobody is refused for good, and the answer is not kept."""
    with scene(tmp_path) as stage:
        stage.neighbours.problem = "table is gone"
        client = stage.connect()
        client.say("HELO x")
        client.say("MAIL FROM:<a@b.c>")
        assert client.say("RCPT TO:<u1@virtual.test>") == "451 4.3.0 <u1@virtual.test>: Temporary lookup failure"
        stage.neighbours.problem = ""
        assert client.say("RCPT TO:<u1@virtual.test>") == "250 2.1.5 Ok"


def test_neighbours_that_are_silent_are_given_up(tmp_path: Path) -> None:
    """After ipc_timeout the client gets an answer."""
    with scene(tmp_path, "ipc_timeout = 1\nsmtpd_recipient_restrictions = reject_unauth_destination") as stage:
        client = stage.connect()
        client.begin()
        stage.neighbours.speaks.clear()
        assert client.say("Subject: x\r\n\r\n.").startswith("451 4.3.0 Error: ")
        stage.worker.wait_for_line("public/cleanup: no answer within 1 seconds")
        assert client.say("MAIL FROM:<a@b.c>") == "250 2.1.0 Ok"
        assert client.say("RCPT TO:<a@unasked.test>").startswith("451 4.3.0 <a@unasked.test>: ")
        stage.worker.wait_for_line("private/rewrite: no answer within 1 seconds")


def test_queue_directory_that_cannot_be_written_is_a_temporary_error(tmp_path: Path) -> None:
    """RCPT is refused for now; when the directory is back, mail flows without a restart."""
    with scene(tmp_path) as stage:
        client = stage.connect()
        client.say("HELO x")
        client.say("MAIL FROM:<a@b.c>")
        os.rename(tmp_path / "incoming", tmp_path / "away")
        assert client.say("RCPT TO:<u1@virtual.test>") == "451 4.3.0 Error: queue file write error"
        os.rename(tmp_path / "away", tmp_path / "incoming")
        assert client.say("RCPT TO:<u1@virtual.test>") == "250 2.1.5 Ok"


def test_full_queue_file_system_refuses_mail(tmp_path: Path) -> None:
    """queue_minfree: 452 at MAIL."""
    with scene(tmp_path, f"queue_minfree = {(1 << 31) - 1}\nmessage_size_limit = {(1 << 62)}\n") as stage:
        client = stage.connect()
        client.say("HELO x")
        assert client.say("MAIL FROM:<a@b.c>") == "452 4.3.1 Insufficient system storage"
        stage.worker.wait_for_line(
            "NOQUEUE: reject: MAIL from unknown[127.0.0.1]: 452 4.3.1 Insufficient system storage"
        )


def test_client_that_hangs_up_in_a_large_message_leaves_no_file(tmp_path: Path) -> None:
    """The spooled part goes with it."""
    with scene(tmp_path) as stage:
        client = stage.connect()
        client.begin()
        client.sock.sendall(b"0123456789\r\n" * 100_000)
        assert stage.incoming()
        client.close()
        stage.worker.wait_for_line("lost connection after DATA (")
        stage.worker.wait_for_line("disconnect from")
        assert stage.incoming() == []


def test_clients_that_trickle_slow_nobody_down(tmp_path: Path) -> None:
    """200 clients inside DATA hold no cleanup: another one delivers at once, and they can all finish."""
    with scene(tmp_path) as stage:
        slow = [stage.connect() for _ in range(200)]
        for client in slow:
            client.begin()
            client.sock.sendall(b"x")
        quick = stage.connect()
        quick.begin()
        assert quick.say("quick\r\n.").startswith("250 ")
        assert len(stage.neighbours.messages) == 1
        for client in slow:
            assert client.say("\r\n.").startswith("250 ")


def test_client_that_reads_nothing_is_cut_off(tmp_path: Path) -> None:
    """Its replies do not pile up in memory, and the timeout ends it."""
    with scene(tmp_path, "smtpd_timeout = 2\nsmtpd_junk_command_limit = 1000000000\n") as stage:
        client = stage.connect(receive_buffer=4096)
        client.sock.settimeout(0.5)
        sent = 0
        with pytest.raises(OSError):
            while sent < 1 << 30:
                sent += client.sock.send(b"EHLO x\r\n" * 8192)
        stage.worker.wait_for_line("timeout after EHLO from unknown[127.0.0.1]")
        other = stage.connect()
        assert other.say("NOOP") == "250 2.0.0 Ok"


def test_megabyte_line_is_one_bad_command(tmp_path: Path) -> None:
    """The line is cut, the session goes on, memory does not grow with it."""
    with scene(tmp_path) as stage:
        client = stage.connect()
        before = resident(stage.worker.pid)
        client.sock.sendall(b"x" * 20_000_000)
        assert client.say("") == "500 5.5.2 Error: command not recognized"
        assert client.say("NOOP") == "250 2.0.0 Ok"
        assert resident(stage.worker.pid) - before < 4_000_000


def test_large_message_costs_no_memory(tmp_path: Path) -> None:
    """30 MB go through in pieces."""
    with scene(tmp_path, "message_size_limit = 0\n") as stage:
        client = stage.connect()
        client.begin()
        piece = b"0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\r\n" * 1000
        client.sock.sendall(piece * 15)
        before = resident(stage.worker.pid)
        for _ in range(30):
            client.sock.sendall(piece * 15)
            assert resident(stage.worker.pid) - before < 4_000_000
        assert client.say(".").startswith("250 ")


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_stop_tells_idle_clients_and_lets_others_finish(tmp_path: Path) -> None:
    """RFC 5321 section 3.8: 421 to the idle; a message under way is still taken."""
    with scene(tmp_path) as stage:
        idle, busy = stage.connect(), stage.connect()
        busy.begin()
        stage.worker.status.send(STOP)
        assert idle.read() == "421 4.3.2 mail.example.test Service shutting down"
        assert idle.read() == ""
        assert busy.say("x\r\n.").startswith("250 2.0.0 Ok: queued as ")
        assert busy.read() == "421 4.3.2 mail.example.test Service shutting down"
        assert stage.worker.stop() == 0


def test_worker_of_an_ended_generation_serves_its_clients_on(tmp_path: Path) -> None:
    """reload drops no connection."""
    with scene(tmp_path) as stage:
        client = stage.connect()
        stage.worker.status.close()
        client.begin()
        assert client.say("x\r\n.").startswith("250 ")
        client.begin()
        assert client.say("x\r\n.").startswith("250 ")
        assert client.say("QUIT") == "221 2.0.0 Bye"
        assert stage.worker.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can chroot")
def test_jailed_worker_finds_names_and_takes_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With y in the chroot column nothing outside the queue directory is needed after the start."""

    def jailed(**columns: Any) -> ServiceEntry:
        return ServiceEntry(**columns | {"chroot": True})

    monkeypatch.setattr(harness, "ServiceEntry", jailed)
    with scene(tmp_path, "smtpd_peername_lookup = yes\n") as stage:
        client = stage.connect()
        assert Path(f"/proc/{stage.worker.pid}/root").readlink() == tmp_path
        stage.worker.wait_for_line("connect from localhost[127.0.0.1]")
        client.begin()
        assert client.say("x\r\n.").startswith("250 ")
        assert stage.worker.stop() == 0


def test_open_relay_does_not_start(tmp_path: Path) -> None:
    """Without a restriction against relaying, smtpd ends with Postfix's words."""
    make_queue_directory(tmp_path)
    main_cf = MAIN_CF + "smtpd_relay_restrictions = permit_mynetworks\n"
    with run_worker(SERVICE, main_cf, tmp_path, name="smtp", inet=True) as worker:
        worker.wait_for_line(
            "fatal: in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one "
            "working instance of: reject_unauth_destination, defer_unauth_destination, reject, defer, defer_if_permit "
            "or check_relay_domains"
        )
        assert worker.stop() == 1


def test_changed_table_is_read_by_a_fresh_process(tmp_path: Path) -> None:
    """The worker sees the change and retires; the master starts another."""
    path = tmp_path / "users"
    path.write_text("u1@virtual.test x\n")
    with scene(tmp_path, f"virtual_mailbox_maps = texthash:{path}\n") as stage:
        stage.connect().close()
        path.write_text("u1@virtual.test x\nu2@virtual.test x\n")
        os.utime(path, (1, 1))
        stage.worker.wait_for_line("table virtual_mailbox_maps has changed -- restarting")
        assert stage.worker.stop() == 0


def test_thousands_of_idle_clients_are_cheap(tmp_path: Path) -> None:
    """An idle connection costs a few KiB, and new clients are greeted."""
    with scene(tmp_path) as stage:
        clients = [stage.connect() for _ in range(50)]
        before = resident(stage.worker.pid)
        clients += [stage.connect() for _ in range(400)]
        assert (resident(stage.worker.pid) - before) / 400 < 16_000
        assert stage.connect().say("NOOP") == "250 2.0.0 Ok"


def test_soft_error_limit_delays_replies(tmp_path: Path) -> None:
    """An offender waits, others do not."""
    with scene(tmp_path, "smtpd_soft_error_limit = 2\nsmtpd_error_sleep_time = 1\n") as stage:
        bad, good = stage.connect(), stage.connect()
        begin = time.monotonic()
        assert bad.say("FOO").startswith("500 ")
        assert bad.say("FOO").startswith("500 ")
        bad.sock.sendall(b"FOO\r\n")
        assert good.say("NOOP") == "250 2.0.0 Ok"
        assert bad.read().startswith("500 ")
        assert time.monotonic() - begin >= 0.9  # the loop counts in milliseconds


NOTICES = "notify_classes = protocol\nmyhostname = mail.example.test\nerror_notice_recipient = errors\n"


def test_notice_is_sent_before_the_process_ends(tmp_path: Path) -> None:
    """Of a session that the end of the mail system cuts short; the process waits for cleanup."""
    with scene(tmp_path, NOTICES) as stage:
        client = stage.connect()
        assert client.say("XYZZY").startswith("500 ")
        stage.worker.status.send(STOP)
        assert client.read() == "421 4.3.2 mail.example.test Service shutting down"
        assert stage.worker.stop() == 0
        (notice,) = stage.neighbours.messages
    assert notice.submit.envelope.sender == "double-bounce@mail.example.test"
    assert [recipient.address for recipient in notice.submit.recipients] == ["errors"]
    assert notice.content.endswith(
        b" In:  XYZZY\n Out: 500 5.5.2 Error: command not recognized\n"
        b" Out: 421 4.3.2 mail.example.test Service shutting down\n\n\nFor other details, see the local mail logfile\n"
    )


def test_notice_that_cleanup_does_not_take_does_not_keep_the_process(tmp_path: Path) -> None:
    """It has a moment, for the sake of a mail system that stops, and leaves no file behind."""
    with scene(tmp_path, f"{NOTICES}ipc_timeout = 2\n") as stage:
        client = stage.connect()
        client.say("XYZZY")
        stage.neighbours.speaks.clear()
        client.say("QUIT")
        assert stage.worker.stop() == 0
        stage.worker.wait_for_line("warning: postmaster notify: 1 notices given up when the process ended")
        assert stage.incoming() == []


@pytest.mark.parametrize("trouble", ["refusal", "dies"])
def test_notice_that_cannot_be_queued_is_a_line_in_the_log(tmp_path: Path, trouble: str) -> None:
    """No file is left behind, and nobody else notices."""
    with scene(tmp_path, NOTICES) as stage:
        stage.neighbours.refusal = (451, "4.3.0", "queue file write error") if trouble == "refusal" else None
        stage.neighbours.dies = trouble == "dies"
        client = stage.connect()
        client.say("XYZZY")
        assert client.say("QUIT").startswith("221 ")
        stage.worker.wait_for_line("warning: postmaster notify: ")
        assert stage.incoming() == []
        assert stage.connect().say("NOOP").startswith("250 ")


def test_notices_do_not_pile_up_behind_a_cleanup_that_hangs(tmp_path: Path) -> None:
    """Beyond a limit they are dropped, each with a line in the log; those before it go out in the end."""
    with scene(tmp_path, NOTICES) as stage:
        stage.neighbours.speaks.clear()
        for _ in range(PENDING_LIMIT + 1):
            client = stage.connect()
            client.say("XYZZY")
            client.say("QUIT")
            client.close()
        stage.worker.wait_for_line(f"warning: postmaster notify: {PENDING_LIMIT} notices wait for cleanup already")
        assert len(stage.incoming()) == PENDING_LIMIT
        stage.neighbours.speaks.set()
        stage.worker.stop()
        assert len(stage.neighbours.messages) == PENDING_LIMIT


def test_dialogue_of_one_session_is_bounded(tmp_path: Path) -> None:
    """However much a client says in one message: the beginning and the end are told."""
    with scene(tmp_path, NOTICES) as stage:
        client = stage.connect()
        for command in ("EHLO client.example", "MAIL FROM:<a@b.c>", "RCPT TO:<u1@virtual.test>"):
            assert client.say(command).startswith("250 ")
        for _ in range(20):
            client.sock.sendall(b"BDAT 1\r\nx" * 200)
            assert [client.read()[:3] for _ in range(200)] == ["250"] * 200
        client.say("XYZZY")
        client.say("QUIT")
        stage.worker.stop()
        (notice,) = stage.neighbours.messages
    assert b" In:  EHLO client.example\n" in notice.content
    assert b" commands and replies are left out here)\n" in notice.content
    assert b" In:  XYZZY\n" in notice.content
    assert len(notice.content) < 100_000

"""smtp over its socket, against servers that answer as told."""

import contextlib
import os
import random
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_cleanup import FakeCleanup, Received
from harness import RunningWorker, run_worker
from instance import wait_until
from mail_agents import CONTENT, deliver, enqueue, left, verbs
from smtp_server import CLOSE, SILENCE, Script, ScriptedServer

from pyfix.daemons.smtp.daemon import LMTP_SERVICE, SERVICE, SmtpDaemon
from pyfix.daemons.smtp.delivery import Delivery
from pyfix.daemons.smtp.ledger import Ledger
from pyfix.daemons.smtp.params import ClientParameters
from pyfix.mail.ipc.messages import (
    CLEANUP_LOCAL,
    CLEANUP_MAP,
    CLEANUP_NOTICE,
    NOTIFY_DELAY,
    NOTIFY_SUCCESS,
    RET_HDRS,
    TRACE_VERIFY,
    Delivered,
    Recipient,
)
from pyfix.service.service import Service

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "mail" / "dns"))
from dns_server import DnsServer, Zone

DSN = b"250-sink.test\r\n250-PIPELINING\r\n250 DSN\r\n"


def status_of(worker: RunningWorker, address: str) -> str:
    """The part from relay= on of the recipient's one line, without what differs from run to run."""
    line = worker.wait_for_line(f"to=<{address}>")
    found = re.search(r"(relay=\S+,(?: conn_use=\d+,)?) delay=\S+ delays=\S+ (.*)", line)
    assert found
    return f"{found[1]} {found[2]}"


@contextlib.contextmanager
def client(directory: Path, main_cf: str = "", zone: Zone | None = None) -> Iterator[RunningWorker]:
    """A running smtp; with a zone, its resolver asks a DNS server that serves it."""
    with contextlib.ExitStack() as stack:
        service = SERVICE
        if zone is not None:
            dns = stack.enter_context(DnsServer(zone))

            class WithZone(SmtpDaemon):
                resolver_settings = dns.settings

            service = Service("smtp", WithZone, ClientParameters)
        yield stack.enter_context(run_worker(service, f"inet_protocols = ipv4\n{main_cf}", directory, name="smtp"))


def send(worker: RunningWorker, server: ScriptedServer, *recipients: str | Recipient, **more: object) -> Delivered:
    """Deliver one message to a server and return the answer."""
    request = enqueue(worker.directory, recipients, nexthop=f"[127.0.0.1]:{server.port}", **more)  # type: ignore[arg-type]
    return deliver(worker, request)


def test_message_is_delivered(tmp_path: Path) -> None:
    """The content arrives in wire form; the log has the server's reply; the recipient is marked done."""
    with ScriptedServer(Script()) as server, client(tmp_path) as worker:
        request = enqueue(tmp_path, ["a@b.test"], nexthop=f"[127.0.0.1]:{server.port}")
        answer = deliver(worker, request)
        status = status_of(worker, "a@b.test")
    assert answer.outcomes == []
    assert answer.dead is None
    relay = f"relay=127.0.0.1[127.0.0.1]:{server.port},"
    assert status == f"{relay} dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 12345)"
    assert server.sessions[0].contents == [CONTENT.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")]
    assert server.commands[:3] == [
        "EHLO mail.example.test",
        f"MAIL FROM:<sender@example.test> SIZE={len(CONTENT)}",
        "RCPT TO:<a@b.test>",
    ]
    assert left(tmp_path, request) == []


def test_each_recipient_has_its_own_outcome(tmp_path: Path) -> None:
    """One is sent, one bounced, one deferred; only the first is marked done."""
    script = Script(rcpt={"b": b"550 5.1.1 no\r\n", "c": b"450 4.2.1 later\r\n"})
    with ScriptedServer(script) as server, client(tmp_path) as worker:
        request = enqueue(tmp_path, ["a@x.test", "b@x.test", "c@x.test"], nexthop=f"[127.0.0.1]:{server.port}")
        answer = deliver(worker, request)
    assert sorted(verbs(answer)) == [("b@x.test", "bounced", "5.1.1"), ("c@x.test", "deferred", "4.2.1")]
    assert left(tmp_path, request) == ["b@x.test", "c@x.test"]
    assert answer.dead is None
    bounce = answer.outcomes[0].dsn
    assert (bounce.mta, bounce.diagnostic_type, bounce.diagnostic) == ("127.0.0.1", "smtp", "550 5.1.1 no")


def test_unreachable_host_is_dead(tmp_path: Path) -> None:
    """qmgr hears that the destination is out of order; the log shows the address and port."""
    with socket.socket() as reserved, client(tmp_path) as worker:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        answer = deliver(worker, enqueue(tmp_path, ["a@b.test"], nexthop=f"[127.0.0.1]:{port}"))
        status = status_of(worker, "a@b.test")
    reason = f"connect to 127.0.0.1[127.0.0.1]:{port}: Connection refused"
    assert status == f"relay=none, dsn=4.4.1, status=deferred ({reason})"
    assert answer.dead is not None
    assert (answer.dead.status, answer.dead.reason) == ("4.4.1", reason)
    assert reason in worker.lines


@pytest.mark.parametrize(
    ("nexthop", "reason"),
    [
        ("[127.0.0.1", "malformed destination: [127.0.0.1"),
        ("host.test:nosuchservice", "unknown service: nosuchservice/tcp"),
        ("[]:25", "missing host in destination: []:25"),
    ],
)
def test_bad_destination_is_deferred(tmp_path: Path, nexthop: str, reason: str) -> None:
    """A mistake in a transport table waits for its correction."""
    with client(tmp_path) as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@b.test"], nexthop=nexthop))
        assert worker.wait_for_line(f"warning: {reason}")
    assert verbs(answer) == [("a@b.test", "deferred", "4.3.5")]


TWO: Zone = {
    ("two.test", "MX"): ["10 m1.test.", "20 m2.test."],
    ("m1.test", "A"): ["127.0.0.2"],
    ("m2.test", "A"): ["127.0.0.3"],
    ("null.test", "MX"): ["0 ."],
    ("plain.test", "A"): ["127.0.0.2"],
    ("retry.test", "MX"): "SERVFAIL",
}


@contextlib.contextmanager
def two_servers(first: Script | None, second: Script | None) -> Iterator[tuple[list[ScriptedServer], int]]:
    """Servers on 127.0.0.2 and 127.0.0.3 with the same port."""
    scripts = [(s, a) for s, a in ((first, "127.0.0.2"), (second, "127.0.0.3")) if s is not None]
    with contextlib.ExitStack() as stack:
        port = common_port()
        yield [stack.enter_context(ScriptedServer(s, address=a, port=port)) for s, a in scripts], port


def common_port() -> int:
    """Return a port that is free on every loopback address, below those that the kernel gives to clients."""
    for port in random.sample(range(20000, 32000), 200):
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("0.0.0.0", port))
            return port
    raise AssertionError("no free port")


def test_best_exchanger_gets_the_mail(tmp_path: Path) -> None:
    """MX lookup, in order of preference; the log names the host, not the domain."""
    with two_servers(Script(), Script()) as (servers, port), client(tmp_path, zone=TWO) as worker:
        assert deliver(worker, enqueue(tmp_path, ["a@two.test"], nexthop=f"two.test:{port}")).outcomes == []
        assert status_of(worker, "a@two.test").startswith(f"relay=m1.test[127.0.0.2]:{port}, ")
        assert servers[1].sessions == []


@pytest.mark.parametrize(
    ("first", "line"),
    [
        (None, "connect to m1.test[127.0.0.2]:PORT: Connection refused"),
        (Script(greeting=b"554 no\r\n"), "ID: host m1.test[127.0.0.2] refused to talk to me: 554 no"),
        (Script(mail=b"451 no\r\n"), "ID: host m1.test[127.0.0.2] said: 451 no (in reply to MAIL FROM command)"),
        (Script(rcpt=b"450 no\r\n"), "ID: host m1.test[127.0.0.2] said: 450 no (in reply to RCPT TO command)"),
        (Script(data=CLOSE), "ID: lost connection with m1.test[127.0.0.2] while sending DATA command"),
    ],
)
def test_temporary_trouble_goes_to_the_next_exchanger(tmp_path: Path, first: Script | None, line: str) -> None:
    """With an informational line that says why the first was left."""
    with two_servers(first, Script()) as (_, port), client(tmp_path, zone=TWO) as worker:
        request = enqueue(tmp_path, ["a@two.test"], nexthop=f"two.test:{port}")
        answer = deliver(worker, request)
        assert status_of(worker, "a@two.test").startswith(f"relay=m2.test[127.0.0.3]:{port}, dsn=2.0.0")
        assert worker.wait_for_line(line.replace("PORT", str(port)).replace("ID", request.queue_id))
    assert answer.outcomes == []
    assert answer.dead is None


def test_permanent_refusal_is_final(tmp_path: Path) -> None:
    """Another exchanger is not asked to take what the best refused."""
    with (
        two_servers(Script(rcpt=b"550 5.1.1 no\r\n"), Script()) as (servers, port),
        client(tmp_path, zone=TWO) as worker,
    ):
        answer = deliver(worker, enqueue(tmp_path, ["a@two.test"], nexthop=f"two.test:{port}"))
        assert servers[1].sessions == []
    assert verbs(answer) == [("a@two.test", "bounced", "5.1.1")]


def test_session_limit_counts_conversations(tmp_path: Path) -> None:
    """smtp_mx_session_limit = 1: the first conversation is the last."""
    with two_servers(Script(mail=b"451 no\r\n"), Script()) as (servers, port):
        with client(tmp_path, "smtp_mx_session_limit = 1", TWO) as worker:
            answer = deliver(worker, enqueue(tmp_path, ["a@two.test"], nexthop=f"two.test:{port}"))
        assert servers[1].sessions == []
    assert verbs(answer) == [("a@two.test", "deferred", "4.0.0")]


def test_address_limit_counts_hosts(tmp_path: Path) -> None:
    """smtp_mx_address_limit = 1: the second is not tried even when the first is dead."""
    with two_servers(None, Script()) as (_, port), client(tmp_path, "smtp_mx_address_limit = 1", TWO) as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@two.test"], nexthop=f"two.test:{port}"))
    assert verbs(answer) == [("a@two.test", "deferred", "4.4.1")]


@pytest.mark.parametrize(
    ("domain", "verb", "status", "reason"),
    [
        ("null.test", "bounced", "5.1.0", "Domain null.test does not accept mail (nullMX)"),
        ("none.test", "bounced", "5.4.4", "Host or domain name not found. "
         "Name service error for name=none.test type=A: Host not found"),
        ("retry.test", "deferred", "4.4.3", "Host or domain name not found. "
         "Name service error for name=retry.test type=MX: Host not found, try again"),
    ],
)  # fmt: skip
def test_failed_lookup_has_postfix_words(tmp_path: Path, domain: str, verb: str, status: str, reason: str) -> None:
    """The domain can't be found, or not now, or wants no mail."""
    with client(tmp_path, zone=TWO) as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@x.test"], nexthop=domain))
        assert status_of(worker, "a@x.test") == f"relay=none, dsn={status}, status={verb} ({reason})"
    assert verbs(answer) == [("a@x.test", verb, status)]


def test_mail_for_myself_loops(tmp_path: Path) -> None:
    """The best exchanger is an address of this machine, on the SMTP port."""
    with client(tmp_path, "proxy_interfaces = 127.0.0.2", TWO) as worker:
        deliver(worker, enqueue(tmp_path, ["a@x.test"], nexthop="two.test"))
        assert status_of(worker, "a@x.test") == (
            "relay=none, dsn=5.4.6, status=bounced (mail for two.test loops back to myself)"
        )


def test_relayhost_that_does_not_exist_is_our_mistake(tmp_path: Path) -> None:
    """Mail waits, and the log says which parameter is wrong."""
    with client(tmp_path, "relayhost = none.test", TWO) as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@x.test"], nexthop="none.test"))
        assert worker.wait_for_line("warning: relayhost configuration problem")
    assert verbs(answer) == [("a@x.test", "deferred", "4.3.5")]


def test_fallback_relay_takes_what_could_not_be_found(tmp_path: Path) -> None:
    """smtp_fallback_relay is tried last."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ScriptedServer(Script()))
        relay = f"127.0.0.1[127.0.0.1]:{server.port}"
        worker = stack.enter_context(client(tmp_path, f"smtp_fallback_relay = [127.0.0.1]:{server.port}", TWO))
        assert deliver(worker, enqueue(tmp_path, ["a@x.test"], nexthop="none.test")).outcomes == []
        assert status_of(worker, "a@x.test").startswith(f"relay={relay}, ")


def test_several_nexthops_are_tried_in_order(tmp_path: Path) -> None:
    """A list of destinations, Postfix 3.5 and later."""
    with ScriptedServer(Script(mail=b"450 no\r\n")) as one, ScriptedServer(Script()) as two, client(tmp_path) as worker:
        nexthop = f"[127.0.0.1]:{one.port}, [127.0.0.1]:{two.port}"
        assert deliver(worker, enqueue(tmp_path, ["a@x.test"], nexthop=nexthop)).outcomes == []
        assert len(one.sessions) == len(two.sessions) == 1


def test_kept_connection_serves_the_next_message(tmp_path: Path) -> None:
    """On demand: the second message within the time limit makes the connection worth keeping, the third uses it."""
    with ScriptedServer(Script()) as server, client(tmp_path) as worker:
        for number in range(3):
            assert send(worker, server, f"u{number}@x.test").outcomes == []
        assert " conn_use=2," in status_of(worker, "u2@x.test")
        assert len(server.sessions) == 2


def test_connection_cache_can_be_turned_off(tmp_path: Path) -> None:
    """smtp_connection_cache_on_demand = no."""
    with ScriptedServer(Script()) as server, client(tmp_path, "smtp_connection_cache_on_demand = no") as worker:
        for number in range(3):
            send(worker, server, f"u{number}@x.test")
        assert len(server.sessions) == 3
        server.wait_for_clients()
        assert [session.commands[-1] for session in server.sessions] == ["QUIT"] * 3


def test_destination_can_be_cached_always(tmp_path: Path) -> None:
    """smtp_connection_cache_destinations; and the count limit ends it."""
    main_cf = "smtp_connection_cache_destinations = 127.0.0.1\nsmtp_connection_reuse_count_limit = 2"
    with ScriptedServer(Script()) as server, client(tmp_path, main_cf) as worker:
        for number in range(4):
            send(worker, server, f"u{number}@x.test")
        assert len(server.sessions) == 2


def test_refused_message_is_reset_before_the_next(tmp_path: Path) -> None:
    """A kept connection starts clean."""
    script = Script(rcpt={"bad": b"550 no\r\n"}, data=[b"554 no\r\n", b"354 go\r\n"])
    with ScriptedServer(script) as server, client(tmp_path, "smtp_connection_cache_destinations = 127.0.0.1") as worker:
        send(worker, server, "bad@x.test")
        assert send(worker, server, "good@x.test").outcomes == []
        first = server.sessions[0].commands
        wait_until(lambda: "RSET" in first, "RSET")
        behind = first[first.index("RCPT TO:<bad@x.test>") :]
        # Whether the next message finds the connection depends on when the reply to RSET comes.
        assert [command for command in behind if command != "DATA"][1] == "RSET"


@pytest.mark.parametrize("last_words", [b"", b"421 4.4.2 idle\r\n"])
def test_kept_connection_that_died_is_replaced(tmp_path: Path, last_words: bytes) -> None:
    """The server hangs up at the second MAIL: a new connection delivers, and nothing is deferred."""
    script = Script(mail=[b"250 ok\r\n", last_words + CLOSE, b"250 ok\r\n"])
    main_cf = "smtp_connection_cache_destinations = 127.0.0.1"
    with ScriptedServer(script) as server, client(tmp_path, main_cf) as worker:
        assert send(worker, server, "a@x.test").outcomes == []
        assert send(worker, server, "b@x.test").outcomes == []
        assert len(server.sessions) == 2


def test_silent_server_times_out(tmp_path: Path) -> None:
    """Each stage has its limit; the log says what was waited for."""
    script = Script(ehlo=b"250 h\r\n", rcpt=SILENCE)
    with ScriptedServer(script) as server, client(tmp_path, "smtp_rcpt_timeout = 1s") as worker:
        answer = send(worker, server, "a@x.test")
    assert [outcome.dsn.reason for outcome in answer.outcomes] == [
        "conversation with 127.0.0.1[127.0.0.1] timed out while sending RCPT TO"
    ]
    assert answer.dead is not None


def test_big_message_costs_little_memory(tmp_path: Path) -> None:
    """50 MB go through without staying; the wire form is complete."""
    line = b"x" * 76 + b"\n"
    content = b"Subject: big\n\n" + line * (50_000_000 // len(line))
    script = Script(ehlo=b"250-h\r\n250 PIPELINING\r\n")
    with ScriptedServer(script) as server, client(tmp_path) as worker:
        send(worker, server, "warm@x.test")
        before = peak_of(worker.pid)
        assert send(worker, server, "a@x.test", content=content).outcomes == []
        after = peak_of(worker.pid)
        assert len(server.sessions[-1].contents[-1]) == len(content) + content.count(b"\n")
    assert after - before <= 2048


def peak_of(pid: int) -> int:
    """The most memory that a process ever had, in KiB."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


def test_overlong_line_is_broken_and_noted(tmp_path: Path) -> None:
    """smtp_line_length_limit, once in the log."""
    content = b"Subject: x\n\n" + b"y" * 2500 + b"\n" + b"z" * 1000 + b"\n"
    with ScriptedServer(Script()) as server, client(tmp_path) as worker:
        request = enqueue(tmp_path, ["a@x.test"], content, nexthop=f"[127.0.0.1]:{server.port}")
        deliver(worker, request)
        assert worker.wait_for_line(f"{request.queue_id}: breaking line > 998 bytes with <CR><LF>SPACE")
    lines = server.sessions[0].contents[0].split(b"\r\n")
    assert max(map(len, lines)) == 998
    assert len([line for line in worker.lines if "breaking line" in line]) == 1


def test_dsn_parameters_are_passed_on(tmp_path: Path) -> None:
    """The next host takes over the sender's wishes, so success is not reported from here."""
    rcpt = Recipient("a@x.test", "old@x.test", "rfc822;old+x@x.test", NOTIFY_SUCCESS | NOTIFY_DELAY)
    with ScriptedServer(Script(ehlo=DSN)) as server, client(tmp_path) as worker:
        answer = send(worker, server, rcpt, ret=RET_HDRS, envid="id 1")
    assert answer.outcomes == []
    assert server.commands[1] == "MAIL FROM:<sender@example.test> ENVID=id+201 RET=HDRS"
    assert server.commands[2] == "RCPT TO:<a@x.test> ORCPT=rfc822;old+2Bx@x.test NOTIFY=SUCCESS,DELAY"


def test_success_is_reported_as_relayed_where_dsn_ends(tmp_path: Path) -> None:
    """A server without DSN: the sender is told that the message left this system."""
    with ScriptedServer(Script()) as server, client(tmp_path) as worker:
        answer = send(worker, server, Recipient("a@x.test", notify=NOTIFY_SUCCESS))
    assert verbs(answer) == [("a@x.test", "relayed", "2.0.0")]
    assert answer.outcomes[0].dsn.mta == "127.0.0.1"


def test_internationalized_message_needs_a_fit_server(tmp_path: Path) -> None:
    """By address or by header; a mere flag is no obstacle."""
    header = "Subject: caf\xe9\n\nbody\n".encode()
    with ScriptedServer(Script()) as server, client(tmp_path) as worker:
        answer = send(worker, server, "j\xfcrgen@x.test", smtputf8=True)
        reason = "SMTPUTF8 is required, but was not offered by host 127.0.0.1[127.0.0.1]"
        assert [(o.verb, o.dsn.status, o.dsn.reason) for o in answer.outcomes] == [("bounced", "5.6.7", reason)]
        assert verbs(send(worker, server, "a@x.test", content=header, smtputf8=True)) == [
            ("a@x.test", "bounced", "5.6.7")
        ]
        assert send(worker, server, "a@x.test", smtputf8=True).outcomes == []


def test_internationalized_message_is_sent_to_a_fit_server(tmp_path: Path) -> None:
    """With the SMTPUTF8 parameter, addresses as UTF-8."""
    script = Script(ehlo=b"250-h\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
    with ScriptedServer(script) as server, client(tmp_path) as worker:
        assert send(worker, server, "j\xfcrgen@x.test", smtputf8=True, encoding="8bit").outcomes == []
    assert server.commands[1:3] == [
        "MAIL FROM:<sender@example.test> BODY=8BITMIME SMTPUTF8", "RCPT TO:<j\xfcrgen@x.test>",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "rcpt"),
    [("", 'RCPT TO:<"a b."@x.test>'), ("smtp_quote_rfc821_envelope = no", "RCPT TO:<a b.@x.test>")],
)
def test_addresses_are_quoted_unless_a_server_cannot_read_that(tmp_path: Path, setting: str, rcpt: str) -> None:
    """For broken servers, in a service of their own."""
    with ScriptedServer(Script()) as server, client(tmp_path, setting) as worker:
        assert send(worker, server, '"a b."@x.test').outcomes == []
    assert server.commands[2] == rcpt


def test_verification_delivers_nothing(tmp_path: Path) -> None:
    """sendmail -bv: RCPT is asked, DATA is not."""
    with ScriptedServer(Script(rcpt={"b": b"550 5.1.1 no\r\n"})) as server, client(tmp_path) as worker:
        answer = send(worker, server, "a@x.test", "b@x.test", trace=TRACE_VERIFY)
    assert sorted(verbs(answer)) == [("a@x.test", "deliverable", "2.1.5"), ("b@x.test", "undeliverable", "5.1.1")]
    assert "DATA" not in server.commands


def test_soft_bounce_defers(tmp_path: Path) -> None:
    """What would bounce waits."""
    with ScriptedServer(Script(rcpt=b"550 5.1.1 no\r\n")) as server, client(tmp_path, "soft_bounce = yes") as worker:
        assert verbs(send(worker, server, "a@x.test")) == [("a@x.test", "deferred", "4.1.1")]


def test_source_address_can_be_chosen(tmp_path: Path) -> None:
    """smtp_bind_address; one that is not ours is a warning, or with enforcement a reason to wait."""
    with ScriptedServer(Script()) as server, client(tmp_path, "smtp_bind_address = 127.0.0.9") as worker:
        assert send(worker, server, "a@x.test").outcomes == []
    with ScriptedServer(Script()) as server, client(tmp_path, "smtp_bind_address = 192.0.2.1") as worker:
        assert send(worker, server, "a@x.test").outcomes == []
        assert worker.wait_for_line("warning: bind 192.0.2.1: Cannot assign requested address")
    main_cf = "smtp_bind_address = 192.0.2.1\nsmtp_bind_address_enforce = yes"
    with ScriptedServer(Script()) as server, client(tmp_path, main_cf) as worker:
        assert verbs(send(worker, server, "a@x.test")) == [("a@x.test", "deferred", "4.4.0")]


def test_missing_queue_file_defers_that_message(tmp_path: Path) -> None:
    """qmgr asked for a file that is gone: the answer names the request, since many share the connection."""
    with client(tmp_path) as worker:
        request = enqueue(tmp_path, ["a@b.test"], nexthop="[127.0.0.1]:1")
        (tmp_path / "active" / request.queue_id).unlink()
        answer = deliver(worker, request)
        assert worker.wait_for_line("warning").startswith(f"warning: open file active/{request.queue_id}: ")
        assert "status=deferred (unknown mail system error)" in worker.wait_for_line("to=<a@b.test>")
    assert answer.seq == request.seq
    assert verbs(answer) == [("a@b.test", "deferred", "4.3.0")]


def test_requests_run_at_the_same_time(tmp_path: Path) -> None:
    """A silent server holds up nobody else; the answers come as they are ready."""
    with contextlib.ExitStack() as stack:
        slow = stack.enter_context(ScriptedServer(Script(greeting=SILENCE)))
        fast = stack.enter_context(ScriptedServer(Script()))
        peer = stack.enter_context(client(tmp_path, "smtp_helo_timeout = 2s")).connect()
        first = enqueue(tmp_path, ["slow@x.test"], nexthop=f"[127.0.0.1]:{slow.port}")
        second = enqueue(tmp_path, ["fast@x.test"], nexthop=f"[127.0.0.1]:{fast.port}")
        second.seq = 2
        peer.send(first)
        peer.send(second)
        answers = [peer.receive(), peer.receive()]
    assert [answer.seq for answer in answers if isinstance(answer, Delivered)] == [2, 1]


def test_lmtp_over_a_socket(tmp_path: Path) -> None:
    """LHLO, a reply for each recipient, a path as next hop; the machine's name stands for the host."""
    script = Script(lmtp=True, dot=[b"250 2.1.5 saved\r\n", b"452 4.2.2 full\r\n"])
    path = f"/tmp/pyfix-lmtp-{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with ScriptedServer(script, path=path) as server, run_worker(LMTP_SERVICE, "", tmp_path, name="lmtp") as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@x.test", "b@x.test"], nexthop=f"unix:{path}"))
        status = status_of(worker, "a@x.test")
    os.unlink(path)
    assert status == f"relay=mail.example.test[{path}], dsn=2.1.5, status=sent (250 2.1.5 saved)"
    assert verbs(answer) == [("b@x.test", "deferred", "4.2.2")]
    assert server.commands[0] == "LHLO mail.example.test"


def test_lmtp_over_the_network(tmp_path: Path) -> None:
    """inet:host:port, without mail exchangers."""
    main_cf = "lmtp_host_lookup = native\n"
    with (
        ScriptedServer(Script(lmtp=True)) as server,
        run_worker(LMTP_SERVICE, main_cf, tmp_path, name="lmtp") as worker,
    ):
        request = enqueue(tmp_path, ["a@x.test"], nexthop=f"inet:127.0.0.1:{server.port}")
        assert deliver(worker, request).outcomes == []


def test_lmtp_socket_that_is_missing_is_deferred(tmp_path: Path) -> None:
    """Without a port in the log."""
    with run_worker(LMTP_SERVICE, "", tmp_path, name="lmtp") as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@x.test"], nexthop="unix:/no/such/socket"))
    assert [outcome.dsn.reason for outcome in answer.outcomes] == [
        "connect to mail.example.test[/no/such/socket]: No such file or directory"
    ]


def test_kept_connections_say_quit_at_the_end(tmp_path: Path) -> None:
    """The process leaves no connection behind without a word."""
    with ScriptedServer(Script()) as server:
        with client(tmp_path, "smtp_connection_cache_destinations = 127.0.0.1") as worker:
            send(worker, server, "a@x.test")
            assert worker.stop() == 0
        server.wait_for_clients()
        assert server.commands[-1] == "QUIT"


def test_an_address_with_a_line_end_bounces(tmp_path: Path) -> None:
    """It would be a command of its own; the other recipients get the message."""
    bad = '"a\r\nRCPT TO:<victim@b.test>\r\n"@b.test'
    with ScriptedServer(Script()) as server, client(tmp_path) as worker:
        answer = send(worker, server, bad, "good@b.test")
        assert "status=sent" in status_of(worker, "good@b.test")
        assert worker.wait_for_line("status=bounced").endswith("dsn=5.1.3, status=bounced (bad address syntax)")
    assert [(outcome.verb, outcome.dsn.status) for outcome in answer.outcomes] == [("bounced", "5.1.3")]
    assert [command for command in server.commands if command.startswith("RCPT")] == ["RCPT TO:<good@b.test>"]


FAULTS = [
    (Delivery, "_find"),  # in the delivery's own task
    (Delivery, "_message"),  # when the connection stands already
    (Ledger, "_send_done"),  # in a callback of the event loop
    (Delivery, "_finish"),  # when the answer is made
]


@pytest.mark.parametrize(("owner", "name"), FAULTS, ids=[name for _, name in FAULTS])
def test_an_unexpected_exception_defers_its_message_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    """One line in the log tells where it was; the others are delivered by the same process."""
    real = getattr(owner, name)

    def fail(self: Any, *args: Any, **more: Any) -> Any:
        if "poison" in self._job.request.recipients[0].address:
            raise ZeroDivisionError("secret")
        return real(self, *args, **more)

    monkeypatch.setattr(owner, name, fail)
    with ScriptedServer(Script()) as server, client(tmp_path) as worker:
        request = enqueue(tmp_path, ["poison@b.test"], nexthop=f"[127.0.0.1]:{server.port}")
        answer = deliver(worker, request)
        line = worker.wait_for_line("ZeroDivisionError")
        assert line.startswith(f"warning: {request.queue_id}: ZeroDivisionError: secret in {__file__}:")
        assert [(outcome.verb, outcome.dsn.status) for outcome in answer.outcomes] == [("deferred", "4.3.0")]
        assert "secret" not in answer.outcomes[0].dsn.reason
        send(worker, server, "good@b.test")
        assert "status=sent" in status_of(worker, "good@b.test")


NOTICES = "notify_classes = protocol\nerror_notice_recipient = errors\nmyhostname = mail.example.test\n"
BAD_RCPT = Script(rcpt=b"503 5.5.1 out of order\r\n")


def transcript_of(notice: Received) -> list[str]:
    """The lines of a notice that quote a session."""
    return notice.content.decode().partition("session follows.\n\n")[2].partition("\n\n")[0].splitlines()


def test_postmaster_is_told_of_a_server_that_breaks_the_protocol(tmp_path: Path) -> None:
    """From the double-bounce address to error_notice_recipient, as mail from inside; the bounce is none the less."""
    with ScriptedServer(BAD_RCPT) as server, client(tmp_path, NOTICES) as worker, FakeCleanup(tmp_path) as cleanup:
        answer = send(worker, server, "a@b.test")
        worker.stop()
        (notice,) = cleanup.received
    assert verbs(answer) == [("a@b.test", "bounced", "5.5.1")]
    assert (notice.envelope.sender, notice.recipients) == ("double-bounce@mail.example.test", ["errors"])
    assert notice.envelope.rewrite_context == "local"
    assert notice.flags == CLEANUP_NOTICE | CLEANUP_LOCAL | CLEANUP_MAP
    assert b"\nSubject: Postfix SMTP client: errors from 127.0.0.1[127.0.0.1]:%d\n" % server.port in notice.content
    assert transcript_of(notice)[-5:] == [
        " In:  503 5.5.1 out of order",
        " In:  354 go on",
        " Out: .",
        " In:  250 2.0.0 Ok: queued as 12345",
        " Out: QUIT",
    ]


@pytest.mark.parametrize(
    ("main_cf", "sender"),
    [
        ("notify_classes = bounce, policy, resource, software, data\n", "sender@example.test"),
        (NOTICES, ""),
        (NOTICES, "double-bounce@mail.example.test"),
    ],
)
def test_postmaster_is_not_told(tmp_path: Path, main_cf: str, sender: str) -> None:
    """Without the class; and never about a notice, or there would be no end."""
    with ScriptedServer(BAD_RCPT) as server, client(tmp_path, main_cf) as worker, FakeCleanup(tmp_path) as cleanup:
        send(worker, server, "a@b.test", sender=sender)
        worker.stop()
        assert cleanup.received == []


@pytest.mark.parametrize("last_words", [SILENCE, CLOSE])
def test_garbage_instead_of_a_greeting_is_told(tmp_path: Path, last_words: bytes) -> None:
    """Even though the reply that it is part of never ends."""
    script = Script(greeting=b"hello there\r\n" + last_words)
    main_cf = f"{NOTICES}smtp_helo_timeout = 1s\n"
    with ScriptedServer(script) as server, client(tmp_path, main_cf) as worker, FakeCleanup(tmp_path) as cleanup:
        send(worker, server, "a@b.test")
        worker.stop()
        (notice,) = cleanup.received
    assert transcript_of(notice) == [" In:  hello there"]


def test_dialogue_of_a_kept_connection_begins_with_the_message(tmp_path: Path) -> None:
    """What was said about another message is not in the notice; greeting and all of its own are."""
    script = Script(rcpt={"bad": b"503 5.5.1 no\r\n", "*": b"250 Ok\r\n"})
    main_cf = f"{NOTICES}smtp_connection_cache_destinations = 127.0.0.1\n"
    with ScriptedServer(script) as server, client(tmp_path, main_cf) as worker, FakeCleanup(tmp_path) as cleanup:
        for address in ("bad@one.test", "good@two.test", "bad@three.test"):
            send(worker, server, address)
        worker.stop()
        first, second = cleanup.received
    assert len(server.sessions) == 1
    assert transcript_of(first)[0].startswith(" In:  220 ")
    assert " Out: RCPT TO:<bad@one.test>" in transcript_of(first)
    assert transcript_of(second)[0].startswith(" Out: MAIL FROM:")
    assert not any("one.test" in line or "two.test" in line for line in transcript_of(second))


@pytest.mark.parametrize("trouble", ["refuse", "reject", "hang up", "absent"])
def test_notice_that_cannot_be_queued_is_a_line_in_the_log(tmp_path: Path, trouble: str) -> None:
    """The delivery goes on as if nothing was; no file is left behind."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(ScriptedServer(BAD_RCPT))
        worker = stack.enter_context(client(tmp_path, NOTICES))
        if trouble != "absent":
            stack.enter_context(FakeCleanup(tmp_path, answers=[trouble]))
        assert verbs(send(worker, server, "a@b.test")) == [("a@b.test", "bounced", "5.5.1")]
        worker.wait_for_line("warning: postmaster notify: ")
        worker.stop()
    assert os.listdir(tmp_path / "incoming") == []

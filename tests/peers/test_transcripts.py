"""What the postmaster is told of sessions that had trouble: the same by Postfix and by pyfix.

Setup: both side by side, with one main.cf that tells of some classes, and a mailbox for each recipient of notices.
Path: clients that misbehave (trouble_cases) towards smtpd, a server that misbehaves towards smtp; cleanup, virtual.
Check: the same notices, to the letter but for ids, times and sizes, and as many as expected.
"""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from instance import DEADLINE_S, Client, mail, wait_until
from postfix_pair import MailSystem
from sink import Sink
from trouble_cases import CASES, SETTINGS, Case

pytestmark = [pytest.mark.system, pytest.mark.root, pytest.mark.timeout(180)]
SENDER = "me@client.test"
GROUPS = ("protocol", "policy", "bounce, resource, software, data")
MAPS = (
    "inline:{u1@virtual.test=other/Maildir/, warn@virtual.test=other/Maildir/,"
    " errors@pair.test=box/Maildir/, bounces@pair.test=box/Maildir/}"
)


def converse(port: int, steps: list[bytes]) -> None:
    """Send each step and wait for a reply to it, then hang up."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as sock, sock.makefile("rb") as replies:
        for step in (b"", *steps):
            sock.sendall(step)
            while replies.readline()[3:4] == b"-":
                pass


def transcripts(system: MailSystem, count: int) -> list[str]:
    """Return the notices, in an order that does not depend on when they came."""
    texts = (re.sub(rb"SIZE=\d+", b"SIZE=n", content).decode() for content in system.delivered(count))
    texts = (re.sub(r"AUTH PLAIN \S+", "AUTH PLAIN *****", text) for text in texts)  # pyfix shows no passwords
    return sorted(re.sub(r"(?m)^Message-Id: .*\n", "", text) for text in texts)


@pytest.mark.parametrize(
    ("pair", "classes"),
    [({**SETTINGS, "virtual_mailbox_maps": MAPS, "notify_classes": group}, group) for group in GROUPS],
    indirect=["pair"],
)
def test_transcripts_of_clients_are_equal(pair: list[MailSystem], classes: str) -> None:
    """Of every session that Postfix tells of, and of no other."""
    expected = [case for case in CASES if set(classes.split(", ")) & set(case.classes.split())]
    found = []
    for system in pair:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda case, port=system.port: converse(port, named(case)), CASES))
        found.append(transcripts(system, len(expected)))
    assert "\n".join(found[1]) == "\n".join(found[0])
    assert len(found[0]) == len(expected)


def named(case: Case) -> list[bytes]:
    """Return the steps of a session that says which one it is."""
    name = case.name.replace(" ", "-").replace(",", "").encode()
    return [step.replace(b"HELO x\r\n", b"HELO " + name + b".x\r\n") for step in case.steps]


WORDS = "501 5.5.4 what was that, a command of so many words that the line with its reply has to be folded once"
REFUSALS = [
    ("MAIL", WORDS),
    ("MAIL", "501-5.5.4 one\r\n501 5.5.4 two \x01 \u00e9"),
    ("MAIL", "garbage\r\n250 2.1.0 Ok"),
    ("MAIL", "555 5.5.4 no such option"),
    ("RCPT", "503 5.5.1 no"),
    ("RCPT", "354 5.5.1 no"),
    ("DATA", "250 2.0.0 no"),
    (".", "500 5.5.2 no"),
    (".", "600 5.5.2 no"),
]
"""What a server may answer to a command so that the postmaster is told."""
ORDINARY = [
    ("MAIL", "550 5.7.1 no"),
    ("RCPT", "550 5.1.1 no"),
    ("DATA", "451 4.3.0 no"),
    (".", "554 5.7.1 no"),
    ("EHLO", "502 5.5.1 no"),
    ("QUIT", "500 5.5.2 no"),
]


CLIENT_SETTINGS = {
    "transport_maps": "inline:{ {relay.test=smtp:SINK}, {lmtp.test=lmtp:SINK}, {client.test=discard:} }",
    "minimal_backoff_time": "1h",
    "maximal_backoff_time": "1h",
    "smtp_connection_cache_on_demand": "no",
    "lmtp_connection_cache_on_demand": "no",
    "notify_classes": "protocol",
    "error_notice_recipient": "errors@pair.test",
}
"""One attempt, one message a connection; bounces go nowhere."""


@pytest.mark.parametrize("pair", [CLIENT_SETTINGS], indirect=True)
@pytest.mark.parametrize("domain", ["relay.test", "lmtp.test"])
def test_transcripts_of_servers_are_equal(pair: list[MailSystem], sink: Sink, domain: str) -> None:
    """By smtp and lmtp: the whole dialogue, but nothing about an ordinary refusal, and nothing about a notice."""
    found = []
    for system in pair:
        client = Client(system.port)
        for number, (command, reply) in enumerate(REFUSALS + ORDINARY):
            deliver(system, client, sink, f"{number}@{domain}", command, reply)
        for sender in ("", "double-bounce@mail.pair.test"):
            deliver(system, client, sink, f"last@{domain}", "RCPT", "503 5.5.1 no", sender)
        client.close()
        found.append([without_manners(text) for text in transcripts(system, len(REFUSALS))])
    assert "\n".join(found[1]) == "\n".join(found[0])
    assert len(found[0]) == len(REFUSALS)


def without_manners(text: str) -> str:
    """Return a transcript without what the two do differently at the end: Postfix says RSET before QUIT, and does not
    always wait for what the server says to the dot."""
    text = text.replace(" Out: RSET\n In:  250 2.0.0 Ok\n", "").replace(
        " Out: RSET\n Out: QUIT\n In:  250 2.0.0 Ok\n", " Out: QUIT\n"
    )
    return re.sub(r"( Out: QUIT\n)((?: In:  .*\n)*)", r"\2\1", text)


def deliver(
    system: MailSystem,
    client: Client,
    sink: Sink,
    recipient: str,
    command: str,
    reply: str,
    sender: str = "me@client.test",
) -> None:
    """Have a system deliver one message to a server that answers so to the command."""
    sink.answer = lambda line: reply if line.startswith(command) else ""
    queue_id = client.send(sender, [recipient], mail())
    log, done = system.directory / "log", f"{queue_id}: to=<{recipient}>"
    wait_until(lambda: done in log.read_text(errors="replace"), f"{done} in the log of {system.name}")

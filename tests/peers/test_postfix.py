"""One configuration, both mail systems: the same replies, the same messages, the same notices.

Setup: the real Postfix and pyfix side by side, with one main.cf and Debian's master.cf, relaying to one sink.
Path: SMTP in, virtual mailbox, relay, non-delivery notices to sender and postmaster.
Check: what both answered, delivered, relayed and reported is equal but for ids and times.
"""

from __future__ import annotations

import re

import pytest
from instance import Client, mail, wait_until
from postfix_pair import MailSystem
from sink import Sink

pytestmark = [pytest.mark.system, pytest.mark.root, pytest.mark.timeout(180)]


def dialogue(system: MailSystem) -> list[str]:
    """Return the replies to a list of good and bad commands."""
    replies: list[str] = []
    client = Client(system.port)
    for command in (
        "EHLO client.test", "NOOP", "VRFY somebody", "RCPT TO:<a@pair.test>", "MAIL", "MAIL FROM:<>", "RSET",
        "MAIL FROM:<me@client.test> FOO=1", "MAIL FROM:<me@client.test>",
        "MAIL FROM:<me@client.test>", "DATA", "RCPT TO:<@b>", "RCPT TO:<x@nowhere.example>", "RCPT TO:<a@pair.test>",
        "RSET", "XYZZY", "DATA", "MAIL FROM:<me@client.test> SIZE=99999999", "QUIT",
    ):  # fmt: skip
        code, text = client.smtp.docmd(command)
        replies.append(f"{command} -> {code} {text.decode()}")
    client.smtp.close()
    return replies


def test_replies_are_equal(pair: list[MailSystem]) -> None:
    """Every reply to good and bad commands, to the letter."""
    postfix, pyfix = (dialogue(system) for system in pair)
    assert pyfix == postfix


def test_delivered_messages_are_equal(pair: list[MailSystem]) -> None:
    """Headers that were added, headers that were missing, content: byte for byte."""
    contents = [
        mail("plain", "one\n.two\n\nFrom three\n"),
        mail("complete", From="Me <me@client.test>", To="box@pair.test", Date="Mon, 1 Jan 2024 00:00:00 +0000"),
        b"no header at all\r\n",
        b"Subject: only a header\r\n",
        mail("resent", **{"Resent-From": "x@client.test", "Bcc": "hidden@pair.test", "Return-Path": "<fake@x.test>"}),
    ]
    found = []
    for system in pair:
        client = Client(system.port)
        for content in contents:
            client.send("me@client.test", ["box@pair.test"], content)
        client.close()
        found.append(system.delivered(len(contents)))
    assert found[1] == found[0]


def test_relayed_messages_and_notices_are_equal(pair: list[MailSystem], sink: Sink) -> None:
    """What the next host got, and what sender and postmaster were told about its refusal."""
    relayed, notices = [], []
    for system in pair:
        sink.taken.clear()
        client = Client(system.port)
        recipients = ["taken@relay.test", "refused@relay.test"]
        client.send("box@pair.test", recipients, mail("relayed", ".dots\n"), mail_options="ENVID=x+20y")
        client.close()
        wait_until(lambda: sink.taken, "the message at the sink")
        relayed.append((sink.taken[0].recipients, system.mask(sink.taken[0].content)))
        notices.append(system.delivered(2))
    assert relayed[1] == relayed[0]
    assert notices[1] == notices[0]


def test_log_lines_are_equal(pair: list[MailSystem]) -> None:
    """The lines about one message, from client= to removed, but for ids and times."""
    found = []
    for system in pair:
        client = Client(system.port)
        queue_id = client.send("me@client.test", ["box@pair.test"], mail("logged", **{"Message-Id": "<1@client.test>"}))
        client.close()
        log = system.directory / "log"
        wait_until(lambda log=log, done=f"{queue_id}: removed": done in log.read_text(), "the end of the message")
        lines = [line.split(" ", 4)[-1] for line in log.read_text().splitlines() if queue_id in line]
        masked = [re.sub(r"\[\d+\]|\bdelays?=[\d./]+|size=\d+", "#", line.replace(queue_id, "ID")) for line in lines]
        found.append(sorted(masked))
    assert found[1] == found[0]

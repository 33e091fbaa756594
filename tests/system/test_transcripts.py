"""The postmaster hears of sessions that had trouble.

Setup: a private instance whose postmaster's mail goes to the one mailbox, or to an SMTP sink.
Path: a client or a server that misbehaves, smtpd or smtp, cleanup, and delivery like any other mail.
Check: the transcripts, who got them, and that there is no end of notices about notices.
"""

from __future__ import annotations

import pytest
from instance import Instance, mail, wait_until
from sink import Sink

pytestmark = pytest.mark.system


def test_full_disk_is_told_of_without_being_asked(instance: Instance) -> None:
    """The default of notify_classes holds class resource, and postmaster is the default recipient."""
    instance.set(message_size_limit=str(1 << 62), virtual_mailbox_limit="0")  # half as much again has to be free
    instance.start()
    client = instance.connect()
    assert client.smtp.docmd("MAIL", "FROM:<sender@client.test>")[0] == 452
    client.close()
    (notice,) = instance.wait_for_mail()
    assert notice["Return-Path"] == "<double-bounce@mail.example.test>"
    assert notice["From"] == "Mail Delivery System <MAILER-DAEMON@mail.example.test>"
    assert notice["To"] == "Postmaster <postmaster@example.test>"
    assert notice["Subject"].startswith("Postfix SMTP server: errors from ")
    assert " Out: 452 4.3.1 Insufficient system storage\n" in notice.get_payload()
    instance.wait_until_empty()
    assert len(instance.messages()) == 1


def test_refused_mail_and_bad_commands_have_recipients_of_their_own(instance: Instance, sink: Sink) -> None:
    """bounce_notice_recipient and error_notice_recipient; the session need not end well."""
    instance.set(
        relayhost=sink.nexthop, notify_classes="bounce, protocol", bounce_notice_recipient="bounces@notices.test",
        error_notice_recipient="errors@notices.test",
    )  # fmt: skip
    instance.start()
    client = instance.connect()
    client.smtp.docmd("MAIL", "FROM:<sender@client.test>")
    client.smtp.docmd("RCPT", "TO:<nobody@example.test>")
    client.close()
    client = instance.connect()
    client.smtp.docmd("XYZZY")
    client.smtp.close()
    wait_until(lambda: len(sink.taken) == 2, "two notices at the sink")
    first, second = sorted(sink.taken, key=lambda taken: taken.recipients)
    assert (first.recipients, second.recipients) == (["bounces@notices.test"], ["errors@notices.test"])
    assert {first.sender, second.sender} == {"double-bounce@mail.example.test"}
    assert b"\r\n Out: 550 5.1.1 <nobody@example.test>: Recipient address rejected: User unknown\r\n" in first.content
    assert b"\r\n     in virtual mailbox table\r\n" in first.content
    assert b"\r\n In:  XYZZY\r\n Out: 500 5.5.2 Error: command not recognized\r\n" in second.content
    assert b"\r\nSession aborted, reason: lost connection\r\n" in second.content
    assert b"\r\nSubject: Postfix SMTP server: errors from " in second.content
    instance.wait_until_empty()


def test_server_that_breaks_the_protocol_is_told_of_once(instance: Instance, sink: Sink) -> None:
    """Not again about the bounce that it refuses as well, and about a notice that comes back nobody hears."""
    sink.answer = lambda command: "503 5.5.1 out of order" if command.startswith("RCPT") else ""
    instance.set(relayhost=sink.nexthop, notify_classes="protocol, bounce")
    instance.start()
    instance.send("bob@elsewhere.test", mail("lost"), sender="gone@elsewhere.test")
    instance.wait_for_log(r"to=<gone@elsewhere.test>.*status=bounced")
    instance.wait_until_empty()
    transcripts = [message for message in instance.messages() if "errors from" in message["Subject"]]
    assert len(transcripts) == 1
    assert " Out: RCPT TO:<bob@elsewhere.test>" in transcripts[0].get_payload()

"""Mail goes its way through a whole instance.

Setup: a private instance with one virtual mailbox and, where needed, an SMTP sink as the next host.
Path: SMTP or sendmail, cleanup, qmgr, a delivery agent, and back through bounce where that is the point.
Check: what lies in the mailbox or arrived at the sink, and the log from client= to removed.
"""

from __future__ import annotations

import re

import pytest
from instance import Instance, field, mail, wait_until
from sink import Sink

pytestmark = pytest.mark.system


def test_mail_over_smtp_reaches_the_virtual_mailbox(running: Instance) -> None:
    """One message, its three added headers, and one log line at every step of its way."""
    queue_id = running.send(content=mail("hello", "first line\n.second line\n"))
    (message,) = running.wait_for_mail()
    assert message["Return-Path"] == "<sender@client.test>"
    assert message["Delivered-To"] == running.address
    assert message["X-Original-To"] == running.address
    assert message.get_payload() == "first line\n.second line\n"
    running.wait_for_log(f"{queue_id}: removed")
    steps = re.findall(rf"postfix/(\w+)\[\d+\]: {queue_id}: (\S+?)[=<\n]", running.log)
    assert [name for name, _ in steps] == ["smtpd", "cleanup", "qmgr", "virtual", "qmgr"]
    assert running.queue_files() == []


def test_every_queue_may_be_spread_over_subdirectories(instance: Instance, sink: Sink) -> None:
    """hash_queue_names as main.cf files of old have it: mail comes in, bounces, and comes back."""
    sink.answer = lambda command: "550 5.1.1 no such user" if command.startswith("RCPT") else ""
    names = "incoming, active, deferred, bounce, defer, flush, hold, trace"
    instance.set(relayhost=sink.nexthop, hash_queue_names=names, hash_queue_depth="2")
    instance.start()
    instance.send("bob@elsewhere.test", sender=instance.address)
    (notice,) = instance.wait_for_mail()
    assert notice["Subject"] == "Undelivered Mail Returned to Sender"
    instance.wait_until_empty()


def test_alias_leads_to_the_mailbox(running: Instance) -> None:
    """postmaster is an alias of the mailbox; the log names both."""
    running.send("postmaster@example.test")
    (message,) = running.wait_for_mail()
    assert message["X-Original-To"] == "postmaster@example.test"
    assert message["Delivered-To"] == running.address
    running.wait_for_log("orig_to=<postmaster@example\\.test>")


def test_unknown_recipient_is_refused_at_once(running: Instance) -> None:
    """What no table knows is not accepted, so nobody has to be told later."""
    client = running.connect()
    client.smtp.docmd("MAIL", "FROM:<sender@client.test>")
    code, text = client.smtp.docmd("RCPT", "TO:<nobody@example.test>")
    client.close()
    assert code == 550
    assert b"5.1.1 <nobody@example.test>: Recipient address rejected: User unknown in virtual mailbox table" in text


def test_instance_is_no_open_relay(instance: Instance) -> None:
    """A stranger may send to us, and through us to nobody else."""
    instance.set(mynetworks="192.0.2.0/24")
    instance.start()
    client = instance.connect()
    client.smtp.docmd("MAIL", "FROM:<sender@client.test>")
    code, text = client.smtp.docmd("RCPT", "TO:<somebody@elsewhere.test>")
    assert (code, text) == (454, b"4.7.1 <somebody@elsewhere.test>: Relay access denied") or code == 554
    assert client.smtp.docmd("RCPT", f"TO:<{instance.address}>")[0] == 250
    client.close()


def test_mail_for_others_goes_to_the_next_host(instance: Instance, sink: Sink) -> None:
    """Relayed byte for byte but for one Received: line on top."""
    instance.set(relayhost=sink.nexthop)
    instance.start()
    content = mail("relayed", ".dot\n..dots\nend\n", To="bob@elsewhere.test")
    instance.send(["bob@elsewhere.test", "carol@elsewhere.test"], content)
    taken = wait_until(lambda: sink.taken and sink.taken[0], "the message at the sink")
    assert taken.sender == "sender@client.test"
    assert sorted(taken.recipients) == ["bob@elsewhere.test", "carol@elsewhere.test"]
    assert taken.content.startswith(b"Received: from client.test (")
    assert content.split(b"\r\n\r\n", 1)[1] == taken.content.split(b"\r\n\r\n", 1)[1]
    instance.wait_until_empty()


def test_refused_mail_comes_back_to_its_sender(instance: Instance, sink: Sink) -> None:
    """The notice says who could not be reached and why, and returns the message."""
    sink.answer = lambda command: "550 5.1.1 no such user" if command.startswith("RCPT") else ""
    instance.set(relayhost=sink.nexthop)
    instance.start()
    queue_id = instance.send("bob@elsewhere.test", mail("lost"), sender=instance.address)
    (notice,) = instance.wait_for_mail()
    assert notice["Return-Path"] == "<>"
    assert notice["Subject"] == "Undelivered Mail Returned to Sender"
    explanation, status, returned = notice.get_payload()
    assert "<bob@elsewhere.test>: host 127.0.0.1[127.0.0.1] said: 550 5.1.1 no such user" in explanation.get_payload()
    assert status.get_payload()[1]["Status"] == "5.1.1"
    assert returned.get_payload()[0]["Subject"] == "lost"
    assert re.search(rf"{queue_id}: sender non-delivery notification: \w+", instance.log)
    instance.wait_until_empty()


def test_notice_may_be_larger_than_any_message(instance: Instance, sink: Sink) -> None:
    """message_size_limit is for those who can send less: a notice says what became of every recipient."""
    sink.answer = lambda command: f"550 5.1.1 {'no such user ' * 8}" if command.startswith("RCPT") else ""
    instance.set(relayhost=sink.nexthop, message_size_limit="20000")
    instance.start()
    instance.send([f"user{number}@elsewhere.test" for number in range(100)], sender=instance.address)
    (notice,) = instance.wait_for_mail()
    assert len(notice.as_bytes()) > 20_000
    about_message, *about_recipients = notice.get_payload()[1].get_payload()
    assert about_message["X-Postfix-Queue-ID"]
    assert {fields["Final-Recipient"] for fields in about_recipients} == {
        f"rfc822; user{number}@elsewhere.test" for number in range(100)
    }
    instance.wait_until_empty()


def test_notice_that_cannot_be_returned_ends_quietly(instance: Instance, sink: Sink) -> None:
    """A bounce of a bounce goes nowhere unless notify_classes says so: no loop, no leftovers."""
    sink.answer = lambda command: "550 5.1.1 no such user" if command.startswith("RCPT") else ""
    instance.set(relayhost=sink.nexthop)
    instance.start()
    instance.send("bob@elsewhere.test", sender="gone@elsewhere.test")
    instance.wait_for_log(r"to=<gone@elsewhere.test>.*status=bounced")
    instance.wait_until_empty()
    assert list((instance.spool / "bounce").iterdir()) == []


def test_double_bounce_reaches_the_postmaster(instance: Instance, sink: Sink) -> None:
    """With the class 2bounce the postmaster gets what nobody else can."""
    sink.answer = lambda command: "550 5.1.1 no such user" if command.startswith("RCPT") else ""
    instance.set(relayhost=sink.nexthop, notify_classes="2bounce")
    instance.start()
    instance.send("bob@elsewhere.test", sender="gone@elsewhere.test")
    (notice,) = instance.wait_for_mail()
    assert notice["Return-Path"] == "<double-bounce@mail.example.test>"
    assert notice["Subject"] == "Postmaster Copy: Undelivered Mail"


def test_each_kind_of_notice_has_a_recipient_of_its_own(instance: Instance, sink: Sink) -> None:
    """bounce_notice_recipient, 2bounce_notice_recipient and delay_notice_recipient, from the double-bounce address."""

    def verdict(command: str) -> str:
        if not command.startswith("RCPT"):
            return ""
        return "550 5.1.1 no such user" if "gone" in command else "451 4.2.1 later" if "late" in command else ""

    sink.answer = verdict
    instance.set(
        **{"2bounce_notice_recipient": "doubles@notices.test"}, bounce_notice_recipient="bounces@notices.test",
        delay_notice_recipient="delays@notices.test", relayhost=sink.nexthop, notify_classes="bounce, 2bounce, delay",
        delay_warning_time="1s", queue_run_delay="1s", minimal_backoff_time="1s", maximal_backoff_time="1s",
    )  # fmt: skip
    instance.start()
    instance.send("gone@elsewhere.test", mail("one"), sender="sender@client.test")
    instance.send("gone@elsewhere.test", mail("two"), sender="gone@client.test")
    instance.send("late@elsewhere.test", mail("three"), sender="sender@client.test")
    wanted = {
        "bounces@notices.test": ["Postmaster Copy: Undelivered Mail"] * 2,
        "doubles@notices.test": ["Postmaster Copy: Undelivered Mail"],
        "delays@notices.test": ["Postmaster Warning: Delayed Mail"],
    }

    def told() -> dict[str, list[str]]:
        subjects: dict[str, list[str]] = {}
        for taken in list(sink.taken):
            if taken.sender == "double-bounce@mail.example.test":
                found = re.search(rb"(?m)^Subject: (.*?)\r?$", taken.content)
                assert found
                subjects.setdefault(*taken.recipients, []).append(found[1].decode())
        return subjects

    wait_until(lambda: told() == wanted, f"notices for each recipient: {told()}")


def test_deferred_mail_waits_and_goes_with_flush(instance: Instance, sink: Sink) -> None:
    """A temporary refusal keeps the message; `pyfix flush` tries again at once."""
    sink.answer = lambda command: "451 4.2.1 later" if command.startswith("RCPT") else ""
    instance.set(relayhost=sink.nexthop)
    instance.start()
    queue_id = instance.send("bob@elsewhere.test")
    instance.wait_for_log(rf"{queue_id}: to=<bob@elsewhere.test>.*dsn=4.2.1, status=deferred")
    wait_until(lambda: instance.queue_files("deferred"), "the message in deferred")
    sink.answer = lambda command: ""
    assert instance.pyfix("flush").returncode == 0
    wait_until(lambda: sink.taken, "the message at the sink")
    instance.wait_until_empty()
    wait_until(lambda: not [p for p in (instance.spool / "defer").rglob("*") if p.is_file()], "an empty defer log")


@pytest.mark.parametrize("command", ["postqueue -f", "postqueue -i QUEUEID", "sendmail -q", "sendmail -qIQUEUEID"])
def test_each_way_to_try_mail_now_tries_it_each_time(instance: Instance, sink: Sink, command: str) -> None:
    """They all go through pickup; three times in a row, since once may be luck."""
    sink.answer = lambda command: "451 4.2.1 later" if command.startswith("RCPT") else ""
    instance.set(relayhost=sink.nexthop)
    instance.start()
    queue_id = instance.send("bob@elsewhere.test")
    for attempt in range(1, 4):
        wait_for_attempts(instance, attempt)
        wait_until(lambda: instance.queue_files("deferred"), "the message in deferred")
        result = instance.command(*command.replace("QUEUEID", queue_id).split())
        assert (result.returncode, result.stderr) == (0, "")
    wait_for_attempts(instance, 4)


def wait_for_attempts(instance: Instance, number: int) -> None:
    """Wait until a message was deferred so many times."""
    wait_until(lambda: instance.log.count("status=deferred") == number, f"attempt {number}")


def test_deferred_mail_survives_a_restart(instance: Instance, sink: Sink) -> None:
    """The queue on disk is the truth."""
    sink.answer = lambda command: "451 4.2.1 later" if command.startswith("RCPT") else ""
    instance.set(relayhost=sink.nexthop)
    instance.start()
    instance.send("bob@elsewhere.test")
    wait_until(lambda: instance.queue_files("deferred"), "the message in deferred")
    instance.stop()
    sink.answer = lambda command: ""
    instance.start()
    instance.pyfix("flush")
    wait_until(lambda: sink.taken, "the message at the sink")
    instance.wait_until_empty()


def test_sender_hears_of_a_delay(instance: Instance, sink: Sink) -> None:
    """After delay_warning_time one warning goes out, and only one, while the message goes on trying."""
    sink.answer = lambda command: "451 4.2.1 later" if command.startswith("RCPT") else ""
    instance.set(
        relayhost=sink.nexthop, delay_warning_time="1s", queue_run_delay="1s", minimal_backoff_time="1s",
        maximal_backoff_time="1s",
    )  # fmt: skip
    instance.start()
    instance.send("bob@elsewhere.test", sender=instance.address)
    (notice,) = instance.wait_for_mail()
    assert notice["Subject"] == "Delayed Mail (still being retried)"
    assert notice.get_payload()[1].get_payload()[1]["Action"] == "delayed"
    attempts = len(re.findall("status=deferred", instance.log))
    wait_until(lambda: len(re.findall("status=deferred", instance.log)) >= attempts + 2, "two more attempts")
    assert len(instance.messages()) == 1
    sink.answer = lambda command: ""
    instance.wait_until_empty()


def test_old_mail_is_given_up(instance: Instance, sink: Sink) -> None:
    """Past maximal_queue_lifetime the sender gets it back with the last reason."""
    sink.answer = lambda command: "451 4.2.1 later" if command.startswith("RCPT") else ""
    instance.set(
        relayhost=sink.nexthop, maximal_queue_lifetime="2s", queue_run_delay="1s", minimal_backoff_time="1s",
        maximal_backoff_time="1s",
    )  # fmt: skip
    instance.start()
    instance.send("bob@elsewhere.test", sender=instance.address)
    (notice,) = instance.wait_for_mail()
    assert notice["Subject"] == "Undelivered Mail Returned to Sender"
    fields = notice.get_payload()[1].get_payload()[1]
    assert (fields["Action"], fields["Status"]) == ("failed", "4.2.1")
    instance.wait_until_empty()
    assert [p for p in (instance.spool / "defer").rglob("*") if p.is_file()] == []


def test_success_is_reported_on_request(running: Instance) -> None:
    """NOTIFY=SUCCESS (RFC 3461) gives a report from the trace service."""
    running.send(sender=running.address, mail_options="ENVID=QQ123", rcpt_options="NOTIFY=SUCCESS")
    messages = running.wait_for_mail(2)
    (report,) = [m for m in messages if m["Subject"] == "Successful Mail Delivery Report"]
    explanation, status, _ = report.get_payload()
    assert f"<{running.address}>: delivery via virtual: delivered to maildir" in explanation.get_payload()
    about, recipient = status.get_payload()
    assert about["Original-Envelope-Id"] == "QQ123"
    assert (recipient["Action"], recipient["Status"]) == ("delivered", "2.0.0")


def test_nobody_hears_of_failure_who_asked_for_silence(instance: Instance, sink: Sink) -> None:
    """NOTIFY=NEVER: the recipient is done with, and no notice is made."""
    sink.answer = lambda command: "550 5.1.1 no such user" if command.startswith("RCPT") else ""
    instance.set(relayhost=sink.nexthop)
    instance.start()
    instance.send("bob@elsewhere.test", sender=instance.address, rcpt_options="NOTIFY=NEVER")
    instance.wait_for_log("status=bounced")
    instance.wait_until_empty()
    assert instance.messages() == []


def test_sendmail_submits(running: Instance) -> None:
    """The command that programs use: recipients as arguments, a lone dot kept with -i."""
    result = running.command(
        "sendmail", "-i", "-f", "me@client.test", running.address, stdin="Subject: from a program\n\none\n.\ntwo\n"
    )
    assert result.returncode == 0, result.stderr
    (message,) = running.wait_for_mail()
    assert message["Subject"] == "from a program"
    assert message["Return-Path"] == "<me@client.test>"
    assert message.get_payload() == "one\n.\ntwo\n"
    assert re.search(r"pickup\[\d+\]: \w+: uid=\d+ from=<me@client.test>", running.log)


def test_sendmail_finds_recipients_in_headers(running: Instance) -> None:
    """-t: To, Cc and Bcc; Bcc is not shown."""
    text = f"To: {running.address}\nBcc: postmaster@example.test\nSubject: t\n\nbody\n"
    assert running.command("sendmail", "-t", stdin=text).returncode == 0
    messages = running.wait_for_mail(2)
    assert sorted(field(messages, "X-Original-To")) == [running.address, "postmaster@example.test"]
    assert field(messages, "Bcc") == ["None", "None"]


def test_mailq_shows_what_waits(instance: Instance, sink: Sink) -> None:
    """The listing has id, sender, recipient and reason."""
    sink.answer = lambda command: "451 4.2.1 later" if command.startswith("RCPT") else ""
    instance.set(relayhost=sink.nexthop)
    instance.start()
    queue_id = instance.send("bob@elsewhere.test")
    wait_until(lambda: instance.queue_files("deferred"), "the message in deferred")
    listing = instance.command("mailq").stdout
    assert queue_id in listing
    assert "sender@client.test" in listing
    assert "bob@elsewhere.test" in listing
    assert "451 4.2.1 later" in listing
    assert "-- 0 Kbytes in 1 Request." in listing


def test_large_message_arrives_whole(running: Instance) -> None:
    """Beyond what is held in memory the content goes through the queue file; not a byte is lost."""
    body = "".join(f"line {number} {'x' * 60}\n" for number in range(40_000))
    running.send(content=mail("large", body))
    (message,) = running.wait_for_mail()
    assert message.get_payload() == body


def test_queue_run_delivers_what_a_lost_hint_left_behind(instance: Instance) -> None:
    """A message that lies complete in incoming/ when qmgr starts is delivered without anybody's hint."""
    instance.start()
    instance.send(content=mail("warm up"))
    instance.wait_for_mail()
    instance.stop()
    instance.set(queue_service_name="nobody")
    instance.start()
    instance.send(content=mail("no hint"))
    wait_until(lambda: instance.queue_files("incoming"), "the message in incoming")
    instance.stop()
    instance.set(queue_service_name="qmgr")
    instance.start()
    assert sorted(field(instance.wait_for_mail(2), "Subject")) == ["no hint", "warm up"]

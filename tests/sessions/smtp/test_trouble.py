"""Which trouble the postmaster is told of, and when: smtpd with neighbours that take everything."""

from __future__ import annotations

import pytest
from stage import play
from trouble_cases import CASES, SETTINGS, Case

CLASSES = ("bounce", "data", "policy", "protocol", "resource", "software")
MAPS = "inline:{u1@virtual.test=u1, warn@virtual.test=w}"


def notices(steps: list[bytes], classes: str, **settings: str) -> list[tuple[str, str]]:
    """Play a session; return recipient and transcript of each notice."""
    text = {"virtual_mailbox_maps": MAPS, **SETTINGS, **settings, "notify_classes": classes}
    _, stage = play(steps, "".join(f"{name} = {value}\n" for name, value in text.items()))
    found = []
    for submit in stage.cleanup.submitted:
        if submit.envelope.sender.startswith("double-bounce@"):
            body = (submit.body or b"").decode()
            found.append((submit.recipients[0].address, body.partition("session follows.\n\n")[2]))
    return found


@pytest.mark.parametrize("case", [case for case in CASES if not case.needs_neighbours], ids=lambda case: case.name)
def test_each_trouble_has_its_class(case: Case) -> None:
    """A notice comes under each class that Postfix has for it, and under no other; refused mail is for who reads
    bounces."""
    recipients = {name: [to for to, _ in notices(case.steps, name)] for name in CLASSES}
    wanted = "bounces@pair.test" if "bounce" in case.classes else "errors@pair.test"
    assert recipients == {name: [wanted] if name in case.classes.split() else [] for name in CLASSES}


@pytest.mark.parametrize("classes", ["", "2bounce, delay"])
def test_nothing_is_kept_for_who_does_not_ask(classes: str) -> None:
    """No dialogue without a class that sessions know."""

    _, stage = play([b"FOO\r\n"], f"notify_classes = {classes}\n")
    assert stage.session._dialogue is None
    assert stage.cleanup.submitted == []


def test_table_without_an_answer_is_of_class_data() -> None:
    """A recipient table that can't be opened."""
    steps = [b"HELO x\r\n", b"MAIL FROM:<a@b.c>\r\n", b"RCPT TO:<u1@virtual.test>\r\n", b"QUIT\r\n"]
    found = notices(steps, "data", virtual_mailbox_maps="fail:broken", smtpd_recipient_restrictions="")
    assert [to for to, _ in found] == ["errors@pair.test"]
    assert " Out: 451 4.3.0 <u1@virtual.test>: Temporary lookup failure\n" in found[0][1]


def test_full_disk_is_of_class_resource() -> None:
    """queue_minfree, whose refusal is the one that the default tells of."""
    steps = [b"HELO x\r\n", b"MAIL FROM:<a@b.c>\r\n", b"QUIT\r\n"]
    assert notices(steps, "resource", message_size_limit="1000000") == []
    found = notices(steps, "resource", queue_minfree="2000000000")
    assert [to for to, _ in found] == ["errors@pair.test"]


def test_refused_client_is_told_of_once() -> None:
    """Under smtpd_client_restrictions; all that it says after the greeting is in the transcript."""
    found = notices([b"EHLO x\r\n", b"QUIT\r\n"], "policy", smtpd_client_restrictions="reject")
    host = "unknown[192.0.2.1]"
    assert found == [
        (
            "errors@pair.test",
            f" Out: 554 5.7.1 <{host}>: Client host rejected: Access denied\n In:  EHLO x\n"
            f" Out: 503 5.7.0 Error: access denied for {host}\n In:  QUIT\n Out: 221 2.0.0 Bye\n"
            "\n\nFor other details, see the local mail logfile\n",
        )
    ]


def test_mail_that_is_accepted_makes_up_for_trouble() -> None:
    """As with the limits of errors; what comes after it counts again, and all of it is told."""
    good = [b"MAIL FROM:<a@s.test>\r\n", b"RCPT TO:<u1@virtual.test>\r\n", b"DATA\r\n", b"x\r\n.\r\n"]
    assert notices([b"HELO x\r\n", b"FOO\r\n", *good, b"QUIT\r\n"], "protocol") == []
    ((_, text),) = notices([b"HELO x\r\n", b"FOO\r\n", *good, b"BAR\r\n", b"QUIT\r\n"], "protocol")
    assert text.index("FOO") < text.index("Ok: queued as") < text.index("BAR")


@pytest.mark.parametrize("command", [b"RSET", b"HELO y", b"EHLO y"])
def test_long_dialogue_is_told_of_before_it_ends(command: bytes) -> None:
    """Past smtpd_history_flush_threshold, with the command that ends a part of it; its reply begins the next part."""
    steps = [b"HELO x\r\n", b"FOO\r\n", command + b"\r\n", b"BAR\r\n", b"QUIT\r\n"]
    found = [text for _, text in notices(steps, "protocol", smtpd_history_flush_threshold="4")]
    first, second = found
    assert first.endswith(f" In:  {command.decode()}\n\n\nFor other details, see the local mail logfile\n")
    assert second.splitlines()[0].startswith(" Out: 250")
    assert "BAR" not in first
    assert "FOO" not in second


def test_end_of_a_message_ends_a_long_dialogue() -> None:
    """Refused or not, with the reply to it."""
    steps = [
        b"HELO x\r\n", b"MAIL FROM:<eod@s.test>\r\n", b"RCPT TO:<u1@virtual.test>\r\n", b"DATA\r\n", b"x\r\n.\r\n",
        b"FOO\r\n", b"QUIT\r\n",
    ]  # fmt: skip
    first, second = (text for _, text in notices(steps, "policy, protocol", smtpd_history_flush_threshold="9"))
    assert " Out: 554 5.7.1 <eod@s.test>: Sender address rejected: Access denied\n\n\nFor" in first
    assert second.startswith(" In:  FOO\n")


def test_soft_bounce_shows_in_the_transcript() -> None:
    """It holds what the client was told."""
    ((_, text),) = notices([b"HELO x\r\n", b"FOO\r\n", b"QUIT\r\n"], "protocol", soft_bounce="yes")
    assert " Out: 400 4.5.2 Error: command not recognized\n" in text

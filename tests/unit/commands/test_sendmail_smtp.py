"""The SMTP session of sendmail -bs."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from pyfix.commands.outcome import CommandError, CommandLog
from pyfix.commands.sendmail_smtp import LocalSmtp, LocalSmtpParameters
from pyfix.commands.submission import Door, Refusal
from pyfix.mail.config import Config
from pyfix.mail.ipc.messages import (
    NOTIFY_DELAY,
    NOTIFY_FAILURE,
    NOTIFY_NEVER,
    RET_HDRS,
    LocalSubmit,
    RecipientOptions,
)
from pyfix.mail.queue import Queue

MAIN_CF = "compatibility_level = 3.7\nmyhostname = mail.test\nmessage_size_limit = 3000\nline_length_limit = 600\n"


class FakeDoor(Door):
    """Keeps what is submitted."""

    def submit(self, request: LocalSubmit, content: Iterable[bytes]) -> str:
        self._check(request)
        data = b""
        for piece in content:
            data += piece
            if b"enough" in data:  # as pickup does in mid-message
                raise Refusal(self.user, 552, "5.3.4", "Error: message file too big", os.EX_UNAVAILABLE)
        if b"refuse" in data:
            raise Refusal(self.user, 552, "5.3.4", "Error: message file too big", os.EX_UNAVAILABLE)
        if b"break" in data:
            raise CommandError("queue file write error: disk on fire", os.EX_TEMPFAIL)
        submitted.append((request, data))
        return "ABCDEF1"


submitted: list[tuple[LocalSubmit, bytes]] = []


def talk(lines: list[str], tmp_path: Path, main_cf: str = "") -> list[str]:
    """Return the replies to a session."""
    submitted.clear()
    out = io.BytesIO()
    door = FakeDoor("", Queue(str(tmp_path)), "me(1)", CommandLog("sendmail"))
    reader = io.BytesIO("".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape"))
    LocalSmtp(reader, out, door, Config.from_text(MAIN_CF + main_cf).read(LocalSmtpParameters)).run()
    assert out.getvalue().endswith(b"\r\n")
    return out.getvalue().decode().split("\r\n")[:-1]


def test_a_session_submits_its_messages(tmp_path: Path) -> None:
    """Dots are removed, line ends are LF."""
    lines = ["EHLO x", "MAIL FROM:<a@b> BODY=8BITMIME", "RCPT TO:<c@d>", "rcpt to:<e@f>"]
    replies = talk([*lines, "DATA", "Subject: x\r\r", "", "..dot", ".", "QUIT"], tmp_path)
    assert replies == [
        "220 mail.test ESMTP Postfix",
        "250-mail.test",
        "250-PIPELINING",
        "250-SIZE 3000",
        "250-VRFY",
        "250-ENHANCEDSTATUSCODES",
        "250-8BITMIME",
        "250-DSN",
        "250 SMTPUTF8",
        "250 2.1.0 Ok",
        "250 2.1.5 Ok",
        "250 2.1.5 Ok",
        "354 End data with <CR><LF>.<CR><LF>",
        "250 2.0.0 Ok: queued as ABCDEF1",
        "221 2.0.0 Bye",
    ]
    (message,) = submitted
    options = [RecipientOptions(), RecipientOptions()]
    request = LocalSubmit("a@b", "", ["c@d", "e@f"], extract=False, encoding="8bit", options=options)
    assert message == (request, b"Subject: x\n\n.dot\n")


def test_parameters_for_notices_are_passed_on(tmp_path: Path) -> None:
    """RET and ENVID of the message, NOTIFY and ORCPT of each recipient, SMTPUTF8 (RFC 3461, 6531)."""
    talk(
        [
            "EHLO x", "MAIL FROM:<a@b> RET=HDRS ENVID=x+20y SMTPUTF8 SIZE=2000", "RCPT TO:<c@d> NOTIFY=NEVER",
            "RCPT TO:<e@f> NOTIFY=DELAY,FAILURE ORCPT=rfc822;g+40h", "DATA", "x", ".",
        ],
        tmp_path,
    )  # fmt: skip
    (request, _) = submitted[0]
    assert (request.ret, request.envid, request.smtputf8) == (RET_HDRS, "x y", True)
    assert request.options == [
        RecipientOptions(NOTIFY_NEVER),
        RecipientOptions(NOTIFY_DELAY | NOTIFY_FAILURE, "rfc822;g@h"),
    ]


ENVELOPE = ["MAIL FROM:<>", "RCPT TO:<c@d>", "DATA"]


def test_a_refused_message_leaves_the_session_in_step(tmp_path: Path) -> None:
    """The mail system's own reply, permanent when it is; what follows the message is a command again."""
    replies = talk([*ENVELOPE, "refuse", ".", "NOOP"], tmp_path)
    assert replies[-2:] == ["552 5.3.4 Error: message file too big", "250 2.0.0 Ok"]
    replies = talk([*ENVELOPE, "break", ".", "NOOP"], tmp_path)
    assert replies[-2:] == ["451 4.3.0 Error: queue file write error", "250 2.0.0 Ok"]


@pytest.mark.parametrize("opening", ["Subject: x", "From x", " odd"])
def test_content_behind_an_early_refusal_is_no_command(tmp_path: Path, opening: str) -> None:
    """What the sender wrote must never be obeyed: not the recipients in it, and not its QUIT."""
    lines = ["MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", opening, "x", "enough"]
    smuggled = ["QUIT", "MAIL FROM:<evil@b>", "RCPT TO:<victim@d>", "DATA", "."]
    replies = talk([*lines, *smuggled, "NOOP", "QUIT"], tmp_path)
    assert [reply[:3] for reply in replies] == ["220", "250", "250", "354", "552", "250", "221"]
    assert submitted == []


def test_soft_bounce_makes_every_refusal_temporary(tmp_path: Path) -> None:
    """Of commands and of messages."""
    replies = talk(["FOO", *ENVELOPE, "refuse", "."], tmp_path, "soft_bounce = yes\n")
    assert replies[1] == "400 4.5.2 Error: command not recognized"
    assert replies[-1] == "452 4.3.4 Error: message file too big"


def test_a_session_that_breaks_off_submits_nothing(tmp_path: Path) -> None:
    """Half a message is none, and nobody is there to be told."""
    assert talk([*ENVELOPE, "half"], tmp_path)[-1] == "354 End data with <CR><LF>.<CR><LF>"
    assert submitted == []


def test_an_odd_first_line_spoils_no_header(tmp_path: Path) -> None:
    """As in smtpd."""
    talk([*ENVELOPE, "From a", ">From b", " c", "From d", "."], tmp_path)
    assert submitted[0][1] == b"X-Mailbox-Line: From a\nX-Mailbox-Line: >From b\n\n c\nFrom d\n"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("FOO", "500 5.5.2 Error: command not recognized"),
        ("", "500 5.5.2 Error: bad syntax"),
        ("NOOP \udcff", "500 5.5.2 Error: bad UTF-8 syntax"),
        ('MAIL FROM:<"a\x01"@b>', "501 5.1.7 Bad sender address syntax"),
        ("MAIL FROM:<a@b> ENVID=+01", "501 5.5.4 Bad ENVID parameter syntax"),
        ("MAIL FROM:<a@b> SIZE=3001", "552 5.3.4 Message size exceeds fixed limit"),
        ("MAIL FROM:<a@b> FOO=1", "555 5.5.4 Unsupported option: FOO=1"),
        ("RCPT TO:<a@b>", "503 5.5.1 Error: need MAIL command"),
        ("DATA", "503 5.5.1 Error: need RCPT command"),
        ("BDAT 3 LAST", "521 5.5.1 Error: command not implemented"),
        ("VRFY a b", "501 5.1.3 Bad recipient address syntax"),
        ("VRFY <a@b> SMTPUTF8", "252 2.0.0 <a@b>"),
        ("ETRN", "500 Syntax: ETRN domain"),
        ("NOOP " + "x" * 5000, "250 2.0.0 Ok"),
    ],
)
def test_single_commands(line: str, reply: str, tmp_path: Path) -> None:
    """Replies are those of smtpd."""
    assert talk([line], tmp_path)[1:] == [reply]


def test_what_is_no_smtp_ends_the_session(tmp_path: Path) -> None:
    """A program that sends a message without an envelope would go on and on."""
    assert talk(["Subject: x", "NOOP"], tmp_path)[1:] == ["221 2.7.0 Error: I can break rules, too. Goodbye."]


def test_a_transaction_needs_recipients_and_one_sender(tmp_path: Path) -> None:
    """In this order."""
    bad = ["RCPT TO:<>", 'RCPT TO:<"\x7f"@b>', "RCPT TO:<c@d> NOTIFY=X", "RCPT TO:<c@d> ORCPT=rfc822;+01"]
    replies = talk(["MAIL FROM:<a@b>", "DATA", "MAIL FROM:<c@d>", *bad, "RCPT TO:<c@d>", "DATA x"], tmp_path)
    assert replies[2:] == [
        "554 5.5.1 Error: no valid recipients",
        "503 5.5.1 Error: nested MAIL command",
        "501 5.1.3 Bad recipient address syntax",
        "501 5.1.3 Bad recipient address syntax",
        "501 5.5.4 Error: Bad NOTIFY parameter syntax",
        "501 5.5.4 Error: Bad ORCPT parameter syntax",
        "250 2.1.5 Ok",
        "501 5.5.4 Syntax: DATA",
    ]

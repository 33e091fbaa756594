"""The message on sendmail's standard input, and its SMTP session."""

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyfix.commands.outcome import CommandError, CommandLog
from pyfix.commands.sendmail_input import find_recipients, normalize, split_head, until_dot
from pyfix.commands.sendmail_smtp import LocalSmtp
from pyfix.commands.submission import Door, send_submission
from pyfix.mail.ipc.messages import ContentChunk, LocalSubmit, Submitted
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.queue import Queue


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\r\nb\r\n", b"a\nb\n"),
        (b"a\nb", b"a\nb\n"),
        (b"a\rb\r\r\n", b"a\rb\n"),
        (b"\r\r\n\r\r", b"\n\r\r\n"),
        (b"a\r", b"a\r\n"),
        (b"", b""),
        (b"\0\n", b"\0\n"),
    ],
)
def test_line_ends_become_lf(data: bytes, expected: bytes) -> None:
    """And the message ends with one."""
    assert b"".join(normalize([data])) == expected
    assert b"".join(normalize([data[index : index + 1] for index in range(len(data))])) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\n.\nb\n", b"a\n"),
        (b".\nb\n", b""),
        (b"a\n..\n", b"a\n..\n"),
        (b"a.\n.b\n", b"a.\n.b\n"),
        (b"a\n.\n", b"a\n"),
        (b"\n.\n", b"\n"),
    ],
)
def test_a_dot_on_a_line_of_its_own_ends_the_message(data: bytes, expected: bytes) -> None:
    """However the input is cut."""
    assert b"".join(until_dot([data])) == expected
    assert b"".join(until_dot([data[index : index + 1] for index in range(len(data))])) == expected


def test_a_pause_is_passed_on_and_changes_nothing() -> None:
    """Wherever it falls: between CR and LF, inside the final dot."""
    pieces = [b"", b"a\r", b"", b"\nb", b"", b"\n", b"", b".", b"", b"\n", b"c"]
    result = list(until_dot(normalize(pieces)))
    assert b"".join(result) == b"a\nb\n"
    assert result.count(b"") >= 4


def test_the_head_is_read_as_far_as_it_goes() -> None:
    """The rest stays in the pipe."""
    head, rest = split_head(iter([b"To: a", b"\n\nbody\n", b"more\n"]))
    assert head == b"To: a\n\nbody\n"
    assert list(rest) == [b"more\n"]


def test_recipients_are_those_of_resent_headers_if_any() -> None:
    """As cleanup extracts them."""
    assert find_recipients(b"To: a, b\nBcc: c\nFrom: x\n\n") == ["a", "b", "c"]
    assert find_recipients(b"To: a\nResent-Bcc: d\n\n") == ["d"]
    assert find_recipients(b"Subject: a\n\nTo: b\n") == []


def test_recipients_are_found_behind_mbox_lines() -> None:
    """pickup drops those lines, so they do not hide the headers."""
    pieces = iter([b"From me\n>Fr", b"om me\nTo: a\n", b"\nbody\n", b"more\n"])
    head, _ = split_head(pieces)
    assert find_recipients(head) == ["a"]


class FakeDoor(Door):
    """Keeps what is submitted."""

    def submit(self, request: LocalSubmit, content: object) -> str:
        assert hasattr(content, "__iter__")
        data = b"".join(content)
        if b"refuse" in data:
            raise CommandError("message file too big")
        submitted.append((request, data))
        return "ABCDEF1"


submitted: list[tuple[LocalSubmit, bytes]] = []


def talk(lines: list[str], tmp_path: Path) -> list[str]:
    """Return the replies to a session."""
    submitted.clear()
    out = io.BytesIO()
    door = FakeDoor("", Queue(str(tmp_path)), "me(1)", CommandLog("sendmail"))
    reader = io.BytesIO("".join(f"{line}\r\n" for line in lines).encode())
    LocalSmtp(reader, out, door, "mail.test", "Postfix").run()
    assert out.getvalue().endswith(b"\r\n")
    return out.getvalue().decode().split("\r\n")[:-1]


def test_a_session_submits_its_messages(tmp_path: Path) -> None:
    """Dots are removed, line ends are LF."""
    replies = talk(
        [
            "EHLO x",
            "MAIL FROM:<a@b> BODY=8BITMIME",
            "RCPT TO:<c@d>",
            "rcpt to:<e@f>",
            "DATA",
            "Subject: x",
            "",
            "..dot",
            ".",
            "QUIT",
        ],
        tmp_path,
    )
    assert replies == [
        "220 mail.test ESMTP Postfix",
        "250-mail.test",
        "250-PIPELINING",
        "250-ENHANCEDSTATUSCODES",
        "250 8BITMIME",
        "250 2.1.0 Ok",
        "250 2.1.5 Ok",
        "250 2.1.5 Ok",
        "354 End data with <CR><LF>.<CR><LF>",
        "250 2.0.0 Ok: queued as ABCDEF1",
        "221 2.0.0 Bye",
    ]
    (message,) = submitted
    request = LocalSubmit("a@b", "", ["c@d", "e@f"], extract=False, encoding="8bit")
    assert message == (request, b"Subject: x\n\n.dot\n")


def test_a_refused_message_leaves_the_session_in_step(tmp_path: Path) -> None:
    """What follows the message is a command again."""
    replies = talk(["HELO x", "MAIL FROM:<>", "RCPT TO:<c@d>", "DATA", "refuse", ".", "NOOP"], tmp_path)
    assert replies[-2:] == ["451 4.3.0 Error: message file too big", "250 2.0.0 Ok"]


def test_a_session_that_breaks_off_submits_nothing(tmp_path: Path) -> None:
    """Half a message is none."""
    talk(["MAIL FROM:<>", "RCPT TO:<c@d>", "DATA", "half"], tmp_path)
    assert submitted == []


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("FOO", "502 5.5.2 Error: command not recognized"),
        ('MAIL FROM:<"a\x01"@b>', "501 5.1.7 Bad sender address syntax"),
        ("RCPT TO:<a@b>", "503 5.5.1 Error: need MAIL command"),
        ("DATA", "503 5.5.1 Error: need RCPT command"),
        ("MAIL FROM a", "501 5.5.4 Syntax: MAIL FROM:<address>"),
        ("MAIL FROM:<a", "501 5.5.4 Syntax: MAIL FROM:<address>"),
        ("HELO", "501 Syntax: HELO hostname"),
        ("VRFY a", "252 2.0.0 a"),
        ("RSET", "250 2.0.0 Ok"),
    ],
)
def test_single_commands(line: str, reply: str, tmp_path: Path) -> None:
    """Replies are those of smtpd."""
    assert talk([line], tmp_path)[1:] == [reply]


def test_a_transaction_needs_recipients_and_one_sender(tmp_path: Path) -> None:
    """In this order."""
    replies = talk(["MAIL FROM:<a@b>", "DATA", "MAIL FROM:<c@d>", "RCPT TO:<>", 'RCPT TO:<"\x7f"@b>'], tmp_path)
    assert replies[2:] == [
        "554 5.5.1 Error: no valid recipients",
        "503 5.5.1 Error: nested MAIL command",
        "501 5.5.4 Syntax: RCPT TO:<address>",
        "501 5.1.3 Bad recipient address syntax",
    ]


def test_a_pause_of_the_program_is_told_to_pickup() -> None:
    """Else a cron job that takes its time would find its connection cut."""
    ours, theirs = (Peer(sock) for sock in socket.socketpair())

    def content() -> Iterator[bytes]:
        yield b""
        theirs.send(Submitted("ABCDEF1"))
        yield b"x"

    assert send_submission(ours, LocalSubmit("a@b", "", ["c@d"], extract=False), content()) == Submitted("ABCDEF1")
    assert [theirs.receive() for _ in range(3)][1:] == [ContentChunk(b""), ContentChunk(b"x")]
    ours.close()
    theirs.close()

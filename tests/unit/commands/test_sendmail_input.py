"""The message on sendmail's standard input."""

import socket
from collections.abc import Iterator

import pytest

from pyfix.commands.sendmail_input import find_recipients, fix_line_ends, normalize, split_head, until_dot
from pyfix.commands.submission import send_submission
from pyfix.mail.ipc.messages import ContentChunk, LocalSubmit, Submitted
from pyfix.mail.ipc.peer import Peer


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
    ("rule", "data", "expected"),
    [
        ("always", b"a\nb\r\nc", b"a\nb\nc\n"),
        ("strict", b"a\nb\r\nc", b"a\nb\r\nc\n"),
        ("strict", b"a\r\nb\r\nc\n", b"a\nb\nc\n"),
        ("strict", b"a", b"a\n"),
        ("strict", b"", b""),
        ("never", b"a\r\nb", b"a\r\nb\n"),
        ("never", b"", b""),
    ],
)
def test_line_ends_are_fixed_as_the_configuration_says(rule: str, data: bytes, expected: bytes) -> None:
    """sendmail_fix_line_endings, however the input comes; a silence is passed on."""
    assert b"".join(fix_line_ends([data], rule)) == expected
    single = [data[index : index + 1] for index in range(len(data))]
    assert b"".join(fix_line_ends(single, rule)) == expected
    assert b"" in list(fix_line_ends([b"", data], rule))


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
    assert find_recipients(b"To: a\nResent-From: d\nResent-Date: now\n\n") == ["a"]
    assert find_recipients(b"Subject: a\n\nTo: b\n") == []


def test_recipients_have_no_more_quotes_than_they_need() -> None:
    """As all others have them; the null address is one."""
    assert find_recipients(b'To: "a"@b, "c d"@e, "", <>\n\n') == ["a@b", '"c d"@e', ""]


def test_recipients_are_found_behind_mbox_lines() -> None:
    """pickup drops those lines, so they do not hide the headers."""
    pieces = iter([b"From me\n>Fr", b"om me\nTo: a\n", b"\nbody\n", b"more\n"])
    head, _ = split_head(pieces)
    assert find_recipients(head) == ["a"]


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

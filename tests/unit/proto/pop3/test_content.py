"""A message as it goes over the wire."""

from __future__ import annotations

import pytest

from pyfix.proto.pop3.content import Encoder


def encode(data: bytes, lines: int | None = None, **options: bool) -> bytes:
    encoder = Encoder(lines, **options)
    return encoder.encode(data) + encoder.finish()


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        (b"", b""),
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\r\nb", b"a\r\nb\r\n"),
        (b".\n..\n.a\n a.\n", b"..\r\n...\r\n..a\r\n a.\r\n"),
        (b"a\rb\r\r\n", b"a\rb\r\r\n"),
    ],
)
def test_line_ends_become_crlf_and_dots_are_doubled(data: bytes, sent: bytes) -> None:
    assert encode(data) == sent


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        (0, b"H: 1\r\nI: 2\r\n\r\n"),
        (1, b"H: 1\r\nI: 2\r\n\r\n..x\r\n"),
        (3, b"H: 1\r\nI: 2\r\n\r\n..x\r\n\r\ny\r\n"),
        (99, b"H: 1\r\nI: 2\r\n\r\n..x\r\n\r\ny\r\n"),
    ],
)
def test_top_sends_the_header_and_some_lines(lines: int, sent: bytes) -> None:
    assert encode(b"H: 1\nI: 2\n\n.x\n\ny\n", lines) == sent


def test_top_of_a_message_without_a_body_sends_all_of_it() -> None:
    assert encode(b"H: 1\n", 0) == b"H: 1\r\n"


def test_top_of_a_message_without_a_header_begins_with_the_empty_line() -> None:
    assert encode(b"\na\nb\n", 1) == b"\r\na\r\n"


def test_outlook_gets_no_nuls() -> None:
    assert encode(b"a\0\n", no_nuls=True) == b"a\x80\r\n"


def test_a_header_without_an_end_gets_one_for_outlook_express() -> None:
    assert encode(b"H: 1", ends_header=True) == b"H: 1\r\n\r\n"
    assert encode(b"H: 1\n\nx\n", ends_header=True) == b"H: 1\r\n\r\nx\r\n"

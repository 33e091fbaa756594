"""The lines of a message, told apart."""

from __future__ import annotations

import pytest

from pyfix.mail.message.mime import MimeLimits, MimeScanner, Place

MESSAGE = b"""\
From: alice@example.com
Subject : folded
 twice
Content-Type: multipart/mixed; (a (nested) comment) boundary="b 1"

preamble
--b 1
Content-Type: message/rfc822

Subject: inner

inner body
--b 1
Content-Type: multipart/digest; boundary=b2

--b2

Subject: digested

--b2--
between
--b 1--
epilogue"""


def scanned(message: bytes, *, mime: bool = True, limits: MimeLimits | None = None) -> list[tuple[str, bytes]]:
    """Return the pieces of a message."""
    scanner = MimeScanner(mime=mime, limits=limits)
    pieces = [piece for line in message.split(b"\n") for piece in scanner.feed(line)]
    return [(piece.place.value, piece.text) for piece in [*pieces, *scanner.finish()]]


def headers(pieces: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return those that are no body."""
    return [(place, text) for place, text in pieces if place != Place.BODY.value]


def test_headers_are_told_by_where_they_stand() -> None:
    """Of the message, of a part, of a message inside; a digest holds messages without saying so."""
    assert headers(scanned(MESSAGE)) == [
        ("primary", b"From: alice@example.com"),
        ("primary", b"Subject: folded\n twice"),
        ("primary", b'Content-Type: multipart/mixed; (a (nested) comment) boundary="b 1"'),
        ("mime", b"Content-Type: message/rfc822"),
        ("nested", b"Subject: inner"),
        ("mime", b"Content-Type: multipart/digest; boundary=b2"),
        ("nested", b"Subject: digested"),
    ]


def test_everything_else_is_body() -> None:
    """Boundaries too, and the blank lines behind headers."""
    body = [text for place, text in scanned(MESSAGE) if place == "body"]
    assert body == [
        b"", b"preamble", b"--b 1", b"", b"", b"inner body", b"--b 1", b"", b"--b2", b"", b"", b"--b2--", b"between",
        b"--b 1--", b"epilogue",
    ]  # fmt: skip


def test_without_mime_parts_are_body() -> None:
    """Only the headers of the message are headers."""
    assert [place for place, _ in headers(scanned(MESSAGE, mime=False))] == ["primary"] * 3


def test_line_that_is_no_header_begins_the_body() -> None:
    """With the blank line that its author forgot."""
    assert scanned(b"A: b\nnot a header") == [("primary", b"A: b"), ("body", b""), ("body", b"not a header")]


def test_header_beyond_the_limit_loses_its_rest() -> None:
    """Whole continuation lines go."""
    pieces = scanned(b"A: b\n c\n d\n e", limits=MimeLimits(header_size=6))
    assert pieces == [("primary", b"A: b\n c")]


@pytest.mark.parametrize(("nesting", "found"), [(1, [b"X: 1"]), (2, [b"X: 1", b"Y: 2"])])
def test_multiparts_nest_up_to_the_limit(nesting: int, found: list[bytes]) -> None:
    """Beyond it a part is body."""
    message = (
        b"Content-Type: multipart/mixed; boundary=one\n\n--one\nX: 1\nContent-Type: multipart/mixed; boundary=two\n\n"
        b"--two\nY: 2\n"
    )
    texts = [text for place, text in headers(scanned(message, limits=MimeLimits(nesting=nesting))) if place == "mime"]
    assert [text for text in texts if not text.startswith(b"Content")] == found

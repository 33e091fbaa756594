"""The header block of a message that goes out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.smtp.outgoing import OutgoingHead, read_head
from pyfix.mail.delivery import Content
from pyfix.mail.delivery.content import HeadedContent
from pyfix.mail.message.header import parse_header_block

NEW = {"a@b": "new@b"}


def rewritten(head: bytes) -> bytes:
    """What the server gets instead of a header block."""
    return OutgoingHead(head, parse_header_block(head)).write(NEW)


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    """A file to read content from."""
    opened = os.open(tmp_path / "content", os.O_RDWR | os.O_CREAT)
    yield opened
    os.close(opened)


@pytest.mark.parametrize(
    ("head", "written"),
    [
        (b"To: a@b\n", b"To: new@b\n"),
        (b'tO:   "x" <"a"@b>,\n c@d\n', b'tO: "x" <new@b>, c@d\n'),
        (b"To: c@d  ,e@f\nCc: <a@b>\n", b"To: c@d  ,e@f\nCc: <new@b>\n"),
        (b"X: a@b\nSubject: a@b\n", b"X: a@b\nSubject: a@b\n"),
        (b"Resent-Sender: a@b\nReturn-Receipt-To: a@b\n", b"Resent-Sender: new@b\nReturn-Receipt-To: new@b\n"),
        (b'To: a@b, "c"@d\n', b"To: new@b, c@d\n"),
        (b"", b""),
        (b"To:\nFrom: a@b", b"To:\nFrom: new@b\n"),
    ],
)
def test_headers_with_a_new_address_are_written_anew(head: bytes, written: bytes) -> None:
    """The others stay to the byte."""
    assert rewritten(head) == written


def test_addresses_are_found_as_tables_know_them() -> None:
    """Once for each place, without needless quotes."""
    head = b'To: "a"@b, c\nSubject: x@y\nFrom: <a@b> (c)\n'
    assert OutgoingHead(head, parse_header_block(head)).addresses == ["a@b", "c", "a@b"]


def test_a_header_block_is_read_until_it_ends(fd: int) -> None:
    """However long it is, up to a limit, where the last header is left to the body."""
    head = b"".join(b"X-%d: some text to fill the line\n" % number for number in range(20_000))
    os.write(fd, head + b"\n" + b"body\n" * 100_000)
    content = Content(fd, 0, len(head) + 1 + 500_000)
    data, block = read_head(content, 2 * len(head))
    assert data[: block.end] == head
    data, block = read_head(content, 100_000)
    assert block.end < len(data) < len(head)
    assert data[block.headers[-1].end : block.headers[-1].end + 2] == b"X-"


@given(st.binary(max_size=60), st.binary(max_size=20), st.integers(0, 60), st.integers(1, 30))
def test_how_content_is_cut_does_not_matter(body: bytes, head: bytes, replaced: int, size: int) -> None:
    """A content with another header block is the same in any pieces."""
    replaced = min(replaced, len(body))
    opened = os.memfd_create("content")
    try:
        os.write(opened, body)
        content = HeadedContent(Content(opened, 0, len(body)), head, replaced)
        pieces = []
        while (done := sum(map(len, pieces))) < content.length:
            pieces.append(content.read_range(done, size))
        assert b"".join(pieces) == content.read() == head + body[replaced:]
    finally:
        os.close(opened)

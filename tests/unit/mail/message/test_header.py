"""Finding headers in bytes."""

import time

import pytest

from pyfix.mail.message.header import header_value, is_header, parse_header_block


def names(data: bytes) -> list[bytes]:
    return [header.name for header in parse_header_block(data).headers]


def test_headers_end_at_the_empty_line() -> None:
    """Names fold to small letters; the block ends where the body's separator stands."""
    data = b"From: a\nTO: b\n c\n\tc2\n\nSubject: body\n"
    block = parse_header_block(data)
    assert [header.name for header in block.headers] == [b"from", b"to"]
    assert header_value(data, block.headers[1]) == b" b\n c\n\tc2"
    assert data[block.end :] == b"\nSubject: body\n"
    assert not block.cut


def test_headers_end_where_a_line_is_no_header() -> None:
    """A sender that forgot the empty line still has a body."""
    data = b"A: b\nno header here\nC: d\n"
    block = parse_header_block(data)
    assert names(data) == [b"a"]
    assert data[block.end :] == b"no header here\nC: d\n"


@pytest.mark.parametrize("data", [b"", b"\n", b" A: b\n", b"\tA: b\n", b": x\n", b"\xc3\xa4: x\n", b"a b: c\n"])
def test_a_block_may_be_empty(data: bytes) -> None:
    """What begins otherwise is body from its first byte."""
    block = parse_header_block(data)
    assert block.headers == []
    assert block.end == 0


def test_blanks_may_stand_before_the_colon() -> None:
    """Old mailers write them."""
    data = b"Cc \t: x\n\n"
    (header,) = parse_header_block(data).headers
    assert header.name == b"cc"
    assert header_value(data, header) == b" x"


@pytest.mark.parametrize("data", [b"A: b", b"A: b\n", b"A: b\n c", b"A: b\nC", b""])
def test_a_block_without_an_end_is_cut(data: bytes) -> None:
    """More bytes could go on with the last header, or add another."""
    assert parse_header_block(data).cut


def test_the_last_line_need_not_have_an_end() -> None:
    """All of it belongs to the header."""
    data = b"A: b\nC: d"
    assert parse_header_block(data).end == len(data)


@pytest.mark.parametrize(
    ("text", "expected"), [("To: x:;", True), ("To: x\n y", True), ("nonsense", False), ("", False)]
)
def test_a_text_from_the_configuration_is_checked(text: str, expected: bool) -> None:
    """undisclosed_recipients_header must be one header."""
    assert is_header(text) is expected


@pytest.mark.parametrize("data", [b"A:" + b" " * 10**6, b"A" * 10**6, b"A: b\n" * 10**5, b"A:\n " * 10**5])
def test_parsing_takes_time_in_proportion_to_size(data: bytes) -> None:
    """A megabyte of anything is a matter of fractions of a second."""
    start = time.process_time()
    parse_header_block(data)
    assert time.process_time() - start < 2

"""The wire form of a message."""

import re

from hypothesis import given
from hypothesis import strategies as st

from pyfix.proto.smtp_client.content import ContentEncoder


def encode(data: bytes, limit: int = 998, cuts: list[int] | None = None) -> bytes:
    """The wire form, encoded in the given pieces."""
    encoder = ContentEncoder(limit)
    out = []
    start = 0
    for cut in [*sorted(cuts or []), len(data)]:
        out.append(encoder.encode(data[start:cut]))
        start = max(start, cut)
    return b"".join(out) + encoder.finish()


def slow(data: bytes, limit: int) -> bytes:
    """The same, line by line, as RFC 5321 and postconf(5) describe it."""
    out = b""
    if not data:
        return b""
    for line in data.removesuffix(b"\n").split(b"\n"):
        dot = b"." if line.startswith(b".") else b""
        pieces = []
        while limit and len(line) > limit:
            pieces.append(line[:limit])
            line = b" " + line[limit:]
        pieces.append(line)
        out += dot + b"\r\n".join(pieces) + b"\r\n"
    return out


def test_lines_end_in_crlf_and_dots_are_doubled() -> None:
    """Also at the very beginning and end, also a line of one dot."""
    assert encode(b".a\n..\n.\nb.c\n.") == b"..a\r\n...\r\n..\r\nb.c\r\n..\r\n"


def test_missing_last_line_end_is_added_once() -> None:
    """With and without a limit."""
    for limit in (0, 998):
        assert encode(b"a", limit) == b"a\r\n"
        assert encode(b"a\n", limit) == b"a\r\n"
        assert encode(b"", limit) == b""


def test_line_of_the_limit_passes_and_one_more_byte_breaks() -> None:
    """The break is CRLF and a space; the space counts."""
    assert encode(b"x" * 998 + b"\n") == b"x" * 998 + b"\r\n"
    assert encode(b"x" * 999 + b"\n") == b"x" * 998 + b"\r\n x\r\n"
    assert encode(b"x" * 2000 + b"\n") == b"x" * 998 + b"\r\n " + b"x" * 997 + b"\r\n " + b"x" * 5 + b"\r\n"


def test_broken_line_is_noted() -> None:
    """The log tells once per message."""
    encoder = ContentEncoder(10)
    encoder.encode(b"short\n")
    assert not encoder.broke_line
    encoder.encode(b"a longer line\n")
    assert encoder.broke_line


def test_endless_line_is_not_collected() -> None:
    """The encoder holds no more than one line of the limit."""
    encoder = ContentEncoder(100)
    sent = sum(len(encoder.encode(b"z" * 65536)) for _ in range(100))
    assert sent > 100 * 65536
    assert len(encoder._tail) <= 100


_LINES = st.binary(max_size=120).map(lambda raw: re.sub(rb"[^.\n]", b"x", raw))


@given(_LINES, st.sampled_from([0, 1, 2, 3, 10]), st.lists(st.integers(0, 120), max_size=8))
def test_cuts_never_change_the_wire_form(data: bytes, limit: int, cuts: list[int]) -> None:
    """Any pieces give what the line-by-line description gives."""
    if limit == 1:
        limit = 4
    assert encode(data, limit, [min(cut, len(data)) for cut in cuts]) == slow(data, limit)

"""The end of data, dots and line ends, however the input is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.smtpd.dataend import ChunkReader, DataReader

PIECES = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b".", b"\r\n.\r\n", b"\n.\n", b"a", b"\0", b"..", b"\r" * 1500, b"x" * 5000]
    ),
    max_size=12,
).map(b"".join)


def read(data: bytes, cuts: list[int], *, strict: bool) -> tuple[bytes, bytes | None]:
    """Feed data cut at the given places; return (content, rest)."""
    reader = DataReader(strict=strict)
    content, start = b"", 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        content += reader.feed(data[start:cut])
        start = cut
        if reader.rest is not None:
            return content, reader.rest + data[start:]
    return content, None


def by_lines(data: bytes, *, strict: bool) -> tuple[bytes, bytes | None]:
    """The same, written as the definition: line by line (without the limit on carriage returns)."""
    content, rest, ended_crlf = b"", data, True
    while b"\n" in rest:
        line, _, rest = rest.partition(b"\n")
        is_crlf = line.endswith(b"\r")
        text = (line[:-1] if is_crlf else line) if strict else line.rstrip(b"\r")
        if text == b"." and (not strict or (is_crlf and ended_crlf)):
            return content, rest
        ended_crlf = is_crlf
        if text == b".":
            continue
        content += text.removeprefix(b".").replace(b"\r", b" ") + b"\n"
    return content, None


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("data", "content", "rest"),
    [
        (b".\r\n", b"", b""),
        (b"a\r\n.\r\nQUIT\r\n", b"a\n", b"QUIT\r\n"),
        (b"..a\r\n...\r\n.\r\n", b".a\n..\n", b""),
        (b"a\0b\rc\r\n.\r\n", b"a\0b c\n", b""),
        (b"\r\n\r\n.\r\n", b"\n\n", b""),
    ],
)
def test_message_ends_at_crlf_dot_crlf(strict: bool, data: bytes, content: bytes, rest: bytes) -> None:
    """Both modes agree about proper input."""
    assert read(data, [], strict=strict) == (content, rest)


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r\r\n"])
def test_strict_mode_takes_no_other_end(end: bytes) -> None:
    """What another server may take for an end is content here."""
    assert read(b"a" + end + b"b\r\n.\r\n", [], strict=True)[1] == b""
    assert read(b"a" + end + b"b\r\n.\r\n", [], strict=False)[1] == b"b\r\n.\r\n"


def test_lone_dot_that_ends_nothing_disappears() -> None:
    """As in Postfix with smtpd_forbid_bare_newline = normalize."""
    data = b"abc\n.\nQUIT\n.\r\nfoo\r\n.\nx\r\n.\r\r\nx\r\r\n..\n.\r\n.\r\n"
    assert read(data, [], strict=True) == (b"abc\nQUIT\nfoo\nx\n \nx \n.\n", b"")


@pytest.mark.parametrize("strict", [True, False])
def test_bare_newline_is_noticed_where_asked(strict: bool) -> None:
    """One line feed without carriage return is enough; proper input has none."""
    reader = DataReader(strict=strict, detect_bare_newline=True)
    reader.feed(b"a\r\nb\r\n")
    assert not reader.bare_newline
    reader.feed(b"c\nd\r\n.\r\n")
    assert reader.bare_newline


@given(data=PIECES, cuts=st.lists(st.integers(0, 20000), max_size=6), strict=st.booleans())
def test_cutting_the_input_changes_nothing(data: bytes, cuts: list[int], strict: bool) -> None:
    """Content and end are the same for any cut. An unfinished last line may still be held back."""
    whole = read(data, [], strict=strict)
    cut = read(data, cuts, strict=strict)
    assert cut[1] == whole[1]
    if whole[1] is not None:
        assert cut[0] == whole[0]


@given(
    data=st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"x" * 5000]), max_size=14).map(b"".join),
    cuts=st.lists(st.integers(0, 20000), max_size=5),
    strict=st.booleans(),
)
def test_reader_agrees_with_the_definition(data: bytes, cuts: list[int], strict: bool) -> None:
    """The chunk-wise reader does what a line-by-line one would."""
    content, rest = by_lines(data, strict=strict)
    got, got_rest = read(data, cuts, strict=strict)
    assert got_rest == rest
    if rest is not None:
        assert got == content


def test_endless_line_is_not_kept() -> None:
    """A line without end goes through; what is kept back stays small."""
    reader = DataReader(strict=True)
    total = sum(len(reader.feed(b"x" * 1000)) for _ in range(1000))
    assert total > 990_000


@given(data=PIECES, cuts=st.lists(st.integers(0, 20000), max_size=6), strict=st.booleans())
def test_chunks_keep_their_content_however_they_are_cut(data: bytes, cuts: list[int], strict: bool) -> None:
    """BDAT: dots stay, line ends become LF, the last line is ended."""

    def collect(places: list[int]) -> bytes:
        reader, content, start = ChunkReader(strict=strict), b"", 0
        for cut in [*sorted(place % (len(data) + 1) for place in places), len(data)]:
            content += reader.feed(data[start:cut])
            start = cut
        return content + reader.finish()

    whole = collect([])
    assert collect(cuts) == whole
    assert whole.endswith(b"\n") or not data
    assert b"\r" not in whole


def test_chunk_with_dots_is_plain_content() -> None:
    """No dot has a meaning in BDAT."""
    reader = ChunkReader(strict=False)
    assert reader.feed(b"abc\r\n.\r\n..x") + reader.finish() == b"abc\n.\n..x\n"

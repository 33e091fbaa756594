"""Redis' protocol: whatever the line, it is a reply of a known kind, or an error in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.proto.resp import Failure, ReplyError, Text, Value, command, parse_line

SIGNS = st.sampled_from([b"$", b"+", b"-", b":", b"*"])
LINES = st.one_of(st.binary(max_size=60), st.tuples(SIGNS, st.binary(max_size=20)).map(b"".join))


def test_replies() -> None:
    """One of each kind."""
    lines = [b"+OK", b":12", b"-ERR no such\x00thing", b"$3", b"$0", b"$-1"]
    replies = [Text(b"OK"), Text(b"12"), Failure("ERR no such?thing"), Value(3), Value(0), Value(None)]
    assert [parse_line(line) for line in lines] == replies


@pytest.mark.parametrize("line", [b"", b"*2", b"$", b"$+1", b"$-2", b"$12345678901", b"$1 ", b"OK", b"_", b"%1"])
def test_other_lines_are_errors(line: bytes) -> None:
    """Also those of replies that no command of a table has."""
    with pytest.raises(ReplyError, match="unexpected redis server reply"):
        parse_line(line)


@given(line=LINES)
def test_any_line_is_understood_or_refused(line: bytes) -> None:
    """What is for the log is fit for it."""
    try:
        reply = parse_line(line)
    except ReplyError as error:
        assert str(error).isprintable()
    else:
        match reply:
            case Failure(text):
                assert text.isprintable()
            case Value(length):
                assert length is None or 0 <= length < 10**10


@given(words=st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_words_of_a_command_come_back_from_their_lengths(words: list[bytes]) -> None:
    """No byte in a key can end it."""
    data = command(*words)
    count, _, rest = data.partition(b"\r\n")
    assert count == b"*%d" % len(words)
    found = []
    while rest:
        length, _, rest = rest.partition(b"\r\n")
        end = int(length[1:])
        found.append(rest[:end])
        assert rest[end : end + 2] == b"\r\n"
        rest = rest[end + 2 :]
    assert found == words

"""memcached's protocol: whatever the line, it is a length, nothing, or an error in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.proto.memcache import ReplyError, get_request, is_key, value_length

PIECES = st.sampled_from([b"VALUE", b" ", b"key", b"0", b"99", b"END", b"\r", b"-1", b"\xff"])
LINES = st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=8).map(b"".join))


def test_lines_that_announce_a_value() -> None:
    """With and without the number of a version; END stands for none."""
    assert value_length(b"VALUE key 4294967295 12", b"key") == 12
    assert value_length(b"VALUE key 0 0 77", b"key") == 0
    assert value_length(b"END", b"key") is None


@given(line=LINES)
def test_any_line_is_understood_or_refused(line: bytes) -> None:
    """The error is fit for the log."""
    try:
        length = value_length(line, b"key")
    except ReplyError as error:
        assert str(error).isprintable()
    else:
        assert length is None or 0 <= length < 10**10


@given(key=st.binary(max_size=300))
def test_key_is_one_word_of_one_line(key: bytes) -> None:
    """No key can end the request, or begin another."""
    if is_key(key):
        assert get_request(key).split() == [b"get", key]
        assert get_request(key).count(b"\r\n") == 1


@pytest.mark.parametrize(
    "line", [b"VALUE other 0 1", b"VALUE key 0", b"VALUE key 0 12345678901", b"", b"END ", b"STORED"]
)
def test_other_lines_are_errors(line: bytes) -> None:
    """Also the value of another key: the answers would be off by one from then on."""
    with pytest.raises(ReplyError, match="unexpected memcache server reply"):
        value_length(line, b"key")

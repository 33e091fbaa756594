"""The code that a text may begin with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.proto.enhanced_status import split_status


@pytest.mark.parametrize(
    ("text", "status", "rest"),
    [
        ("5.7.1 go away", "5.7.1", "go away"),
        ("4.123.999\t \ttext", "4.123.999", "text"),
        ("2.0.0", "2.0.0", ""),
        ("", "", ""),
        ("go away", "", "go away"),
        ("3.7.1 x", "", "3.7.1 x"),
        ("5.7.1x", "", "5.7.1x"),
        ("5.7.1.2 x", "", "5.7.1.2 x"),
        ("5.1234.1 x", "", "5.1234.1 x"),
        (" 5.7.1 x", "", " 5.7.1 x"),
        ("5.\u0661.1 x", "", "5.\u0661.1 x"),
    ],
)
def test_code_stands_first_and_alone(text: str, status: str, rest: str) -> None:
    """Digits of other scripts are none."""
    assert split_status(text) == (status, rest)
    assert split_status(text, "4.0.0") == (status or "4.0.0", rest)


@given(text=st.text(max_size=30))
def test_nothing_of_the_text_is_lost(text: str) -> None:
    """Whatever it is, code and rest make it up, but for blanks between them."""
    status, rest = split_status(text)
    assert text.startswith(status) and text.endswith(rest)
    assert not text[len(status) : len(text) - len(rest)].strip()

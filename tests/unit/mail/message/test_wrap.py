"""Folding at white space."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyfix.mail.message.wrap import fold


def test_short_text_stays() -> None:
    """Nothing to do."""
    assert fold("a short line") == "a short line"


def test_first_line_is_full_and_the_others_leave_room_for_the_indent() -> None:
    """79 columns in all, counted with the indent."""
    lines = fold(" ".join(["123456789"] * 30)).split("\n")
    assert len(lines[0]) == 79
    assert [len(line) for line in lines[1:-1]] == [73] * (len(lines) - 2)
    assert all(line.startswith("    1") for line in lines[1:])


def test_word_that_is_too_long_is_not_broken() -> None:
    """It has a line of its own."""
    assert fold(f"a {'x' * 100} b") == f"a\n    {'x' * 100}\n    b"


def test_white_space_at_a_break_and_at_the_end_goes() -> None:
    """What stays inside a line is kept as it is."""
    assert fold("one  two ") == "one  two"
    assert fold(f"{'x' * 78}   y") == f"{'x' * 78}\n    y"


@given(st.text(alphabet="ab \t", max_size=400), st.integers(10, 79))
def test_words_survive_in_order(text: str, width: int) -> None:
    """Folding changes white space and nothing else, and no line with two words is too long."""
    folded = fold(text, width)
    assert folded.split() == text.split()
    assert all(len(line) <= width or len(line.split()) == 1 for line in folded.split("\n"))

"""Keeping what was said, within bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyfix.proto.dialogue import HEAD_LIMIT, LIMIT, Dialogue


def lines(dialogue: Dialogue) -> list[str]:
    """Return the lines with short words for their directions."""
    return dialogue.lines("< ", "> ")


def test_lines_come_back_in_order_with_their_direction() -> None:
    """One entry may be several lines; line ends are no part of them."""
    dialogue = Dialogue()
    dialogue.said("220 hello")
    dialogue.heard(b"EHLO x\r")
    dialogue.said("250-one\r\n250 two")
    assert lines(dialogue) == ["> 220 hello", "< EHLO x", "> 250-one", "> 250 two"]
    assert dialogue.line_count == 4


def test_what_is_no_text_is_made_text() -> None:
    """Bytes that are no UTF-8 become "?", a NUL ends the line; other characters are the reader's concern."""
    dialogue = Dialogue()
    dialogue.heard(b"a \xff\xfe \xc3\xa9 \x01")
    dialogue.heard(b"b\0c")
    assert lines(dialogue) == ["< a ?? \u00e9 \x01", "< b"]


def test_replies_can_be_edited_as_they_were_sent() -> None:
    """soft_bounce; commands stay."""
    dialogue = Dialogue()
    dialogue.heard(b"a")
    dialogue.said("a")
    assert dialogue.lines("< ", "> ", str.upper) == ["< a", "> A"]


def test_nothing_is_left_after_clear() -> None:
    """Neither of a short dialogue nor of a long one."""
    dialogue = Dialogue()
    for _ in range(200):
        dialogue.heard(b"x" * 1000)
    dialogue.clear()
    dialogue.said("new")
    assert lines(dialogue) == ["> new"]
    assert (dialogue.line_count, dialogue.omitted) == (1, 0)


@given(st.lists(st.integers(0, 2048), max_size=200))
def test_kept_text_is_bounded_and_nothing_is_lost_unsaid(sizes: list[int]) -> None:
    """Beginning and end are kept, the omission stands where it happened, and every entry is kept or counted."""
    dialogue = Dialogue()
    spoken = []
    for number, size in enumerate(sizes):
        text = f"{number} {'x' * size}"
        spoken.append(f"< {text}")
        dialogue.heard(text.encode())
    kept = lines(dialogue)
    assert dialogue.line_count == len(sizes)
    if not dialogue.omitted:
        assert kept == spoken
        return
    at = kept.index(f"({dialogue.omitted} commands and replies are left out here)")
    assert kept[:at] == spoken[:at]
    assert kept[at + 1 :] == spoken[at + dialogue.omitted :]
    assert sum(map(len, kept[:at])) <= HEAD_LIMIT
    assert sum(map(len, kept)) <= LIMIT + 100


def test_one_huge_entry_does_no_harm() -> None:
    """It is left out."""
    dialogue = Dialogue()
    dialogue.said("220 hello")
    dialogue.said("x" * (2 * LIMIT))
    dialogue.said("end")
    assert lines(dialogue) == ["> 220 hello", "(1 commands and replies are left out here)", "> end"]

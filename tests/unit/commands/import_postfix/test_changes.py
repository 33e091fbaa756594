"""Changing words of a configuration: what is not meant stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.commands.import_postfix.changes import Change, LogicalText, apply_changes, logical_texts
from pyfix.commands.import_postfix.locate import Span, find_options, find_words, service_name, setting_value

TEXT = """\
# head
a = one, two,
  three

# between
\tfour
b=1
"""


def logicals(text: str) -> list[LogicalText]:
    return list(logical_texts(text, "main.cf"))


def removed(text: str, *words: str) -> str:
    """Return a text whose first setting has lost some words."""
    (first, *_) = logicals(text)
    changes = [
        change
        for span in find_words(first.text, setting_value(first.text), words)
        for change in first.remove(span.start, span.end, "because")
    ]
    return apply_changes(text, changes)


def test_line_that_loses_all_its_words_is_a_comment() -> None:
    """The list goes on behind it."""
    assert removed(TEXT, "three") == TEXT.replace("  three\n", "# pyfix: because\n#  three\n")


def test_line_that_loses_some_words_keeps_the_others() -> None:
    """The comma goes with the word."""
    assert removed(TEXT, "one") == TEXT.replace("a = one, two,\n", "# pyfix: because\n#a = one, two,\na = two,\n")


def test_words_that_belong_together_may_stand_in_two_lines() -> None:
    """As a restriction and its table do."""
    expected = "# pyfix: because\n#a = one, two,\na = one,\n# pyfix: because\n#  three\n"
    assert removed(TEXT, "two", "three") == TEXT.replace("a = one, two,\n  three\n", expected)


def test_line_whose_first_word_belongs_to_the_line_above_is_a_continuation_still() -> None:
    """Without its white space the rest would be a setting."""
    expected = "# pyfix: because\n#a = one\na =\n# pyfix: because\n#  two three\n  three\n"
    assert removed("a = one\n  two three\n", "one", "two") == expected


def test_whole_setting_is_commented_out_with_its_continuations() -> None:
    """One reason for lines that stand together, comments and empty lines between them stay."""
    (first, _) = logicals(TEXT)
    assert apply_changes(TEXT, first.remove_all("because")) == (
        "# head\n# pyfix: because\n#a = one, two,\n#  three\n\n# between\n# pyfix: because\n#\tfour\nb=1\n"
    )


def test_of_two_changes_of_the_same_characters_the_first_is_made() -> None:
    """A line that goes does not move elsewhere as well."""
    changes = [Change(1, 0, 3, "", "gone"), Change(1, 1, 2, "x", "moved")]
    assert apply_changes("abc\n", changes) == "# pyfix: gone\n#abc\n"


def test_lines_are_appended_also_to_a_file_without_a_last_line_end() -> None:
    """Else the first would be a part of the last."""
    assert apply_changes("a = 1", [], ["b = 2"]) == "a = 1\nb = 2\n"


@given(st.text(st.sampled_from("ab=# \t\n,{}$"), max_size=80))
def test_no_change_leaves_every_text_as_it_is(text: str) -> None:
    """To the byte."""
    assert apply_changes(text, []) == text


@given(st.lists(st.sampled_from(["one", "two", "three,", "# c", "", "  four", "\tfive,six"]), max_size=8))
def test_characters_of_a_logical_line_are_found_in_their_file(tail: list[str]) -> None:
    """Whatever comments stand between."""
    text = "\n".join(["n = x", *tail]) + "\n"
    lines = text.split("\n")
    for logical in logicals(text):
        for position, character in enumerate(logical.text):
            for change in logical.change(position, position + 1, "", ""):
                assert lines[change.line - 1][change.start : change.end] == character


@pytest.mark.parametrize(
    ("option", "value"),
    [("-o x=1,2", "1,2"), ("-ox=1,2", "1,2"), ("-o { x = 1, 2 }", " 1, 2"), ("-o x=", "")],
)
def test_option_of_a_service_is_found_in_every_form(option: str, value: str) -> None:
    """With and without braces and blanks."""
    text = f"smtp inet n - n - - smtpd -v -o y=x={option.count('z')} {option} -o z=3"
    (found,) = find_options(text, "x")
    assert text[found.whole.start : found.whole.end] == option
    assert text[found.value.start : found.value.end] == value
    assert service_name(text) == "smtp/inet"


def test_words_are_found_only_whole_and_together() -> None:
    """reject is no part of reject_unauth_destination."""
    text = "reject_x, reject, permit, reject"
    assert [text[span.start : span.end] for span in find_words(text, Span(0, len(text)), ["reject"])] == ["reject"] * 2
    assert [*find_words(text, Span(0, len(text)), ["permit", "reject"])] == [Span(18, 32)]

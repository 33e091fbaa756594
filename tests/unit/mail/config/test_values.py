"""What the text of a parameter means."""

from __future__ import annotations

import pytest

from pyfix.mail.config import values
from pyfix.mail.config.values import ValueRefused


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5), ("5s", 5), ("2m", 120), ("1h", 3600), ("1d", 86400), ("1w", 604800)]
)
def test_time_has_units(text: str, seconds: float) -> None:
    """s, m, h, d and w are seconds to weeks."""
    assert values.seconds(text, "x", "s", None, None) == seconds


@pytest.mark.parametrize(
    ("default", "unit"),
    [
        ("5d", "d"),
        ("0h", "h"),
        ("300s", "s"),
        ("${stress?{10}:{300}}s", "s"),
        ("$max_days", "s"),
        ("100", "s"),
        ("", "s"),
    ],
)
def test_unit_of_a_bare_number_is_that_of_the_default(default: str, unit: str) -> None:
    """The letter counts only behind a number or an expression."""
    assert values.default_unit(default) == unit


def test_bare_number_counts_in_the_unit_of_the_default() -> None:
    """maximal_queue_lifetime = 3 means three days."""
    assert values.seconds("3", "maximal_queue_lifetime", "d", None, None) == 3 * 86400


@pytest.mark.parametrize("text", ["", "x", "1y", "1 s", "1h30m", "s", "1.5h", "--1", "9" * 19 + "w", "9" * 30])
def test_bad_time_is_refused(text: str) -> None:
    """The wording is Postfix's."""
    with pytest.raises(ValueRefused, match=r"^parameter x: bad time value or unit: "):
        values.seconds(text, "x", "s", None, None)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("-3", -3), ("+3", 3), (" 7", 7), ("007", 7)])
def test_number_is_read(text: str, number: int) -> None:
    """Sign and leading zeros and blanks are allowed."""
    assert values.integer(text, "x", None, None) == number


@pytest.mark.parametrize("text", ["", "x", "1x", "1 ", "0x10", "1.0", "\u0661", "9" * 20, "9" * 5000])
def test_bad_number_is_refused(text: str) -> None:
    """What is no whole number is no number."""
    with pytest.raises(ValueRefused, match=r"^bad numerical configuration: x = "):
        values.integer(text, "x", None, None)


def test_number_out_of_range_is_refused() -> None:
    """Both bounds are part of the range."""
    assert values.integer("1", "x", 1, 2) == 1
    assert values.integer("2", "x", 1, 2) == 2
    with pytest.raises(ValueRefused, match="invalid x parameter value 0 < 1"):
        values.integer("0", "x", 1, 2)
    with pytest.raises(ValueRefused, match="invalid x parameter value 3 > 2"):
        values.integer("3", "x", 1, 2)


@pytest.mark.parametrize(("text", "truth"), [("yes", True), ("YES", True), ("no", False), ("No", False)])
def test_boolean_is_read_in_any_case(text: str, truth: bool) -> None:
    """Only yes and no are known."""
    assert values.boolean(text, "x") is truth


@pytest.mark.parametrize("text", ["", "true", "1", "on", "y", " yes"])
def test_bad_boolean_is_refused(text: str) -> None:
    """Other words are not guessed at."""
    with pytest.raises(ValueRefused, match=r'^bad boolean configuration: x = .*specify "yes" or "no"$'):
        values.boolean(text, "x")


def test_string_has_bounds() -> None:
    """The length counts."""
    assert values.string("ab", "x", 1, 2) == "ab"
    with pytest.raises(ValueRefused, match="bad string length 0 < 1: x = "):
        values.string("", "x", 1, 2)
    with pytest.raises(ValueRefused, match="bad string length 3 > 2: x = abc"):
        values.string("abc", "x", 1, 2)


def test_choice_has_the_spelling_of_the_declaration() -> None:
    """Case does not count in the value, and does not reach the code."""
    assert values.choice("NorMalize", "x", ("yes", "normalize")) == "normalize"
    with pytest.raises(ValueRefused, match="bad parameter value: x = maybe; specify one of: yes, normalize"):
        values.choice("maybe", "x", ("yes", "normalize"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" , ,\t", []),
        ("a, b c\td,e", ["a", "b", "c", "d", "e"]),
        ("{ a, b } c", ["{ a, b }", "c"]),
        ("inline:{ {k = v w}, x=y } z", ["inline:{ {k = v w}, x=y }", "z"]),
        ("a}b", ["a}b"]),
    ],
)
def test_list_is_split(text: str, words: list[str]) -> None:
    """Commas and blanks separate, except in braces."""
    assert values.words(text, "x") == words


def test_open_brace_in_a_list_is_refused() -> None:
    """The message names the parameter."""
    with pytest.raises(ValueRefused, match=r'missing "}" in list: x = a \{b'):
        values.words("a {b", "x")


def test_long_value_is_cut_in_messages() -> None:
    """A message stays a line that people can read."""
    with pytest.raises(ValueRefused) as caught:
        values.integer("y" * 100_000 + "\n", "x", None, None)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)

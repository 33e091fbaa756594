"""Declarations in the words of the manual."""

from __future__ import annotations

import pytest

from pyfix.mail.config import Boolean, Choice, Integer, ListOf, PerTransport, Raw, Seconds, String
from pyfix.mail.config.parameters import Declared, Level, SomeOf, Source
from pyfix.manual.declarations import describe, entry, summary, users_line
from pyfix.manual.page import PageLink, ParameterLink, Text


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (Boolean("no", "x"), "yes or no"),
        (Integer("1", "x"), "a whole number"),
        (Integer("1", "x", low=1), "a whole number, 1 or more"),
        (Integer("1", "x", low=0, high=9), "a whole number, 0 to 9"),
        (Integer("1", "x", high=9), "a whole number, 0 to 9"),
        (Seconds("5d", "x", low=0), "a time in units of s, m, h, d, w, without one in d, 0 s or more"),
        (Seconds("5s", "x"), "a time in units of s, m, h, d, w, without one in s"),
        (Choice("a", ("a", "b"), "x"), "one of: a, b"),
        (SomeOf("a", ("a", "b"), "x"), "any of: a, b"),
        (ListOf("", "x"), "words separated by commas or white space"),
        (String("", "x"), "text"),
        (String("y", "x", low=1), "text, not empty"),
        (String("y", "x", high=5), "text, 0 to 5 characters"),
        (Raw("", "x"), "text whose names are expanded where it is used"),
        (Level("0", "x"), "a release of Postfix, or 0, 1, 2"),
        (PerTransport(Integer, "_limit", "1", "x", low=1), "a whole number, 1 or more"),
    ],
)
def test_type_and_range(item: Declared[object], words: str) -> None:
    """Of a family those of its members."""
    assert describe(item) == words


def test_a_new_kind_of_parameter_needs_words() -> None:
    """It must not appear without."""

    class Colour(Declared[str]):
        default, doc, name = "red", "x", "colour"

        def read(self, source: Source) -> str:
            return ""

    with pytest.raises(TypeError, match=r"colour.*Colour"):
        describe(Colour())


def test_defaults_that_are_short_stand_beside_the_name() -> None:
    """An empty one is called that, a long one has its own paragraph."""
    item = String("", "See smtpd(8).", name="x_y")
    assert summary(item, frozenset()).term == (ParameterLink("x_y"), Text(" (empty)"))
    assert summary(item, frozenset()).body == ((Text("See "), PageLink("smtpd", 8), Text(".")),)
    long = String("x" * 41, "Text.", name="x_y")
    assert summary(long, frozenset()).term == (ParameterLink("x_y"),)
    assert (Text(f"Default: {'x' * 41}"),) in summary(long, frozenset()).body


def test_computed_defaults_are_not_this_machines() -> None:
    """The manual is the same everywhere."""
    item = String("", "Text.", name="myhostname")
    assert summary(item, frozenset()).term[1] == Text(" (see postconf -d)")


def test_entry_of_a_family_names_transport_and_exceptions() -> None:
    """As `transport` and a suffix."""
    item = PerTransport(Integer, "_limit", "20", "Most.", low=0, defaults={"local": "2"})
    item.__set_name__(object, "transport_limit")
    made = entry(item, frozenset(), users_line([("qmgr", 8)], all_processes=False))
    assert made.term == (ParameterLink("transport_limit"), Text(" (default: 20)"))
    assert made.body[1:] == (
        (Text("Default for transport local: 2"),),
        (Text("A whole number, 0 or more."),),
        (Text("Used by: "), PageLink("qmgr", 8), Text(".")),
    )


def test_readers_are_listed() -> None:
    """All processes first."""
    line = users_line([("a", 8), ("b", 1)], all_processes=True)
    assert line == (
        Text("Used by: "), Text("all processes"), Text(", "), PageLink("a", 8), Text(", "), PageLink("b", 1), Text("."),
    )  # fmt: skip

"""Text of docstrings as spans and blocks."""

from __future__ import annotations

import pytest

from pyfix.manual.markup import parse_blocks, parse_line
from pyfix.manual.page import (
    Definitions,
    PageLink,
    Paragraph,
    ParameterLink,
    Span,
    Strong,
    Text,
    Verbatim,
)

KNOWN = frozenset({"mail_owner", "stress", "2bounce_notice_recipient"})


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("see smtpd(8).", [Text("see "), PageLink("smtpd", 8), Text(".")]),
        ("trivial-rewrite(8)", [PageLink("trivial-rewrite", 8)]),
        ("runs as mail_owner, always", [Text("runs as "), ParameterLink("mail_owner"), Text(", always")]),
        ("2bounce_notice_recipient", [ParameterLink("2bounce_notice_recipient")]),
        ("no_such_name and stress", [Text("no_such_name and stress")]),
        ("when `stress` is yes", [Text("when "), ParameterLink("stress"), Text(" is yes")]),
        ("run `pyfix start` now", [Text("run "), Strong("pyfix start"), Text(" now")]),
        ("append $myorigin", [Text("append "), Strong("$myorigin")]),
        ("a ` alone", [Text("a ` alone")]),
        ("f(x) and (8)", [Text("f(x) and (8)")]),
        ("over\n  two   lines", [Text("over two lines")]),
        ("", []),
    ],
)
def test_what_is_special_in_a_line(text: str, spans: list[Span]) -> None:
    """Pages and parameters become links, code is strong, the rest stays text."""
    assert parse_line(text, KNOWN) == tuple(spans)


def test_two_columns_are_a_list() -> None:
    """A continuation stands below the text; one term may hold single blanks."""
    text = "    one          the first\n                 and more\n    two words    the second\n"
    (block,) = parse_blocks(text, KNOWN)
    assert isinstance(block, Definitions)
    assert [(item.term, item.body) for item in block.items] == [
        ((Strong("one"),), ((Text("the first and more"),),)),
        ((Strong("two words"),), ((Text("the second"),),)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "    one     two       three",
        "    a --> b\n    ^     |",
        "    one   text\n    two    elsewhere",
        "    command --option",
        "    one   text\n      indented otherwise",
    ],
)
def test_other_indented_text_keeps_its_form(text: str) -> None:
    """Pictures, commands and tables of more columns."""
    lines = [line[4:] for line in text.splitlines()]
    assert parse_blocks(text, KNOWN) == (Verbatim(tuple(lines)),)


def test_examples_are_never_lists() -> None:
    """The two columns of a table file are what the example shows."""
    text = "    user@domain   address\n    @domain       other"
    (block,) = parse_blocks(text, KNOWN, keeps_form=True)
    assert block == Verbatim(("user@domain   address", "@domain       other"))


def test_empty_lines_inside_an_example_stay() -> None:
    """They belong to it, those around it do not."""
    first, second, third = parse_blocks("Text.\n\n    one\n\n      two\n\nMore.", KNOWN)
    assert isinstance(first, Paragraph) and isinstance(third, Paragraph)
    assert second == Verbatim(("one", "", "  two"))

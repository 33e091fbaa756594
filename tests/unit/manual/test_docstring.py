"""Docstrings as pages."""

from __future__ import annotations

import pytest

from pyfix.manual.docstring import read_page
from pyfix.manual.page import Paragraph, Text, Verbatim

DOCSTRING = """one(8), two(8): do something,
and do it well.

    one [-v]

What it does. It is Failures: free.
Rights: none.

None at all.

Failures: they
are logged.

See: three(8)
Inside: a file.

Another file.

Not built: the rest.
"""


def texts(title: str, docstring: str = DOCSTRING) -> list[str]:
    """Return the paragraphs of a section."""
    page = read_page(docstring, frozenset())
    (section,) = [section for section in page.sections if section.title == title]
    return [
        "".join(getattr(span, "text", "") for span in block.line)
        for block in section.blocks
        if isinstance(block, Paragraph)
    ]


def test_head_gives_names_section_and_summary() -> None:
    """The summary has no full stop: it is part of a list."""
    page = read_page(DOCSTRING, frozenset())
    assert (page.names, page.name, page.section) == (("one", "two"), "one", 8)
    assert page.summary == "do something, and do it well"


def test_a_block_behind_the_head_is_the_synopsis() -> None:
    """Its form stays."""
    page = read_page("one(1): do it.\n\n    one a   b\n    one c   d\n", frozenset())
    assert page.sections[0].title == "SYNOPSIS"
    assert page.sections[0].blocks == (Verbatim(("one a   b", "one c   d")),)


def test_labels_open_sections_up_to_the_next() -> None:
    """With or without an empty line before them, at the beginning of a line only."""
    assert texts("DESCRIPTION") == ["What it does. It is Failures: free."]
    assert texts("SECURITY") == ["None.", "None at all."]
    assert texts("DIAGNOSTICS") == ["They are logged."]
    assert texts("NOT BUILT") == ["The rest."]


def test_names_are_not_capitalized() -> None:
    """A parameter that begins a section is still that parameter."""
    assert texts("EXIT STATUS", "one(1): x.\n\nExit status: mail_owner's own.") == ["mail_owner's own."]


def test_what_is_inside_is_not_in_the_manual() -> None:
    """Up to the next label."""
    page = read_page(DOCSTRING, frozenset())
    assert "file" not in str(page.sections)


def test_sections_have_one_order() -> None:
    """Whatever the order in the docstring."""
    titles = [section.title for section in read_page(DOCSTRING, frozenset()).sections]
    assert titles == ["SYNOPSIS", "DESCRIPTION", "SECURITY", "DIAGNOSTICS", "NOT BUILT", "SEE ALSO"]


@pytest.mark.parametrize("head", ["smtpd: receive mail.", "one(8), two(5): mixed.", "one(8) - receive mail"])
def test_other_heads_are_no_pages(head: str) -> None:
    """Nobody gets half a page."""
    with pytest.raises(ValueError, match="name"):
        read_page(head, frozenset())


def test_labels_may_head_lists() -> None:
    """`Exit status:` alone on its line."""
    page = read_page("one(1): x.\n\nExit status:\n\n    0   done\n    1   not\n", frozenset())
    (block,) = page.sections[0].blocks
    assert [item.body for item in getattr(block, "items", ())] == [((Text("done"),),), ((Text("not"),),)]

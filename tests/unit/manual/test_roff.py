"""Pages as roff. The properties over all texts are in tests/fuzz/test_manual.py."""

from __future__ import annotations

import pytest

from pyfix.manual.page import (
    Block,
    Definition,
    Definitions,
    Heading,
    Page,
    PageLink,
    Paragraph,
    ParameterLink,
    Section,
    Strong,
    Text,
    Verbatim,
)
from pyfix.manual.roff import escape, guard, render


def body(*blocks: Block) -> list[str]:
    """Return the lines of a section."""
    page = Page(("one",), 8, "do it", (Section("DESCRIPTION", blocks),))
    lines = render(page, "pyfix 1.0", "2026-01-02").splitlines()
    return lines[lines.index('.SH "DESCRIPTION"') + 1 :]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (r"a\b", r"a\eb"),
        ("--html", r"\-\-html"),
        ("can't `x` ^~", r"can\(aqt \(gax\(ga \(ha\(ti"),
        ('"q"', r"\(dqq\(dq"),
        ("─", r"\[u2500]"),
        ("a\nb\tc", "a b c"),
        ("\x00\x7f\ud800", r"\[uFFFD]\[uFFFD]\[uFFFD]"),
    ],
)
def test_characters_that_roff_would_read_otherwise(text: str, written: str) -> None:
    """They come out as ASCII characters, or as the character of that number."""
    assert escape(text) == written


@pytest.mark.parametrize("line", [".SH", "'in", "..", "."])
def test_no_line_becomes_a_request(line: str) -> None:
    """A zero-width character stands before it."""
    assert guard(line) == rf"\&{line}"


def test_head_has_name_section_date_and_version() -> None:
    """And the names of the page, as whatis(1) wants them."""
    page = Page(("lmdb_table", "hash_table"), 5, "tables - of all sizes", ())
    assert render(page, "pyfix 1.0", "2026-01-02").splitlines() == [
        '.TH "LMDB_TABLE" "5" "2026-01-02" "pyfix 1.0" "pyfix manual"',
        ".nh",
        ".ad l",
        ".SH NAME",
        r"lmdb_table, hash_table \- tables \- of all sizes",
    ]


def test_spans_of_a_paragraph() -> None:
    """What is typed and what is named is bold."""
    line = (Text("See "), PageLink("smtpd", 8), Text(", "), ParameterLink("mail_owner"), Text(" and "), Strong("-v"))
    assert body(Paragraph(line)) == [r"See \fBsmtpd\fR(8), \fBmail_owner\fR and \fB\-v\fR"]


def test_each_sentence_begins_a_line() -> None:
    """So that the space behind it is the same everywhere; a wrapped line that only looks like one's end says so."""
    assert body(Paragraph((Text("One. Two (three). Four?"),))) == ["One.", "Two (three).", "Four?"]
    question = f"{'x' * 70} is ?"
    assert body(Paragraph((Text(f"{question} then"),))) == [rf"{question}\&", "then"]


def test_a_wrapped_line_may_begin_with_a_dot() -> None:
    """.forward at the edge of the paper."""
    assert body(Paragraph((Text(f"{'x' * 75} .forward"),))) == ["x" * 75, r"\&.forward"]


def test_long_words_can_be_broken() -> None:
    """A list without blanks is wider than a terminal."""
    (line,) = body(Paragraph((Text("one,two:three?four" * 3),)))
    assert line.startswith(r"one,\:two:\:three?\:four")


def test_examples_keep_their_form() -> None:
    """Indentation, empty lines, dots."""
    assert body(Verbatim(("  one", "", ".two "))) == [".RS 4", ".nf", "  one", "", r"\&.two", ".fi", ".RE"]


def test_blocks_follow_each_other_with_space() -> None:
    """But not at the beginning of a section or behind a heading."""
    lists = Definitions((Definition((Strong("-v"),), ((Text("one"),), (Text("two"),))),))
    text = Paragraph((Text("text"),))
    assert body(text, lists, Heading("More"), text, text) == [
        "text", ".TP", r"\fB\-v\fR", "one", ".sp", "two", '.SS "More"', "text", ".PP", "text",
    ]  # fmt: skip

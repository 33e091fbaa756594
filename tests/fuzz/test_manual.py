"""Whatever the text of a docstring, the manual shows it: no request of roff, no tag, no character lost."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from pyfix.manual import html, roff
from pyfix.manual.page import (
    Block,
    Definition,
    Definitions,
    Heading,
    Page,
    Paragraph,
    Section,
    Span,
    Strong,
    Text,
    Verbatim,
)

nasty = st.lists(
    st.sampled_from(
        [".", "'", "\\", "-", " ", "\n", '"', ".SH x", "'br", "\\fB", "\\n(.x", "&", "<b>", "`", "^", "~", "word", "é",
         "─", "\t", "\0", "\ud800", "\N{NO-BREAK SPACE}", "? ", ". ", ","]
    ),
    max_size=30,
).map("".join)  # fmt: skip
anything = st.lists(st.integers(0, 0x10FFFF).map(chr), max_size=40).map("".join)
texts = nasty | anything | st.text("ab .'\\-,", min_size=60, max_size=300)

_TOKEN = re.compile(r"\\(?:\((..)|\[u([0-9A-F]{4,6})\]|f([BR])|(.))|(.)", re.DOTALL)
_NAMED = {"aq": "'", "ga": "`", "ha": "^", "ti": "~", "dq": '"'}
_SINGLE = {"e": "\\", "-": "-", "&": "", ":": ""}


def read_roff(line: str) -> str:
    """Return what a line of roff shows; only the escapes that the manual uses are known, others fail."""
    shown = []
    for name, code, _, single, plain in _TOKEN.findall(line):
        if name:
            shown.append(_NAMED[name])
        elif code:
            shown.append(chr(int(code, 16)))
        elif single:
            shown.append(_SINGLE[single])
        else:
            shown.append(plain)
    return "".join(shown)


def visible(text: str) -> str:
    """Return a text as a page can show it: white space is a blank, what cannot be shown a replacement character."""
    shown = "".join(" " if char.isspace() else char for char in text)
    return re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", shown)


def body(block: Block) -> list[str]:
    """Return the lines of a section with one block."""
    page = Page(("one",), 8, "do it", (Section("DESCRIPTION", (block,)),))
    lines = roff.render(page, "1.0", "2026-01-02").splitlines()
    return lines[lines.index('.SH "DESCRIPTION"') + 1 :]


def is_request(line: str) -> bool:
    """Return whether roff reads a line as a request."""
    return line.startswith((".", "'"))


@given(spans=st.lists(st.builds(Text, texts) | st.builds(Strong, texts), max_size=4))
def test_paragraph_has_no_request_and_loses_nothing(spans: list[Span]) -> None:
    """However it is cut into lines and fonts."""
    lines = body(Paragraph(tuple(spans)))
    assert not any(map(is_request, lines))
    written = visible("".join(getattr(span, "text", "") for span in spans))
    assert " ".join(map(read_roff, lines)).split() == written.split()


@given(lines=st.lists(texts.map(lambda text: text.replace("\n", " ")), min_size=1, max_size=5))
def test_example_has_no_request_and_keeps_its_lines(lines: list[str]) -> None:
    """Blanks at the end of a line aside."""
    written = body(Verbatim(tuple(lines)))
    assert written[:2] == [".RS 4", ".nf"] and written[-2:] == [".fi", ".RE"]
    inner = written[2:-2]
    assert not any(map(is_request, inner))
    assert [read_roff(line) for line in inner] == [visible(line.rstrip()) for line in lines]


@given(term=texts, text=texts)
def test_list_has_only_its_own_requests(term: str, text: str) -> None:
    """The term is one line, whatever is in it."""
    lines = body(Definitions((Definition((Strong(term),), ((Text(text),), (Text(text),))),)))
    assert lines[0] == ".TP" and read_roff(lines[1]).split() == visible(term).split()
    assert [line for line in lines if is_request(line)] == [".TP", ".sp"]


@given(text=texts)
def test_titles_are_one_argument(text: str) -> None:
    """A quotation mark does not end it."""
    (line,) = body(Heading(text))
    assert line.startswith('.SS "') and line.endswith('"') and '"' not in line[5:-1]
    assert read_roff(line[5:-1]) == visible(text)


class Reader(HTMLParser):
    """Collects text, and the tags around it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(term=texts, text=texts, example=texts)
def test_html_shows_the_text_and_has_only_our_tags(term: str, text: str, example: str) -> None:
    """And can be written to a file."""
    blocks = (
        Definitions((Definition((Strong(term),), ((Text(text),),)),)),
        Heading(text),
        Verbatim(tuple(example.split("\n"))),
    )
    page = Page(("one",), 8, text, (Section(term, blocks),))
    written = html.render(page, html.files_of([page]), "1.0")
    written.encode("utf-8")
    start = written.index("<h1>")
    reader = Reader()
    reader.feed(written[start:])
    reader.close()
    assert reader.tags == ["h1", "p", "h2", "dl", "dt", "b", "dd", "p", "h3", "pre", "hr", "p"]
    for part in (term, text, example):
        assert printable(part) in reader.text


def printable(text: str) -> str:
    """Return text with what HTML cannot hold replaced."""
    return re.sub("[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)

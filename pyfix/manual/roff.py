"""Write a page in the man macros of roff, for man(1), groff(1) and mandoc(1).

Any text comes out as it went in: a backslash is no escape, a dot or an apostrophe at the beginning of a line no
request, and a dash, an apostrophe and their like are the ASCII characters, which a reader can copy to a command line.
Whatever has no place in a page (control characters, halves of surrogate pairs) becomes U+FFFD.
See: groff_man(7), groff_char(7), mandoc_char(7).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Final, assert_never

from pyfix.manual.page import (
    Block,
    Definitions,
    Heading,
    Line,
    Page,
    PageLink,
    Paragraph,
    ParameterLink,
    Section,
    Span,
    Strong,
    Text,
    Verbatim,
)

_WIDTH: Final = 78
_LONG_WORD: Final = 30
"""Longer words may be broken behind punctuation: no line of a page is wider than a terminal."""
_BREAK: Final = re.compile(r"(?<=[,:?])(?=.)")
_ESCAPES: Final = {
    "\\": r"\e",
    "-": r"\-",
    '"': r"\(dq",
    "'": r"\(aq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
}
_UNFIT: Final = "\N{REPLACEMENT CHARACTER}"
_NO_END: Final = r"\&"
"""Behind a line that ends like a sentence, and is none."""
_SENTENCE_END: Final = re.compile(r"(?<=[\w)][.!?]) +")


def escape(text: str) -> str:
    """Return one line of text as roff input; a line of the file must also pass `guard`."""
    return "".join(_ESCAPES.get(char) or _fit(char) for char in text)


def _fit(char: str) -> str:
    if " " <= char <= "~":
        return char
    if char.isspace():
        return " "
    if ord(char) < 0xA0 or "\ud800" <= char <= "\udfff":
        char = _UNFIT
    return f"\\[u{ord(char):04X}]"


def guard(line: str) -> str:
    """Return a line that is no request, whatever it begins with."""
    return rf"\&{line}" if line.startswith((".", "'")) else line


def render(page: Page, version: str, date: str) -> str:
    """Return the page; version and date (YYYY-MM-DD) are what its footer says."""
    title = f'.TH "{escape(page.name.upper())}" "{page.section}" "{date}" "{escape(version)}" "pyfix manual"'
    lines = [title, ".nh", ".ad l", ".SH NAME", *_fill((Text(f"{', '.join(page.names)} - {page.summary}"),))]
    for section in page.sections:
        lines += _section(section)
    return "\n".join(lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield f'.SH "{escape(section.title)}"'
    is_first = True
    for block in section.blocks:
        yield from _block(block, is_first)
        is_first = isinstance(block, Heading)


def _block(block: Block, is_first: bool) -> Iterator[str]:
    """Yield the lines of a block; the first of a section needs no space before it."""
    match block:
        case Paragraph(line):
            yield from [] if is_first else [".PP"]
            yield from _fill(line)
        case Verbatim(lines):
            yield from [] if is_first else [".PP"]
            yield from (".RS 4", ".nf", *(guard(escape(line.rstrip())) for line in lines), ".fi", ".RE")
        case Definitions(items):
            for item in items:
                yield from (".TP", *_fill(item.term, width=None), *_fill(item.body[0]))
                for more in item.body[1:]:
                    yield from (".sp", *_fill(more))
        case Heading(text):
            yield f'.SS "{escape(text)}"'
        case _:
            assert_never(block)


def _fill(line: Line, width: int | None = _WIDTH) -> Iterator[str]:
    """Yield lines of input, one or more a sentence; without a width, one for all."""
    text = " ".join("".join(map(_span, line)).split())
    if width is None:
        yield guard(text)
        return
    for sentence in _SENTENCE_END.split(text):
        parts = textwrap.wrap(sentence, width, break_on_hyphens=False, break_long_words=False)
        yield from (guard(part) + (_NO_END if part.endswith((".", "?", "!")) else "") for part in parts[:-1])
        yield from map(guard, parts[-1:])


def _span(span: Span) -> str:
    match span:
        case Text(text):
            return _breakable(text)
        case Strong(text):
            return rf"\fB{_breakable(text)}\fR"
        case ParameterLink(name):
            return rf"\fB{escape(name)}\fR"
        case PageLink(name, section):
            return rf"\fB{escape(name)}\fR({section})"
        case _:
            assert_never(span)


def _breakable(text: str) -> str:
    return " ".join(
        r"\:".join(map(escape, _BREAK.split(word))) if len(word) > _LONG_WORD else escape(word)
        for word in text.split(" ")
    )

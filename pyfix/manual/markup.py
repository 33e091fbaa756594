"""Read text as docstrings have it: paragraphs, lists, examples, and what is special within a line.

    `text`          what is typed as it stands
    name(8)         another manual page
    some_name       a parameter, if pyfix has it; one without "_" in its name only as `name` or $name

An indented block is a list when all its lines are `term   text` in two columns, and otherwise keeps its form. Pure.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Container, Iterator
from typing import Final

from pyfix.manual.page import (
    Block,
    Definition,
    Definitions,
    Line,
    PageLink,
    Paragraph,
    ParameterLink,
    Span,
    Strong,
    Text,
    Verbatim,
)

_SPECIAL: Final = re.compile(
    r"`(?P<typed>[^`]+)`|\b(?P<page>[A-Za-z][\w.+-]*)\((?P<section>[1-8])\)|(?P<word>\$?\b[a-z0-9]+(?:_[a-z0-9]+)*\b)"
)
_ITEM: Final = re.compile(r"(?P<term>\S.*?)(?P<gap> {2,})(?P<text>\S.*)")
_COLUMNS: Final = re.compile(r"\S {3,}\S")
_INDENTED: Final = " "


def parse_line(text: str, parameters: Container[str]) -> Line:
    """Return the spans of running text."""
    return tuple(_join(_spans(" ".join(text.split()), parameters)))


def _spans(text: str, parameters: Container[str]) -> Iterator[Span]:
    position = 0
    for found in _SPECIAL.finditer(text):
        special = _special(found, parameters)
        if special is not None:
            yield Text(text[position : found.start()])
            yield special
            position = found.end()
    yield Text(text[position:])


def _special(found: re.Match[str], parameters: Container[str]) -> Span | None:
    """Return what a match stands for, None for a word like any other."""
    if found["typed"]:
        return ParameterLink(found["typed"]) if found["typed"] in parameters else Strong(found["typed"])
    if found["page"]:
        return PageLink(found["page"], int(found["section"]))
    word = found["word"]
    if word.startswith("$"):
        return Strong(word)
    return ParameterLink(word) if "_" in word and word in parameters else None


def _join(spans: Iterator[Span]) -> Iterator[Span]:
    """Leave empty text out."""
    yield from (span for span in spans if not isinstance(span, Text) or span.text)


def parse_blocks(text: str, parameters: Container[str], *, keeps_form: bool = False) -> tuple[Block, ...]:
    """Return the blocks of a text; keeps_form: no indented block is a list."""
    return tuple(_block(part, parameters, keeps_form) for part in split_blocks(text))


def split_blocks(text: str) -> list[str]:
    """Return paragraphs and indented blocks; an empty line belongs to the block whose lines surround it."""
    parts: list[list[str]] = []
    ended = True
    for line in text.splitlines():
        if not line.strip():
            ended = True
            continue
        is_indented = line.startswith(_INDENTED)
        if parts and is_indented and parts[-1][0].startswith(_INDENTED):
            parts[-1] += ["", line] if ended else [line]
        elif ended or not parts or is_indented != parts[-1][0].startswith(_INDENTED):
            parts.append([line])
        else:
            parts[-1].append(line)
        ended = False
    return ["\n".join(part) for part in parts]


def _block(part: str, parameters: Container[str], keeps_form: bool) -> Block:
    if not part.startswith(_INDENTED):
        return Paragraph(parse_line(part, parameters))
    lines = textwrap.dedent(part).splitlines()
    items = None if keeps_form else _items(lines)
    if items is None:
        return Verbatim(tuple(lines))
    return Definitions(tuple(Definition((Strong(term),), (parse_line(text, parameters),)) for term, text in items))


def _items(lines: list[str]) -> list[tuple[str, str]] | None:
    """Return the terms and texts of a list in two columns; None when it is something else."""
    column = None
    items: list[tuple[str, str]] = []
    for line in filter(None, lines):
        found = _ITEM.fullmatch(line)
        if column is not None and line[:column].isspace() and line[column : column + 1].strip():
            items[-1] = (items[-1][0], f"{items[-1][1]} {line[column:]}")
        elif found and not line[0].isspace() and column in (None, found.start("text")) and _is_text(found["text"]):
            column = found.start("text")
            items.append((found["term"], found["text"]))
        else:
            return None
    return items


def _is_text(text: str) -> bool:
    """Return whether this is running text and not a further row of columns."""
    return not _COLUMNS.search(text)

"""Read a docstring as a manual page.

The first paragraph is `name(section): summary`, with several names as `one(8), two(8): summary`. An indented block
behind it is the synopsis, what follows the description, and a line that begins with one of the labels below opens
another section. What follows "Inside:" is not part of the manual, and "See:" names other pages, separated by commas.
Sections stand in one order on all pages, whatever the order of the docstring. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

from pyfix.manual import markup
from pyfix.manual.page import Block, Page, Section

LABELS: Final = {
    "Options": "OPTIONS",
    "Format": "TABLE FORMAT",
    "Search": "TABLE SEARCH ORDER",
    "Results": "RESULT FORMAT",
    "Promise": "RELIABILITY",
    "Rights": "SECURITY",
    "Standards": "STANDARDS",
    "Failures": "DIAGNOSTICS",
    "Exit status": "EXIT STATUS",
    "Environment": "ENVIRONMENT",
    "Parameters": "CONFIGURATION PARAMETERS",
    "Files": "FILES",
    "Example": "EXAMPLES",
    "Different from Postfix": "DIFFERENT FROM POSTFIX",
    "Not built": "NOT BUILT",
    "See": "SEE ALSO",
}
"""What a paragraph begins with, and the title of the section that it opens."""
ORDER: Final = ("SYNOPSIS", "DESCRIPTION", "COMMANDS", *LABELS.values())
"""The order of the sections of a page."""
_INSIDE: Final = "Inside"
_NAME: Final = r"[\w.+-]+\([1-8]\)"
HEAD: Final = re.compile(rf"(?P<names>{_NAME}(?:, {_NAME})*): (?P<summary>.+)", re.DOTALL)
"""The first paragraph of a page."""
_ANY_LABEL: Final = "|".join((*LABELS, _INSIDE))
_LABEL: Final = re.compile(rf"(?P<label>{_ANY_LABEL}):(?:\s+(?P<rest>.+))?", re.DOTALL)
_LABEL_LINE: Final = re.compile(rf"^(?=(?:{_ANY_LABEL}):)", re.MULTILINE)
_KEPT: Final = ("SYNOPSIS", "EXAMPLES")
"""Sections whose indented blocks keep their form."""


def read_page(text: str, parameters: Container[str]) -> Page:
    """Return the page of a docstring, which has one; raises ValueError for a head that is none."""
    parts = markup.split_blocks(_LABEL_LINE.sub("\n", text))
    head = HEAD.fullmatch(parts[0])
    if head is None:
        raise ValueError(f"expected name(section): summary, found: {parts[0][:60]}")
    names, section = _names(head["names"])
    found = _sections(parts[1:])
    sections = (Section(title, _blocks(title, found[title], parameters)) for title in ORDER if title in found)
    return Page(names, section, " ".join(head["summary"].split()).removesuffix("."), tuple(sections))


def _names(text: str) -> tuple[tuple[str, ...], int]:
    """Return the names and their one section."""
    pairs = [name.removesuffix(")").split("(") for name in text.split(", ")]
    if len({section for _, section in pairs}) != 1:
        raise ValueError(f"names of several sections: {text}")
    return tuple(name for name, _ in pairs), int(pairs[0][1])


def _sections(parts: list[str]) -> dict[str, list[str]]:
    """Return the blocks of each section by title, without what is inside."""
    found: dict[str, list[str]] = {}
    title = "DESCRIPTION"
    if parts and parts[0].startswith(" "):
        found["SYNOPSIS"] = [parts.pop(0)]
    for part in parts:
        match = _LABEL.fullmatch(part)
        if match:
            title = LABELS.get(match["label"], "")
            part = _capitalized(match["rest"] or "")
        if title and part:
            found.setdefault(title, []).append(part)
    return found


def _capitalized(text: str) -> str:
    """Return text that begins a paragraph, not a line; names stay as they are."""
    word = text.split(None, 1)[0].rstrip(",.;") if text else ""
    return text[:1].upper() + text[1:] if word.isalpha() else text


def _blocks(title: str, parts: list[str], parameters: Container[str]) -> tuple[Block, ...]:
    return markup.parse_blocks("\n\n".join(parts), parameters, keeps_form=title in _KEPT)

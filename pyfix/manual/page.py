"""A manual page as data. What it looks like, in a terminal or in a browser, is roff.py's and html.py's business."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """Words as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class Strong:
    """What is typed as it stands: a command, an option, a file."""

    text: str


@dataclass(frozen=True, slots=True)
class PageLink:
    """Another manual page, of pyfix or of the system."""

    name: str
    section: int


@dataclass(frozen=True, slots=True)
class ParameterLink:
    """A parameter, which postconf(5) describes."""

    name: str


Span = Text | Strong | PageLink | ParameterLink
Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    line: Line


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Lines that keep their form: an example, a picture."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A term and what it means."""

    term: Line
    body: tuple[Line, ...]
    """Paragraphs."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """A list of terms."""

    items: tuple[Definition, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """Opens a part of a section."""

    text: str


Block = Paragraph | Verbatim | Definitions | Heading


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a page."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page, under one name or several."""

    names: tuple[str, ...]
    section: int
    summary: str
    sections: tuple[Section, ...]

    @property
    def name(self) -> str:
        """The name that the others are pointed to."""
        return self.names[0]

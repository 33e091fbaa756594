"""Find the words of a logical line that are to be changed: a setting, an option -o, a restriction in a list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config.lines import BLANKS
from pyfix.mail.config.mastercf import plain, split_fields
from pyfix.mail.config.values import words

_COLUMNS: Final = 7
"""Before the program."""


@dataclass(frozen=True, slots=True)
class Span:
    """From and to, as offsets in the text of a logical line."""

    start: int
    end: int


def setting_name(text: str) -> str:
    """Return the name that a logical line of main.cf sets."""
    return text.partition("=")[0].strip(BLANKS)


def setting_value(text: str) -> Span:
    """Return where the value of a logical line of main.cf stands."""
    start = text.index("=") + 1
    while start < len(text) and text[start] in BLANKS:
        start += 1
    return Span(start, max(start, len(text.rstrip(BLANKS))))


def service_name(text: str) -> str:
    """Return the name of a service with its type, as reports have it."""
    return "/".join(plain(word) for word in split_fields(text)[:2])


@dataclass(frozen=True, slots=True)
class Option:
    """An option -o of a service."""

    whole: Span
    """With the -o."""
    value: Span


def find_options(text: str, parameter: str) -> Iterator[Option]:
    """Yield where a service sets a parameter."""
    fields = list(_spans(text, split_fields(text)))
    for index, field in enumerate(fields):
        word = text[field.start : field.end]
        if index <= _COLUMNS or not word.startswith("-o"):
            continue
        has_next = word == "-o" and index + 1 < len(fields)
        setting = fields[index + 1] if has_next else Span(field.start + 2, field.end)
        name, _, value = plain(text[setting.start : setting.end]).partition("=")
        if name.strip() == parameter:
            start = text.index(value, setting.start) if value else setting.end
            yield Option(Span(field.start, setting.end), Span(start, start + len(value)))


def find_words(text: str, within: Span, wanted: Sequence[str]) -> Iterator[Span]:
    """Yield where consecutive words of a list stand, from the first to the last of them."""
    value = text[within.start : within.end]
    spans = [Span(span.start + within.start, span.end + within.start) for span in _spans(value, words(value, "list"))]
    found = [text[span.start : span.end] for span in spans]
    for index in range(len(found) - len(wanted) + 1):
        if found[index : index + len(wanted)] == list(wanted):
            yield Span(spans[index].start, spans[index + len(wanted) - 1].end)


def _spans(text: str, parts: Iterable[str]) -> Iterator[Span]:
    """Yield where parts stand in the text that they were taken from, in its order."""
    position = 0
    for part in parts:
        start = text.index(part, position)
        position = start + len(part)
        yield Span(start, position)

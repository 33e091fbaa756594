"""Parameters as parts of pages, made of their declarations.

postconf(5) has all of them, with type, range and readers; the page of a process has what it reads, first its own and
then, set by set, what it shares with others; any other page has those that its text names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pyfix.mail.config import (
    Boolean,
    Choice,
    Integer,
    ListOf,
    ParameterSet,
    PerTransport,
    Raw,
    Seconds,
    String,
    discover,
)
from pyfix.mail.config.defaults import COMPUTED_FROM
from pyfix.mail.config.parameters import Declared, Level, SomeOf
from pyfix.mail.config.values import default_unit
from pyfix.manual.markup import parse_line
from pyfix.manual.page import Block, Definition, Definitions, Heading, Line, PageLink, Paragraph, ParameterLink, Text

FAMILY: Final = "transport"
"""Stands for the name of the transport in the name of a family."""
_SHOWN_IN_TERM: Final = 40
"""A longer default gets a line of its own."""


def shown_name(item: Declared[object]) -> str:
    """Return the name under which the manual has a declaration."""
    return f"{FAMILY}{item.name}" if isinstance(item, PerTransport) else item.name


def known_names() -> frozenset[str]:
    """Return the names of all parameters, as shown."""
    return frozenset(map(shown_name, discover.declarations().values()))


def describe(item: Declared[object]) -> str:
    """Return the words about type and range."""
    match item.member if isinstance(item, PerTransport) else item:
        case Boolean():
            return "yes or no"
        case Choice() as choice:
            return f"one of: {', '.join(choice.choices)}"
        case Integer() as number:
            return f"a whole number{_range(number.low, number.high)}"
        case Level():
            return "a release of Postfix, or 0, 1, 2"
        case ListOf():
            return "words separated by commas or white space"
        case SomeOf() as words:
            return f"any of: {', '.join(words.known)}"
        case Seconds() as time:
            unit = default_unit(time.default)
            return f"a time in units of s, m, h, d, w, without one in {unit}{_range(time.low, time.high, ' s')}"
        case Raw() as text:
            return f"text whose names are expanded where it is used{_length(text)}"
        case String() as text:
            return f"text{_length(text)}"
    raise TypeError(f"{item.name}: no words for a parameter of type {type(item).__name__}")


def _range(low: int | None, high: int | None, unit: str = "") -> str:
    if high is not None:
        return f", {low or 0} to {high}{unit}"
    return f", {low}{unit} or more" if low is not None else ""


def _length(text: String) -> str:
    if text.high is not None:
        return f", {text.low or 0} to {text.high} characters"
    return ", not empty" if text.low else ""


def default_of(item: Declared[object]) -> str:
    """Return the default as the manual shows it."""
    if item.name in COMPUTED_FROM:
        return "see postconf -d"
    return item.default or "empty"


def summary(item: Declared[object], known: frozenset[str]) -> Definition:
    """Return name, default and the one line about it."""
    term, more = _head(item, "")
    return Definition(term, (parse_line(item.doc, known), *more))


def entry(item: Declared[object], known: frozenset[str], users: Line) -> Definition:
    """Return everything about a parameter; `users` are the words about who reads it."""
    term, more = _head(item, "default: ")
    special = item.defaults if isinstance(item, PerTransport) else {}
    exceptions = [(Text(f"Default for transport {name}: {text}"),) for name, text in special.items()]
    words = f"{describe(item)[:1].upper()}{describe(item)[1:]}."
    return Definition(term, (parse_line(item.doc, known), *more, *exceptions, (Text(words),), users))


def _head(item: Declared[object], label: str) -> tuple[Line, tuple[Line, ...]]:
    """Return the term, and the default as a paragraph where it is too long for that."""
    name, default = ParameterLink(shown_name(item)), default_of(item)
    if len(default) > _SHOWN_IN_TERM:
        return (name,), ((Text(f"Default: {default}"),),)
    return (name, Text(f" ({label}{default})")), ()


def process_blocks(own: type[ParameterSet], read: frozenset[str], known: frozenset[str]) -> Iterator[Block]:
    """Yield what a process reads: its own set, then those that it builds on."""
    for declared in own.__mro__:
        items = [item for item in vars(declared).values() if isinstance(item, Declared) and item.name in read]
        if items:
            yield Heading(_first_sentence(declared.__doc__ or ""))
            yield Definitions(tuple(summary(item, known) for item in items))


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].removesuffix(".")


def named_blocks(names: Iterable[str], known: frozenset[str]) -> tuple[Block, ...]:
    """Return the summaries of some parameters."""
    items = {shown_name(item): item for item in discover.declarations().values()}
    return (Definitions(tuple(summary(items[name], known) for name in names)),)


def all_parameters(known: frozenset[str], users: Callable[[str], Line]) -> Block:
    """Return every parameter, sorted by name; `users` gives the words about its readers."""
    items = sorted(discover.declarations().values(), key=shown_name)
    return Definitions(tuple(entry(item, known, users(item.name)) for item in items))


def users_line(pages: Iterable[tuple[str, int]], *, all_processes: bool) -> Line:
    """Return the words about who reads a parameter."""
    line: list[Text | PageLink] = [Text("Used by: "), *([Text("all processes")] if all_processes else [])]
    for name, section in pages:
        line += [*([Text(", ")] if len(line) > 1 else []), PageLink(name, section)]
    return (*line, Text("."))


def shared_blocks(shared: Iterable[str]) -> Iterator[Block]:
    """Yield the words about what all processes read."""
    line: list[Text | ParameterLink | PageLink] = []
    for name in sorted(shared):
        line += [*([Text(", ")] if line else []), ParameterLink(name)]
    yield Heading("Of all processes")
    yield Paragraph((Text("What "), PageLink("postconf", 5), Text(" says about these: "), *line, Text(".")))

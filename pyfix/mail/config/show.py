"""Print parameters and services as `postconf` does.

Pure. White space inside a value is shown as one blank; a folded line has no more than 80 columns where its words
allow, and goes on after four blanks.
See: postconf(1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pyfix.mail.config.maincf import split_assignment
from pyfix.mail.config.mastercf import ServiceEntry, plain
from pyfix.mail.config.values import ValueRefused

_WIDTH: Final = 80
_MASTER_WIDTH: Final = 79
_INDENT: Final = "    "
_MASTER_COLUMNS: Final = (0, 11, 17, 25, 33, 41, 49, 57)
FIELDS: Final = ("service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command")


@dataclass(frozen=True, slots=True)
class Style:
    """How to print: folded, with the name, with the value."""

    fold: bool = False
    names: bool = True
    values: bool = True


def show_value(name: str, value: str, style: Style) -> str:
    """Return the text of "name = value"."""
    if not style.values:
        return name
    words = value.split()
    if not style.names:
        return fold(words) if style.fold else " ".join(words)
    if not style.fold:
        return f"{name} = {' '.join(words)}"
    return fold([f"{name} =", *(words or [""])])


def fold(words: Iterable[str], line: str | None = None, width: int = _WIDTH) -> str:
    """Return words in lines; `line` is what the first one begins with."""
    lines = [] if line is None else [line]
    for word in words:
        if not lines:
            lines.append(word)
        elif len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(_INDENT + word)
    return "\n".join(lines)


def show_service(entry: ServiceEntry, style: Style) -> str:
    """Return the line of a service, its columns under each other."""
    line = ""
    for field, column in zip(entry.fields, _MASTER_COLUMNS, strict=False):
        line = f"{line} ".ljust(column) + plain(field) if line else plain(field)
    return _with_arguments(line, show_arguments(entry), style)


def _with_arguments(line: str, arguments: Sequence[str], style: Style) -> str:
    """Return a line and arguments; folded, each -o option is in a line of its own."""
    if not style.fold:
        return " ".join([line, *arguments])
    lines = [line]
    position = 0
    while position < len(arguments) and arguments[position].startswith("-"):
        if arguments[position] == "-o":
            lines.append(f"{_INDENT}{' '.join(arguments[position : position + 2])}")
            position += 1
        else:
            lines[-1] += f" {arguments[position]}"
        position += 1
    rest = list(arguments[position:])
    if rest and len(lines) > 1:
        lines.append(_INDENT + rest.pop(0))
    lines[-1] = fold(rest, lines[-1], _MASTER_WIDTH)
    return "\n".join(lines)


def show_arguments(entry: ServiceEntry) -> list[str]:
    """Return the arguments of a service, in braces where they hold white space."""
    shown: list[str] = []
    is_option = True
    for word in entry.fields[len(_MASTER_COLUMNS) :]:
        text = plain(word)
        if is_option and shown and shown[-1] == "-o":
            text = _assignment(text)
        is_option = is_option and (text.startswith("-") or shown[-1:] == ["-o"])
        shown.append(f"{{{text}}}" if not text or any(blank in text for blank in " \t") else text)
    return shown


def _assignment(text: str) -> str:
    """Return "name=value" without white space around the "="."""
    try:
        return "=".join(split_assignment(text))
    except ValueRefused:
        return text


def expanded(entry: ServiceEntry, expand: Callable[[str], str]) -> ServiceEntry:
    """Return the entry with the values of its -o options expanded, for printing."""
    arguments: list[str] = []
    for word in entry.fields[len(_MASTER_COLUMNS) :]:
        follows = arguments[-1:] == ["-o"]
        arguments.append(f"{{{expand(plain(word))}}}" if follows else word)
    overrides = [(name, expand(value)) for name, value in entry.overrides]
    return replace(entry, fields=(*entry.fields[: len(_MASTER_COLUMNS)], *arguments), overrides=overrides)


def show_fields(entry: ServiceEntry, wanted: str, style: Style) -> Iterator[str]:
    """Yield the fields of a service as "service/type/field = value"; wanted is a field or "*"."""
    for field, value in zip(FIELDS, entry.fields, strict=False):
        if wanted not in ("*", field):
            continue
        shown = show_value(f"{entry.name}/{entry.type}/{field}", plain(value), style)
        if field == "command" and style.values:
            shown = _with_arguments(shown, show_arguments(entry), style)
        yield shown


def show_overrides(entry: ServiceEntry, wanted: str, style: Style) -> Iterator[str]:
    """Yield the -o settings of a service as "service/type/parameter = value"."""
    for name, value in dict(entry.overrides).items():
        if wanted in ("*", name):
            yield show_value(f"{entry.name}/{entry.type}/{name}", value, style)

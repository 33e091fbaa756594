"""Print the services of master.cf as `postconf -M`, `-F` and `-P` do.

Pure. Columns stand under each other; a folded line has no more than 79 columns where its words allow, each -o option is
in a line of its own, and all but the first line begin with four blanks.

Different from Postfix: an argument that stands in braces because it is empty, holds white space or begins with a brace
keeps them wherever it stands. Postfix prints the first one behind the options without, so that it reads as several.
See: postconf(1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyfix.mail.config.lines import BLANKS
from pyfix.mail.config.service_line import FIELDS, ServiceLine, options_end, takes_value
from pyfix.mail.config.show import INDENT, Style, show_object, show_value

_WIDTH: Final = 79
_COLUMNS: Final = (0, 11, 17, 25, 33, 41, 49, 57)


def show_service(service: ServiceLine, style: Style) -> str:
    """Return the line of a service."""
    if style.json:
        return show_object(f"{service.name}/{service.type}", _with_arguments(" ".join(service.fields), service, style))
    line = service.name
    for word, column in zip(service.fields[1:], _COLUMNS[1:], strict=True):
        line = f"{line} ".ljust(column) + word
    return _with_arguments(line, service, style)


def _with_arguments(line: str, service: ServiceLine, style: Style) -> str:
    """Return a line and the arguments of a service."""
    if not style.fold:
        return " ".join([line, *map(_braced, service.arguments)])
    finished = [line]
    is_full = False
    options = options_end(service.arguments)
    position = 0
    while position < len(service.arguments):
        word = service.arguments[position]
        if position < options and takes_value(word) and position + 1 < len(service.arguments):
            finished.append(f"{INDENT}{word} {_braced(service.arguments[position + 1])}")
            is_full = True
            position += 2
            continue
        if is_full or len(finished[-1]) + 1 + len(word) > _WIDTH:
            finished.append(INDENT + _braced(word))
        else:
            finished[-1] += f" {_braced(word)}"
        is_full = False
        position += 1
    return "\n".join(finished)


def _braced(word: str) -> str:
    """Return an argument as it can be read again."""
    needs_braces = not word or word.startswith("{") or any(blank in word for blank in BLANKS)
    return f"{{{word}}}" if needs_braces else word


def show_fields(service: ServiceLine, wanted: str, style: Style) -> Iterator[str]:
    """Yield the fields of a service as "service/type/field = value"; wanted is a field or "*"."""
    for field, value in zip(FIELDS, service.fields, strict=True):
        if wanted not in ("*", field):
            continue
        name = f"{service.name}/{service.type}/{field}"
        if field != "command" or not style.values:
            yield show_value(name, value, style)
        elif style.json:
            yield show_object(name, _with_arguments(value, service, style))
        else:
            yield _with_arguments(show_value(name, value, style), service, style)


def show_overrides(service: ServiceLine, wanted: str, style: Style) -> Iterator[str]:
    """Yield the -o settings of a service as "service/type/parameter = value", in the order of names."""
    for name, value in sorted(service.overrides.items()):
        if wanted in ("*", name):
            yield show_value(f"{service.name}/{service.type}/{name}", value, style)

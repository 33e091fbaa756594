"""Print parameters as `postconf` does.

Pure. White space inside a value is shown as one blank; a folded line has no more than 80 columns where its words
allow, and goes on after four blanks. JSON is an object of one name and its value in a line.
See: postconf(1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_WIDTH: Final = 80
INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Style:
    """How to print: folded, with the name, with the value; or as a JSON object."""

    fold: bool = False
    names: bool = True
    values: bool = True
    json: bool = False


def show_value(name: str, value: str, style: Style) -> str:
    """Return the text of "name = value"; nothing follows the "=" of an empty value."""
    if not style.values:
        return name
    words = value.split()
    if style.json:
        return show_object(name, " ".join(words))
    if style.names:
        words = [name, "=", *words]
    if not style.fold or len(words) < 3:
        return " ".join(words)
    return fold([f"{name} =", *words[2:]] if style.names else words)


def show_object(name: str, value: str) -> str:
    """Return a JSON object of a name and its value, in one line."""
    return json.dumps({name: value}, ensure_ascii=False)


def fold(words: Iterable[str], line: str | None = None, width: int = _WIDTH) -> str:
    """Return words in lines; `line` is what the first one begins with."""
    lines = [] if line is None else [line]
    for word in words:
        if not lines:
            lines.append(word)
        elif len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(INDENT + word)
    return "\n".join(lines)

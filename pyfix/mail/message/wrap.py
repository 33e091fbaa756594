"""Fold a long line at white space, as notices do. Pure."""

from __future__ import annotations

import re
from typing import Final

WIDTH: Final = 79
INDENT: Final = 4
_WORD = re.compile(r"[^ \t]+")


def fold(text: str, width: int = WIDTH, indent: int = INDENT) -> str:
    """Return text in lines of at most `width` characters, all but the first indented; no word is broken."""
    lines: list[str] = []
    start = end = 0
    room = width
    for word in _WORD.finditer(text):
        if word.end() - start > room and end > start:
            lines.append(text[start:end])
            start = word.start()
            room = width - indent
        end = word.end()
    lines.append(text[start:end])
    return ("\n" + " " * indent).join(lines)

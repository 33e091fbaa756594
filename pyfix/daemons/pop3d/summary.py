"""The line at the end of a session: pop3_logout_format filled in. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

_FIELDS: Final = {
    "top_count": "t", "top_bytes": "p", "retr_count": "r", "retr_bytes": "b", "deleted_count": "d",
    "message_count": "m", "message_bytes": "s", "input": "i", "output": "o",
}  # fmt: skip
"""Dovecot's long names."""
LETTERS: Final = frozenset({*_FIELDS.values(), "%"})
_VARIABLE: Final = re.compile(r"%(?:\{([a-z_]+)\}|(.?))", re.S)


def compile_format(text: str) -> Callable[[Mapping[str, int]], str]:
    """Return what fills values, by their letters, into a format; raises ValueError that names an unknown variable."""
    parts: list[str] = []

    def take(match: re.Match[str]) -> str:
        letter = _FIELDS.get(match[1], "") if match[1] is not None else match[2]
        if letter not in LETTERS or not letter:
            known = " ".join(f"%{letter}" for letter in sorted(LETTERS))
            raise ValueError(f'unknown variable "{match[0]}": there are {known}')
        return "%" if letter == "%" else f"{{{letter}}}"

    end = 0
    for match in _VARIABLE.finditer(text):
        parts += [text[end : match.start()].replace("{", "{{").replace("}", "}}"), take(match)]
        end = match.end()
    parts.append(text[end:].replace("{", "{{").replace("}", "}}"))
    return "".join(parts).format_map

"""The result of a pattern rule: text with $1, ${1} or $(1) for what a group matched, and $$ for a dollar.

A result is checked when the table is read, so that a lookup cannot fail. A group that took no part in the match is
empty.
See: regexp_table(5) TEXT SUBSTITUTION.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pyfix.mail.maps.source import shown

Result = str | Callable[[re.Match[str] | None], str]


class BadRule(ValueError):
    """The rule is skipped; str() is the message."""


_REFERENCE = re.compile(r"\$(?:(\$)|\{([^{}]*)\}|\(([^()]*)\)|([A-Za-z0-9_]+)|([{(]?))")


def compile_result(text: str, groups: int, negated: bool) -> Result:
    """Return the text, or a function that fills in what the groups matched."""
    if "$" not in text:
        return text
    parts: list[str | int] = []
    position = 0
    for found in _REFERENCE.finditer(text):
        parts.append(text[position : found.start()])
        parts.append("$" if found[1] else _group_number(found, groups, negated))
        position = found.end()
    parts.append(text[position:])
    if all(isinstance(part, str) for part in parts):
        return "".join(str(part) for part in parts)
    return lambda match: "".join(part if isinstance(part, str) else _group(match, part) for part in parts)


def _group(match: re.Match[str] | None, number: int) -> str:
    return (match[number] or "") if match else ""


def _group_number(found: re.Match[str], groups: int, negated: bool) -> int:
    name = found[2] or found[3] or found[4] or ""
    if not name:
        raise BadRule(f'bad replacement syntax at "{shown(found.string[found.start() :])}": skipping this rule')
    if not (name.isascii() and name.isdigit()):
        raise BadRule(f'non-numeric replacement index "{shown(name)}": skipping this rule')
    if negated:
        raise BadRule("$number found in negative match replacement text: skipping this rule")
    number = int(name) if len(name) < 4 else groups + 1
    if not 1 <= number <= groups:
        raise BadRule(f'out of range replacement index "{name}": skipping this rule')
    return number

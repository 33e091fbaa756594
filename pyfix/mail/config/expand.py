"""Expand $name and its conditional forms, as main.cf writes them.

Forms: $name $(name) ${name} ${name?text} ${name:text} ${name?{a}:{b}} ${{x} == {y} ? {a} : {b}} and $$ for one "$".
Values are expanded in their turn, only where they are used, so that an unused branch may hold anything. Comparison is
numerical when both sides are digits, else lexical; the "level" operators compare compatibility levels (3.6 < 3.10).
Pure: the caller gives a lookup from names to raw text. A name without value expands to nothing. Broken syntax, a
comparison that is none and a value that refers to itself raise ExpandError.
See: postconf(5).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Lookup = Callable[[str], str | None]

NESTING_LIMIT: Final = 100
_NAME: Final = re.compile(r"[A-Za-z0-9_]+")
_OPERATOR: Final = re.compile(r"(==|!=|<=|>=|<|>)(level(?![A-Za-z0-9_]))?")
_LEVEL: Final = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?")
_CLOSING: Final = {"{": "}", "(": ")"}
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class ExpandError(Exception):
    """The text cannot be expanded; the message quotes the offending part."""


def expand(text: str, lookup: Lookup, depth: int = 0) -> str:
    """Return text with every reference replaced."""
    if "$" not in text:
        return text
    if depth > NESTING_LIMIT:
        raise ExpandError(f'unreasonable macro call nesting: "{text}"')
    out: list[str] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        out.append(text[position:dollar])
        value, position = _reference(text, dollar + 1, lookup, depth)
        out.append(value)
    out.append(text[position:])
    return "".join(out)


def _reference(text: str, start: int, lookup: Lookup, depth: int) -> tuple[str, int]:
    """Return the value of the reference whose "$" stands before start, and where it ends."""
    opening = text[start : start + 1]
    if opening == "$":
        return "$", start + 1
    if opening in _CLOSING:
        end = closing(text, start)
        if end < 0:
            raise ExpandError(f'truncated macro reference: "{text[start - 1 :]}"')
        return _braced(text[start + 1 : end], lookup, depth), end + 1
    name = _NAME.match(text, start)
    if name is None:
        raise ExpandError(f'empty macro name: "{text[start - 1 :]}"')
    return _value(name.group(), lookup, depth), name.end()


def closing(text: str, start: int) -> int:
    """Return the index of the bracket that balances the one at start, -1 without one."""
    opening = text[start]
    wanted = _CLOSING[opening]
    level = 0
    for index in range(start, len(text)):
        if text[index] == opening:
            level += 1
        elif text[index] == wanted:
            level -= 1
            if level == 0:
                return index
    return -1


def _value(name: str, lookup: Lookup, depth: int) -> str:
    """Return the expanded value of a parameter."""
    return expand(lookup(name) or "", lookup, depth + 1)


def _braced(body: str, lookup: Lookup, depth: int) -> str:
    """Return the value of what stands between "${" and "}"."""
    inner = body.strip()
    if inner.startswith("{"):
        condition, rest = _comparison(inner, lookup, depth)
        value = "" if condition else None
    else:
        name = _NAME.match(inner)
        if name is None:
            raise ExpandError(f'empty macro name: "${{{body}}}"')
        value, rest = name.group(), inner[name.end() :]
        condition = bool(lookup(value)) and bool(_value(value, lookup, depth))
        if not rest.strip():
            return _value(value, lookup, depth)
    return expand(_branch(rest.lstrip(), condition, body), lookup, depth + 1)


def _branch(rest: str, condition: bool, body: str) -> str:
    """Return the text that the condition chooses of "?{a}:{b}", "?a", ":b"."""
    if rest.startswith("?"):
        chosen, rest = _operand(rest[1:], body)
        if condition:
            return chosen
        if not rest:
            return ""
        if not rest.startswith(":"):
            raise ExpandError(f'bad ternary operator syntax: "${{{body}}}"')
        return _operand(rest[1:], body)[0]
    if rest.startswith(":"):
        return "" if condition else _operand(rest[1:], body)[0]
    raise ExpandError(f'"?" or ":" expected: "${{{body}}}"')


def _operand(text: str, body: str) -> tuple[str, str]:
    """Return an operand and what follows it: "{text}" ends with its brace, plain text at the end."""
    stripped = text.lstrip()
    if not stripped.startswith("{"):
        return text, ""
    end = closing(stripped, 0)
    if end < 0:
        raise ExpandError(f'missing "}}": "${{{body}}}"')
    return stripped[1:end].strip(), stripped[end + 1 :].strip()


def _comparison(text: str, lookup: Lookup, depth: int) -> tuple[bool, str]:
    """Return the truth of "{left} operator {right}" and what follows it."""
    left, rest = _operand(text, text)
    found = _OPERATOR.match(rest)
    if found is None:
        raise ExpandError(f'relational operator expected: "{rest or text}"')
    right_text = rest[found.end() :].lstrip()
    if not right_text.startswith("{"):
        raise ExpandError(f'"{{expression}}" expected at: "{right_text}"')
    right, rest = _operand(right_text, text)
    values = (expand(left, lookup, depth + 1), expand(right, lookup, depth + 1))
    compare = _COMPARE[found.group(1)]
    if found.group(2):
        return compare(level(values[0]), level(values[1])), rest
    return compare(*_comparable(*values)), rest


def _comparable(left: str, right: str) -> tuple[object, object]:
    """Return the operands as numbers when both are digits, else as they are."""
    if left.isascii() and right.isascii() and left.isdigit() and right.isdigit():
        return int(left), int(right)
    return left, right


def level(text: str) -> tuple[int, ...]:
    """Return a compatibility level as numbers; raises ExpandError when it is none."""
    found = _LEVEL.fullmatch(text)
    if found is None:
        raise ExpandError(f'bad compatibility level: "{text}"')
    return tuple(int(part or 0) for part in found.groups())

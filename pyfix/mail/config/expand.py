"""Expand $name and its conditional forms, as main.cf writes them.

Forms: $name $(name) ${name} ${name?text} ${name:text} ${name?{a}:{b}} ${{x} == {y} ? {a} : {b}} and $$ for one "$".
The test of ${name?...} is whether the text of name is empty before it is expanded. Texts are expanded only where they
are used, so that an unused branch may hold anything. Comparison is numerical when both sides are digits, else lexical;
the "level" operators compare compatibility levels (3.6 < 3.10).
Pure: the caller gives a lookup from names to raw text. A name without value expands to nothing. Broken syntax, a
comparison that is none, a value that refers to itself and one that grows past a limit raise ExpandError. Each name is
expanded once, so that no main.cf takes more than linear time.
See: postconf(5).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pyfix.mail.config.errors import one_line

Lookup = Callable[[str], str | None]

NESTING_LIMIT: Final = 100
SIZE_LIMIT: Final = 4 * 1024 * 1024
_NAME: Final = re.compile(r"[A-Za-z0-9_]+")
_OPERATOR: Final = re.compile(r"(==|!=|<=|>=|<|>)(level(?![A-Za-z0-9_]))?")
_LEVEL: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?")
_BRACKETS: Final = {"{": re.compile(r"[{}]"), "(": re.compile(r"[()]")}
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_DIGITS_LIMIT: Final = 18


class ExpandError(Exception):
    """The text cannot be expanded; the message quotes the offending part."""


class UndefinedError(ExpandError):
    """The text refers to a name without value, and the caller wants to know."""


def expand(text: str, lookup: Lookup, *, strict: bool = False) -> str:
    """Return text with every reference replaced; strict: a name in it that the lookup does not know is an error."""
    return _Expander(lookup, strict).expand(text, 0) if "$" in text else text


class _Expander:
    """One expansion: the values found so far, and the names whose value is being found."""

    def __init__(self, lookup: Lookup, strict: bool) -> None:
        self._lookup = lookup
        self._strict = strict
        self._values: dict[str, str] = {}
        self._open: set[str] = set()

    def expand(self, text: str, depth: int) -> str:
        """Return text with every reference replaced."""
        if "$" not in text:
            return text
        if depth > NESTING_LIMIT:
            raise ExpandError(f'unreasonable macro call nesting: "{_quote(text)}"')
        parts: list[str] = []
        size = position = 0
        while (dollar := text.find("$", position)) >= 0:
            parts.append(text[position:dollar])
            value, position = self._reference(text, dollar + 1, depth)
            parts.append(value)
            size += len(value)
            if size > SIZE_LIMIT:
                raise ExpandError(f'value longer than {SIZE_LIMIT} characters: "{_quote(text)}"')
        parts.append(text[position:])
        return "".join(parts)

    def _reference(self, text: str, start: int, depth: int) -> tuple[str, int]:
        """Return the value of the reference whose "$" stands before start, and where it ends."""
        opening = text[start : start + 1]
        if opening == "$":
            return "$", start + 1
        if opening in _BRACKETS:
            end = closing(text, start)
            if end < 0:
                raise ExpandError(f'truncated macro reference: "{_quote(text[start - 1 :])}"')
            return self._braced(text[start + 1 : end], depth), end + 1
        name = _NAME.match(text, start)
        if name is None:
            raise ExpandError(f'empty macro name: "{_quote(text[start - 1 :])}"')
        return self._value(name.group(), depth), name.end()

    def _value(self, name: str, depth: int) -> str:
        """Return the expanded value of a parameter."""
        known = self._values.get(name)
        if known is not None:
            return known
        if name in self._open:
            raise ExpandError(f'unreasonable macro call nesting: "{name}"')
        text = self._lookup(name)
        if text is None and self._strict and not self._open:
            raise UndefinedError(f'undefined parameter: "{name}"')
        self._open.add(name)
        value = self._values[name] = self.expand(text or "", depth + 1)
        self._open.discard(name)
        return value

    def _braced(self, body: str, depth: int) -> str:
        """Return the value of what stands between "${" and "}"."""
        inner = body.lstrip()
        if inner.startswith("{"):
            truth, rest = self._comparison(inner, body, depth)
            return self._choose(truth, rest, body, depth) if rest else "true" * truth
        found = _NAME.match(inner)
        name = found.group() if found else ""
        rest = inner[len(name) :].lstrip()
        if rest.startswith(("?", ":")):
            return self._choose(bool(name and self._lookup(name)), rest, body, depth)
        if rest:
            raise ExpandError(f'attribute name syntax error: "${{{_quote(body)}}}"')
        if not name:
            raise ExpandError(f'empty macro name: "${{{body}}}"')
        return self._value(name, depth)

    def _choose(self, truth: bool, rest: str, body: str, depth: int) -> str:
        """Return the value of the text that the condition chooses of "?{a}:{b}", "?a", ":b"."""
        return self.expand(_branch(truth, rest, body), depth + 1)

    def _comparison(self, text: str, body: str, depth: int) -> tuple[bool, str]:
        """Return the truth of "{left} operator {right}" and what follows it."""
        left, rest = _operand(text, body)
        found = _OPERATOR.match(rest)
        if found is None:
            raise _expected('"==" or "!=" or "<" or "<=" or ">=" or ">"', body)
        right_text = rest[found.end() :].lstrip()
        if not right_text.startswith("{"):
            raise _expected('"{expression}"', body)
        right, rest = _operand(right_text, body)
        sides = self.expand(left, depth + 1), self.expand(right, depth + 1)
        return _compare(found.group(1), found.group(2) is not None, *sides), rest


def _branch(truth: bool, rest: str, body: str) -> str:
    """Return the text that the condition chooses."""
    if rest.startswith("?"):
        chosen, rest = _operand(rest[1:], body)
        if rest and not rest.startswith(":"):
            raise _expected('":"', body)
        other = _last_operand(rest[1:], body) if rest else ""
        return chosen if truth else other
    if rest.startswith(":"):
        other = _last_operand(rest[1:], body)
        return "" if truth else other
    raise _expected('"?" or ":"', body)


def _operand(text: str, body: str) -> tuple[str, str]:
    """Return an operand and what follows it: "{text}" ends with its brace, plain text with the expression."""
    stripped = text.lstrip()
    if not stripped.startswith("{"):
        return text, ""
    end = closing(stripped, 0)
    if end < 0:
        raise _expected('"}"', body)
    return stripped[1:end], stripped[end + 1 :].lstrip()


def _last_operand(text: str, body: str) -> str:
    """Return an operand that nothing may follow."""
    operand, rest = _operand(text, body)
    if rest:
        raise ExpandError(f'unexpected input "{_quote(rest)}" in: "${{{_quote(body)}}}"')
    return operand


def closing(text: str, start: int) -> int:
    """Return the index of the bracket that balances the one at start, -1 without one."""
    opening = text[start]
    depth = 0
    for bracket in _BRACKETS[opening].finditer(text, start):
        depth += 1 if bracket.group() == opening else -1
        if depth == 0:
            return bracket.start()
    return -1


def _compare(sign: str, by_level: bool, left: str, right: str) -> bool:
    """Return the truth of a comparison."""
    compare = _COMPARE[sign]
    if by_level:
        return compare(level(left), level(right))
    if _is_number(left) and _is_number(right):
        return compare(int(left), int(right))
    return compare(left.encode(), right.encode())


def _is_number(text: str) -> bool:
    """Return whether text is all digits; refuse a number that no one can mean."""
    if not (text.isascii() and text.isdigit()):
        return False
    if len(text) > _DIGITS_LIMIT:
        raise ExpandError(f'bad number in comparison: "{_quote(text)}"')
    return True


def level(text: str) -> tuple[int, ...]:
    """Return a compatibility level as numbers; raises ExpandError when it is none."""
    found = _LEVEL.fullmatch(text)
    if found is None:
        raise ExpandError(f'malformed compatibility level syntax: "{_quote(text)}"')
    return tuple(int(part or 0) for part in found.groups())


def _expected(what: str, body: str) -> ExpandError:
    """Return the error for a part that is missing from an expression."""
    return ExpandError(f'{what} expected in: "${{{_quote(body)}}}"')


def _quote(text: str) -> str:
    """Return text short enough for a message."""
    return one_line(text, 60)

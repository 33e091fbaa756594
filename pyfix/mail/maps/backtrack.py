"""Tell whether a pattern can take exponential time.

Python's matcher tries, for a repetition inside a repetition such as `(a+)+` or `(a|ab)*`, every way to share out the
text between the two: a key of forty characters then takes longer than anybody waits. It is harmless when each round
of the outer repetition must pass a separator that the inner parts cannot match, as in `([^.]+\\.)*`.

A pattern is called exponential when, inside a group that repeats without limit, there is a part of variable length
and no such separator, or alternatives that can begin alike. The judgement errs on the safe side: it refuses some
patterns that would do no harm.
"""

from __future__ import annotations

import re
import warnings
from re import _constants as sre  # type: ignore[attr-defined]  # the parsed form has no public name
from re import _parser as parser  # type: ignore[attr-defined]  # ditto
from typing import Any, Final

_MANY: Final = 16
"""Repetitions from which on a limit is as good as none."""
_REPEATS: Final = (sre.MAX_REPEAT, sre.MIN_REPEAT)
_SINGLES: Final = (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY)
_SAMPLES: Final = tuple(map(chr, range(128)))

Characters = frozenset[str]
_ALL: Final[Characters] = frozenset(_SAMPLES)


def is_exponential(pattern: str, flags: int) -> bool:
    """True when some text makes the pattern take exponential time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = parser.parse(pattern, flags & ~re.DEBUG)
    return _has_bad_loop(list(parsed), flags)


def _has_bad_loop(items: list[Any], flags: int) -> bool:
    for operator, argument in items:
        if operator in _REPEATS and argument[1] >= _MANY and _is_bad_body(list(argument[2]), flags):
            return True
        if any(_has_bad_loop(body, flags) for body in _bodies(operator, argument)):
            return True
    return False


def _bodies(operator: Any, argument: Any) -> list[list[Any]]:
    """Return the item lists inside one item."""
    if operator in _REPEATS or operator is sre.POSSESSIVE_REPEAT:
        return [list(argument[2])]
    if operator is sre.SUBPATTERN:
        return [list(argument[3])]
    if operator is sre.BRANCH:
        return [list(branch) for branch in argument[1]]
    if operator is sre.ATOMIC_GROUP:
        return [list(argument)]
    if operator in (sre.ASSERT, sre.ASSERT_NOT):
        return [list(argument[1])]
    if operator is sre.GROUPREF_EXISTS:
        return [list(body) for body in argument[1:] if body is not None]
    return []


def _is_bad_body(body: list[Any], flags: int) -> bool:
    """Judge what is repeated: one alternative after the other, then the alternatives together."""
    alternatives = _alternatives(body)
    if any(_is_bad_sequence(sequence, flags) for sequence in alternatives):
        return True
    return _are_alike(alternatives, flags)


def _alternatives(body: list[Any]) -> list[list[Any]]:
    """Return the alternatives of a group whose whole content is one choice, else the content alone."""
    while len(body) == 1 and body[0][0] is sre.SUBPATTERN:
        body = list(body[0][1][3])
    if len(body) == 1 and body[0][0] is sre.BRANCH:
        return [list(branch) for branch in body[0][1][1]]
    return [body]


def _is_bad_sequence(sequence: list[Any], flags: int) -> bool:
    variable = [_characters([item], flags) for item in sequence if _is_variable(item, flags)]
    if not variable:
        return False
    loose = frozenset().union(*variable)
    return not any(_is_separator(item, loose, flags) for item in sequence)


def _is_variable(item: Any, flags: int) -> bool:
    """True for an item that can match one text in more than one way, or texts of several lengths."""
    operator, argument = item
    if operator in _REPEATS and argument[0] != argument[1]:
        return True
    if operator is sre.BRANCH and _are_alike([list(branch) for branch in argument[1]], flags):
        return True
    return any(_is_variable(inner, flags) for body in _bodies(operator, argument) for inner in body)


def _are_alike(alternatives: list[list[Any]], flags: int) -> bool:
    """True unless each pair differs at some place near the start, so that at most one of them fits a text."""
    starts = [_start(alternative, flags) for alternative in alternatives]
    return any(
        all(left & right for left, right in zip(starts[i], starts[j], strict=False))
        for i in range(len(starts))
        for j in range(i)
    )


def _start(sequence: list[Any], flags: int) -> list[Characters]:
    """Return what the first places of a match can hold, as far as that is easy to say."""
    places: list[Characters] = []
    for operator, argument in sequence:
        if operator in _SINGLES:
            places.append(_matched_by(operator, argument, flags))
        elif operator in _REPEATS and argument[0] > 0 and len(argument[2]) == 1 and argument[2][0][0] in _SINGLES:
            inner_operator, inner_argument = argument[2][0]
            return [*places, _matched_by(inner_operator, inner_argument, flags)]
        elif operator is sre.SUBPATTERN:
            inner = _start(list(argument[3]), flags)
            places += inner
            if len(inner) != len(argument[3]):
                return places
        elif operator is not sre.AT:
            return places
    return places


def _is_separator(item: Any, loose: Characters, flags: int) -> bool:
    """True for one character that must be there and that the loops cannot match."""
    operator, argument = item
    if operator in (sre.LITERAL, sre.NOT_LITERAL, sre.IN):
        return not _characters([item], flags) & loose
    if operator is sre.SUBPATTERN:
        return any(_is_separator(inner, loose, flags) for inner in argument[3])
    if operator in _REPEATS and argument[0] >= 1 and argument[1] < _MANY:
        return any(_is_separator(inner, loose, flags) for inner in argument[2])
    return False


def _characters(items: list[Any], flags: int) -> Characters:
    """Return the ASCII characters that the items can match somewhere."""
    found: Characters = frozenset()
    for operator, argument in items:
        if operator in _SINGLES:
            found |= _matched_by(operator, argument, flags)
        elif operator is sre.GROUPREF:
            return _ALL
        else:
            for body in _bodies(operator, argument):
                found |= _characters(body, flags)
    return found


def _matched_by(operator: Any, argument: Any, flags: int) -> Characters:
    if operator is sre.ANY:
        return _ALL
    if operator is sre.IN:
        return _set(argument, flags)
    base = _fold(frozenset(chr(argument)), flags)
    return _ALL - base if operator is sre.NOT_LITERAL else base


def _set(items: Any, flags: int) -> Characters:
    found: Characters = frozenset()
    negated = False
    for operator, argument in items:
        if operator is sre.NEGATE:
            negated = True
        elif operator is sre.LITERAL:
            found |= frozenset(chr(argument))
        elif operator is sre.RANGE:
            found |= frozenset(char for char in _SAMPLES if argument[0] <= ord(char) <= argument[1])
        elif operator is sre.CATEGORY:
            found |= _category(argument)
    found = _fold(found, flags)
    return _ALL - found if negated else found


_CATEGORIES: Final = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}


def _category(code: Any) -> Characters:
    pattern = re.compile(_CATEGORIES[code], re.ASCII)
    return frozenset(char for char in _SAMPLES if pattern.match(char))


def _fold(characters: Characters, flags: int) -> Characters:
    if not flags & re.IGNORECASE:
        return characters
    return characters | {char.lower() for char in characters} | {char.upper() for char in characters}

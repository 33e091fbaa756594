"""What the text of a parameter means: number, time, yes or no, list.

Pure. ValueRefused carries the reason in Postfix's words where it has some, and the remedy; the caller adds the place.
"""

from __future__ import annotations

import re
from typing import Final

from pyfix.mail.config.errors import ConfigError, one_line
from pyfix.mail.config.expand import ExpandError, closing, level

_INTEGER: Final = re.compile(r"\s*([+-]?[0-9]{1,20})")
_TIME: Final = re.compile(r"\s*([+-]?[0-9]{1,20})([smhdw]?)")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SEPARATORS: Final = ", \t\r\n"
_INTEGER_MAX: Final = 2**63 - 1


class ValueRefused(ConfigError):
    """The text is no value of the parameter; who knows where it stands raises a ConfigError with the place."""


def _quote(name: str, text: str) -> str:
    """Return the assignment for a message."""
    return f"{name} = {one_line(text)}"


def string(text: str, name: str, low: int | None, high: int | None) -> str:
    """Return the text after a check of its length."""
    if low is not None and len(text) < low:
        raise ValueRefused(f"bad string length {len(text)} < {low}: {_quote(name, text)}; specify a value")
    if high is not None and len(text) > high:
        raise ValueRefused(f"bad string length {len(text)} > {high}: {_quote(name, text)}; specify a shorter value")
    return text


def integer(text: str, name: str, low: int | None, high: int | None) -> int:
    """Return a whole number."""
    found = _INTEGER.fullmatch(text)
    if found is None or abs(int(found.group(1))) > _INTEGER_MAX:
        raise ValueRefused(f"bad numerical configuration: {_quote(name, text)}; specify a whole number")
    value = int(found.group(1))
    check_range(value, name, low, high)
    return value


def check_range(value: int, name: str, low: int | None, high: int | None) -> None:
    """Refuse a number out of its bounds."""
    if low is not None and value < low:
        raise ValueRefused(f"invalid {name} parameter value {value} < {low}; specify {low} or more")
    if high is not None and value > high:
        raise ValueRefused(f"invalid {name} parameter value {value} > {high}; specify {high} or less")


def boolean(text: str, name: str) -> bool:
    """Return the truth of yes or no."""
    match text.lower():
        case "yes":
            return True
        case "no":
            return False
    raise ValueRefused(f'bad boolean configuration: {_quote(name, text)}; specify "yes" or "no"')


def default_unit(default: str) -> str:
    """Return the unit of a number without one: the last letter of the default, else seconds."""
    return default[-1] if default[-1:] in _UNITS and default[-2:-1] in "0123456789}" else "s"


def seconds(text: str, name: str, unit: str, low: int | None, high: int | None) -> float:
    """Return a time in seconds."""
    found = _TIME.fullmatch(text)
    value = int(found.group(1)) * _UNITS[found.group(2) or unit] if found else _INTEGER_MAX + 1
    if abs(value) > _INTEGER_MAX:
        raise ValueRefused(
            f"parameter {name}: bad time value or unit: {one_line(text)};"
            " specify a number and s, m, h, d or w (seconds, minutes, hours, days, weeks)"
        )
    check_range(value, name, low, high)
    return float(value)


def choice(text: str, name: str, choices: tuple[str, ...]) -> str:
    """Return the word of the list that the text names."""
    for word in choices:
        if word.lower() == text.lower():
            return word
    raise ValueRefused(f"bad parameter value: {_quote(name, text)}; specify one of: {', '.join(choices)}")


def compatibility_level(text: str) -> tuple[int, ...]:
    """Return a level as numbers, so that 3.10 is more than 3.9."""
    try:
        return level(text)
    except ExpandError as error:
        raise ValueRefused(f"{error}; specify a release such as 3.6") from None


def words(text: str, name: str) -> list[str]:
    """Return the words between commas and white space; a group in braces is one word."""
    found: list[str] = []
    position = 0
    while position < len(text):
        if text[position] in _SEPARATORS:
            position += 1
            continue
        end = _word_end(text, position)
        if end < 0:
            raise ValueRefused(f'missing "}}" in list: {_quote(name, text)}; close the brace')
        found.append(text[position:end])
        position = end
    return found


def some_of(text: str, name: str, known: tuple[str, ...]) -> frozenset[str]:
    """Return the words of a list, each of which must be known, as they are known."""
    found = set()
    for word in words(text, name):
        if word.lower() not in known:
            raise ValueRefused(
                f'unknown {name} value "{one_line(word)}" in "{one_line(text)}"; specify some of: {", ".join(known)}'
            )
        found.add(word.lower())
    return frozenset(found)


def _word_end(text: str, start: int) -> int:
    """Return where the word at start ends, -1 for a brace without its fellow."""
    position = start
    while position < len(text) and text[position] not in _SEPARATORS:
        if text[position] == "{":
            position = closing(text, position)
            if position < 0:
                return -1
        position += 1
    return position

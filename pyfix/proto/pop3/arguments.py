"""Message numbers and counts of lines in commands. Refusals are in Dovecot's words."""

from __future__ import annotations

import re
from typing import Final

_DIGITS = re.compile(rb"[0-9]+")
_LARGEST: Final = 2**32 - 1
_LARGEST_DIGITS: Final = 10


class Refused(Exception):
    """The text is for the client."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text)
        self.text = text


def split_command(line: bytes) -> tuple[bytes, bytes]:
    """Return the verb in upper case, and its arguments without the spaces before them."""
    verb, _, arguments = line.partition(b" ")
    return verb.upper(), arguments.lstrip(b" ")


def message_number(text: bytes) -> int:
    """Return the only argument as a number; raise Refused."""
    number, rest = _number(text, b"message number")
    if rest:
        raise Refused(b"Noise after message number: " + printable(rest))
    return number


def number_and_lines(text: bytes) -> tuple[int, int]:
    """Return the two arguments of TOP; raise Refused."""
    number, rest = _number(text, b"message number")
    if not rest.startswith(b" "):
        raise Refused(b"Noise after message number: " + printable(rest))
    lines, rest = _number(rest.lstrip(b" "), b"size")
    if rest:
        raise Refused(b"Noise after size: " + printable(rest))
    return number, lines


def _number(text: bytes, what: bytes) -> tuple[int, bytes]:
    found = _DIGITS.match(text)
    if not found:
        raise Refused(b"Invalid " + what + b": " + printable(text))
    digits = found[0].lstrip(b"0")
    if len(digits) > _LARGEST_DIGITS or int(digits or b"0") > _LARGEST:
        raise Refused(what.capitalize() + b" too large: " + printable(text))
    return int(digits or b"0"), text[found.end() :]


_UNPRINTABLE: Final = bytes(63 if byte < 32 or byte == 127 else byte for byte in range(256))


def printable(text: bytes) -> bytes:
    """Return what a client wrote so that it can stand in a reply."""
    return text.translate(_UNPRINTABLE)

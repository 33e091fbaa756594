"""RESP, the protocol of Redis, as far as a table needs it: commands with one reply, which is one text.

    *2 $3 GET $3 key          a command: how many words, and of each the length and the bytes; each on a line
    +text   :number           a reply of one line
    -CODE text                the command has failed
    $length                   the value comes next, and an empty line; $-1 without a value

Pure: the caller sends commands, and reads lines without their end, and values of the length that a line announces.
See: redis.io, "Redis serialization protocol specification", version 2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_LENGTH: Final = re.compile(rb"\$([0-9]{1,10})")
_SHOWN: Final = 200


class ReplyError(Exception):
    """The server says something else than it should; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Text:
    """The whole reply."""

    value: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """The command has failed; the text begins with a word in capitals."""

    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """A value of so many bytes comes next; None: there is none."""

    length: int | None


Reply = Text | Failure | Value


def command(*words: bytes) -> bytes:
    """Return the bytes of a command."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def parse_line(line: bytes) -> Reply:
    """Return what the first line of a reply says; raises ReplyError."""
    if line == b"$-1":
        return Value(None)
    match line[:1]:
        case b"+" | b":":
            return Text(line[1:])
        case b"-":
            return Failure(_shown(line[1:]))
    length = _LENGTH.fullmatch(line)
    if length is None:
        raise ReplyError(f"unexpected redis server reply: {_shown(line)}")
    return Value(int(length[1]))


def _shown(raw: bytes) -> str:
    text = raw[:_SHOWN].decode("ascii", "replace").replace("\ufffd", "?")
    return "".join(char if char.isprintable() else "?" for char in text)

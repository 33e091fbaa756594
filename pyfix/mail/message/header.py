"""Find the headers at the start of a message with one regular expression.

A header is a name of printable characters, a colon, and all text up to a line that does not continue it. The block ends
at the first line that is no header: an empty line, or (as Postfix has it) the body itself where a sender forgot that
line. A block whose end lies beyond the bytes at hand is `cut`: more bytes may make it longer.

Linear in the size of the block: each byte is matched once. Limits are the caller's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

_HEADER: Final = re.compile(rb"([!-9;-~]{1,2047})[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*\n?")
"""A longer name is none: to Postfix the line ends after 2,048 bytes."""


class Header(NamedTuple):
    """One header; `start` and `end` enclose it in the message, line end included."""

    name: bytes
    """In small letters."""
    start: int
    end: int
    value_start: int


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """The headers of a message, first to last."""

    headers: list[Header]
    end: int
    """Where the block ends: at the empty line, or at the body."""
    cut: bool
    """More bytes could change the last header or add others."""


def parse_header_block(data: bytes, start: int = 0) -> HeaderBlock:
    """Return the header block that begins at `start`."""
    headers: list[Header] = []
    match = _HEADER.match
    at = start
    while found := match(data, at):
        name = found.group(1)
        headers.append(Header(name.lower(), at, found.end(), data.index(b":", at + len(name)) + 1))
        at = found.end()
    return HeaderBlock(headers, at, _may_go_on(data, at))


def _may_go_on(data: bytes, end: int) -> bool:
    """True unless a complete line stands where the block ends."""
    return data.find(b"\n", end) < 0


def cut_block(block: HeaderBlock) -> HeaderBlock:
    """Leave the last header, which may be incomplete, to the body."""
    if len(block.headers) < 2:
        return block
    return HeaderBlock(block.headers[:-1], block.headers[-1].start, cut=True)


def is_header(text: str) -> bool:
    """Tell whether a text from the configuration is one header."""
    found = _HEADER.fullmatch(text.encode("utf-8", "surrogateescape"))
    return found is not None


def header_value(data: bytes, header: Header) -> bytes:
    """Return the text behind the colon, continuation lines included, without the last line end."""
    return data[header.value_start : header.end].rstrip(b"\n")

r"""Tell headers, headers of parts and body lines of a message apart, a line at a time.

    PRIMARY  a header of the message itself         MIME  a header of a part of a multipart
    NESTED   a header of a message in the message   BODY  any other line

A header comes as one piece with its continuation lines, line breaks inside; white space before its colon is left out.
The blank line behind headers is a body line, and a line that is no header ends them: a part whose author forgot the
blank line begins there. Total: any lines are a message. Multiparts nest up to a limit, beyond which a part is body.

Sans-IO: `feed` takes a line without its line end, `finish` gives what is left.
See: RFC 2045, RFC 2046; header_checks(5); header_size_limit, mime_nesting_limit, mime_boundary_length_limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple


class Place(Enum):
    """Where a line of a message stands."""

    PRIMARY = "primary"
    MIME = "mime"
    NESTED = "nested"
    BODY = "body"


class Piece(NamedTuple):
    """A header, or a line of the body."""

    place: Place
    text: bytes


@dataclass(frozen=True, slots=True)
class MimeLimits:
    """How far the scanner goes."""

    header_size: int = 102400
    """Bytes of a header; continuation lines beyond are left out."""
    nesting: int = 100
    boundary_length: int = 2048
    """Bytes of a boundary that count."""


class _ContentType(NamedTuple):
    kind: bytes
    """In small letters, as the next one."""
    subtype: bytes


_HEADER: Final = re.compile(rb"([!-9;-~]+)[ \t]*:")
_TEXT: Final = _ContentType(b"text", b"plain")
_MESSAGE: Final = _ContentType(b"message", b"rfc822")
_WORD: Final = re.compile(
    rb"""[ \t\r\n]* (?: (?P<comment>\() | "(?P<quoted>(?:[^"\\]|\\.)*)"?
      | (?P<token>[^\s()<>@,;:\\"/[\]?=]+) | (?P<special>.) )""",
    re.VERBOSE | re.DOTALL,
)


class MimeScanner:
    """Reads one message."""

    def __init__(self, *, mime: bool = True, limits: MimeLimits | None = None) -> None:
        """mime: look into parts; without, all behind the headers of the message is body."""
        self._mime = mime
        self._limits = limits or MimeLimits()
        self._place = Place.PRIMARY
        self._header = bytearray()
        self._type = _TEXT
        self._stack: list[tuple[bytes, _ContentType]] = []
        """Of each multipart that is open: its boundary, and the type of a part that does not tell."""

    def feed(self, line: bytes) -> Iterator[Piece]:
        """Yield what is known with this line."""
        if self._place is Place.BODY:
            yield self._body_line(line)
        elif self._header and line[:1] in (b" ", b"\t"):
            if len(self._header) < self._limits.header_size:
                self._header += b"\n" + line
        else:
            yield from self._end_header()
            yield from self._header_line(line)

    def _header_line(self, line: bytes) -> Iterator[Piece]:
        found = _HEADER.match(line)
        if found:
            self._header += found[1] + b":" + line[found.end() :]
            return
        if line and self._place is Place.PRIMARY:
            yield Piece(Place.BODY, b"")
        self._end_headers()
        if line:
            yield from self.feed(line)
        else:
            yield self._body_line(line)

    def finish(self) -> Iterator[Piece]:
        """Yield the header that the message ends with."""
        yield from self._end_header()

    def _end_header(self) -> Iterator[Piece]:
        if not self._header:
            return
        header = bytes(self._header)
        self._header.clear()
        name, _, value = header.partition(b":")
        if self._mime and name.lower() == b"content-type":
            self._learn_type(value)
        yield Piece(self._place, header)

    def _learn_type(self, value: bytes) -> None:
        """Read a Content-Type; a multipart opens with its header already."""
        found = _parse_type(value)
        if found is None:
            return
        self._type, boundaries = found
        default = _MESSAGE if self._type.subtype == b"digest" else _TEXT
        for boundary in boundaries if self._type.kind == b"multipart" else ():
            if len(self._stack) < self._limits.nesting:
                self._stack.append((boundary[: self._limits.boundary_length], default))

    def _end_headers(self) -> None:
        """Choose what follows."""
        self._place = Place.BODY
        if self._type.kind == b"message" and self._type.subtype in (b"rfc822", b"global"):
            self._place = Place.NESTED
        self._type = _TEXT

    def _body_line(self, line: bytes) -> Piece:
        if self._stack and line.startswith(b"--") and len(line) > 2:
            self._follow_boundary(line[2:])
        return Piece(Place.BODY, line)

    def _follow_boundary(self, text: bytes) -> None:
        for level in range(len(self._stack) - 1, -1, -1):
            boundary, default = self._stack[level]
            if not text.startswith(boundary):
                continue
            if text.startswith(b"--", len(boundary)):
                del self._stack[level:]
            else:
                del self._stack[level + 1 :]
                self._place, self._type = Place.MIME, default
            return


def _parse_type(value: bytes) -> tuple[_ContentType, list[bytes]] | None:
    """Return what a Content-Type says, and the boundaries that it names; None for other kinds, and for nonsense."""
    words = list(_words(value))
    kind = words[0][1].lower() if words and words[0][0] is _Kind.TOKEN else b""
    if kind not in (b"text", b"message", b"multipart"):
        return None
    slash = len(words) > 2 and words[1] == (_Kind.SPECIAL, b"/") and words[2][0] is _Kind.TOKEN
    subtype = words[2][1] if slash else b""
    boundaries = []
    for index in range(1, len(words) - 3):
        semicolon, (name_kind, name), equals, (value_kind, text) = words[index : index + 4]
        named = name_kind is _Kind.TOKEN and name.lower() == b"boundary" and value_kind is not _Kind.SPECIAL
        if named and (semicolon[1], equals[1]) == (b";", b"="):
            boundaries.append(text)
    return _ContentType(kind, subtype.lower()), boundaries


class _Kind(Enum):
    """What stands in a structured header."""

    TOKEN = "token"
    QUOTED = "quoted"
    """A quoted string; the text is without quotes and backslashes."""
    SPECIAL = "special"


def _words(value: bytes) -> Iterator[tuple[_Kind, bytes]]:
    """Yield what stands in a structured header, but comments."""
    index = 0
    while found := _WORD.match(value, index):
        index = found.end()
        if found["comment"]:
            index = _comment_end(value, index)
        elif found["quoted"] is not None:
            yield _Kind.QUOTED, re.sub(rb"\\(.)", rb"\1", found["quoted"], flags=re.DOTALL)
        elif found["token"]:
            yield _Kind.TOKEN, found["token"]
        else:
            yield _Kind.SPECIAL, found["special"]


def _comment_end(value: bytes, index: int) -> int:
    """Return the index behind a comment whose content begins at index; comments nest."""
    depth = 1
    while index < len(value) and depth:
        char = value[index : index + 1]
        if char == b"\\":
            index += 1
        elif char == b"(":
            depth += 1
        elif char == b")":
            depth -= 1
        index += 1
    return index

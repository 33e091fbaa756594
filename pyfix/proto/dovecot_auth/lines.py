"""Lines of fields, separated by tabs: what a field may not hold is escaped.

    NUL  \\1 0      SOH  \\1 1      TAB  \\1 t      CR  \\1 r      LF  \\1 n

Text is UTF-8; bytes that are none survive the way there and back (surrogateescape).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

LINE_LIMIT: Final = 16384
"""Bytes of a line: an SMTP client's response has up to 12288 (smtpd_sasl_response_limit)."""
_NUMBER_LIMIT: Final = 2**32
_ESCAPES: Final = {"\0": "\x010", "\x01": "\x011", "\t": "\x01t", "\r": "\x01r", "\n": "\x01n"}
_UNESCAPES: Final = {escaped[1:]: char for char, escaped in _ESCAPES.items()}
_SPECIAL: Final = re.compile(r"[\x00\x01\r\n]")
_ESCAPED_CHAR: Final = re.compile(r"[\x00\x01\t\r\n]")
_ESCAPE: Final = re.compile(r"\x01(.?)", re.DOTALL)
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_NAME: Final = re.compile(r"[!-<>-~]{1,64}")


class ProtocolError(Exception):
    """The other end does not keep to the protocol; the text is for the log, and the connection is to be closed."""


def encode_line(*fields: str) -> bytes:
    """Return a line with its end."""
    text = "\t".join(fields)
    if text.count("\t") >= len(fields) or _SPECIAL.search(text):
        text = "\t".join(_ESCAPED_CHAR.sub(lambda found: _ESCAPES[found[0]], field) for field in fields)
    return text.encode("utf-8", "surrogateescape") + b"\n"


def decode_line(line: bytes) -> list[str]:
    """Return the fields of a line without its end."""
    fields = line.decode("utf-8", "surrogateescape").split("\t")
    return [_ESCAPE.sub(_unescape, field) for field in fields] if b"\x01" in line else fields


def encode_parameters(given: Mapping[str, str]) -> list[str]:
    """Return fields name=value, and name alone where the value is empty; raises ValueError for a name that is none."""
    for name in given:
        if not _NAME.fullmatch(name):
            raise ValueError(f"no name of a parameter: {name!r}")
    return [f"{name}={value}" if value else name for name, value in given.items()]


def decode_parameters(fields: list[str]) -> dict[str, str]:
    """Return parameters; of several with one name the last."""
    return {name: value for name, _, value in (field.partition("=") for field in fields) if name}


def parse_id(text: str) -> int:
    """Return the id of a request, 1 to 2**32 - 1; raises ProtocolError."""
    number = parse_number(text)
    if not number:
        raise ProtocolError("a request with the id 0")
    return number


def parse_number(text: str) -> int:
    """Return a number of 32 bits; raises ProtocolError."""
    if not _NUMBER.fullmatch(text) or int(text) >= _NUMBER_LIMIT:
        raise ProtocolError(f"not a number of 32 bits: {text[:40]!r}")
    return int(text)


class LineReader:
    """Cuts a stream into lines."""

    __slots__ = ("_limit", "_rest")

    def __init__(self, limit: int) -> None:
        """limit: bytes of the longest line."""
        self._limit = limit
        self._rest = b""

    def receive(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that are whole now, without their end; raises ProtocolError for one that is too long."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield self._checked(line)
        self._checked(self._rest)

    def _checked(self, line: bytes) -> bytes:
        if len(line) > self._limit:
            self._rest = b""
            raise ProtocolError(f"a line of more than {self._limit} bytes")
        return line


def _unescape(found: re.Match[str]) -> str:
    return _UNESCAPES.get(found[1], found[1])

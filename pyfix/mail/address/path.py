"""Parse the path of MAIL FROM and RCPT TO.

    <user@domain>    <>    <@relay,@relay:user@domain>    user@domain (not when strict)

Returns the address in external form with the source route taken off, and what follows it: the parameters of the
command. Postfix's leniency: without `strict_rfc821_envelopes` the brackets, and blanks before the path, are a matter
of taste.
See: RFC 5321 section 4.1.2; appendix C for source routes.
"""

from __future__ import annotations

from typing import NamedTuple

from pyfix.mail.address.quote import normalize_quoting
from pyfix.mail.address.rewrite import STANDARD


class PathSyntaxError(ValueError):
    """The text is no path."""


class Path(NamedTuple):
    """An address and the rest of the line."""

    address: str
    rest: str


def parse_path(text: str, *, strict: bool = False) -> Path:
    """Parse what stands behind `FROM:` or `TO:`; raises PathSyntaxError."""
    start = text.lstrip(" ")
    if strict and start != text:
        raise PathSyntaxError("white space before the path")
    if not start.startswith("<"):
        if strict or not start:
            raise PathSyntaxError("no path in angle brackets")
        end = _end(start, " ")
        return Path(_address(start[:end]), start[end:].strip(" "))
    end = _end(start, ">", 1)
    if end >= len(start):
        raise PathSyntaxError("unbalanced angle brackets")
    rest = start[end + 1 :]
    if rest and not rest.startswith(" "):
        raise PathSyntaxError("garbage after the path")
    return Path(_address(start[1:end]), rest.strip(" "))


def _end(text: str, closing: str, index: int = 0) -> int:
    """Return the index of the closing character outside quotes, or the length of the text."""
    simple = text.find(closing, index)
    if simple >= 0 and '"' not in text[:simple] and "\\" not in text[:simple]:
        return simple
    quoted = False
    while index < len(text):
        char = text[index]
        if char == "\\":
            index += 1
        elif char == '"':
            quoted = not quoted
        elif char == closing and not quoted:
            return index
        index += 1
    return len(text)


def _address(text: str) -> str:
    if STANDARD.match(text) or not text:
        return text
    if text.startswith("@"):
        text = _strip_route(text)
    if any(char < " " or char == "\x7f" for char in text):
        raise PathSyntaxError("control character in the address")
    return _checked(text)


def _checked(text: str) -> str:
    """Return the address with the least quoting that it needs; raises PathSyntaxError for what cannot be one."""
    quoted = False
    index = 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            index += 1
            if index >= len(text):
                raise PathSyntaxError("backslash at the end")
        elif char == '"':
            quoted = not quoted
        elif not quoted and char in "<>(),; \t":
            raise PathSyntaxError(f"unquoted {char!r} in the address")
        index += 1
    if quoted:
        raise PathSyntaxError("unbalanced quotes")
    return normalize_quoting(text)


def _strip_route(text: str) -> str:
    """Take off @one,@two: in front of an address."""
    route, colon, address = text.partition(":")
    if not colon or any(not hop.startswith("@") or len(hop) < 2 for hop in route.split(",")):
        raise PathSyntaxError("source route without address")
    return address

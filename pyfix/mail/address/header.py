r"""Find the addresses in a header such as To: or From:, and put others in their place.

    Fred Foobar <fred@example.com>, (work) joe@example.com, Friends: ann@x.org, bob@x.org;, "Doe, John" <jd@example.com>

Tolerant: any text has a list of addresses, perhaps an empty one. Comments, groups, quoted strings, routes and folded
lines are understood as RFC 5322 and its obsolete forms write them. Everything that is not an address stays as it is
when addresses are replaced. A limit on the number of addresses bounds the work on a hostile header; what lies beyond
it is left alone.
See: RFC 5322 sections 3.4 and 4.4; header_address_token_limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyfix.mail.address.quote import normalize_quoting

ADDRESS_LIMIT: Final = 10240
_PIECE = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>\()
      | "(?:[^"\\]|\\.)*(?:"|\Z)
      | \[(?:[^\]\\]|\\.)*(?:\]|\Z)
      | (?P<special>[<>,:;])
      | (?:[^\s()"\[<>,:;\\]|\\.)+
      | .""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class HeaderAddress:
    """One address in external form, and where it stands in the header's text."""

    address: str
    start: int
    end: int
    bracketed: bool
    """True inside < >."""


class AddressHeader:
    """The addresses of one header value; `addresses` in the order of the text."""

    def __init__(self, text: str, limit: int = ADDRESS_LIMIT) -> None:
        self.text = text
        self.addresses = tuple(_Scanner(text, limit).scan())

    def replace(self, change: Callable[[str], str]) -> str:
        """Return the text with every address changed; the text itself when nothing changes."""
        parts: list[str] = []
        position = 0
        for found in self.addresses:
            changed = change(found.address)
            if changed != found.address:
                parts += (self.text[position : found.start], changed)
                position = found.end
        return "".join([*parts, self.text[position:]]) if parts else self.text


def header_addresses(text: str, limit: int = ADDRESS_LIMIT) -> list[str]:
    """Return the addresses of a header value in external form, as sendmail -t wants them."""
    return [found.address for found in AddressHeader(text, limit).addresses if found.address]


class _Scanner:
    """One walk over the text. An address outside brackets is all words between two commas."""

    def __init__(self, text: str, limit: int) -> None:
        self._text = text
        self._limit = limit
        self._found: list[HeaderAddress] = []
        self._words: list[tuple[str, int, int]] = []
        self._bracket = -1
        """Index behind the "<" that is open, or -1."""
        self._had_bracket = False

    def scan(self) -> list[HeaderAddress]:
        index, end = 0, len(self._text)
        while index < end and len(self._found) < self._limit:
            piece = _PIECE.match(self._text, index)
            if piece is None or piece["comment"]:
                index = _comment_end(self._text, index)
            elif piece["special"]:
                self._special(piece[0], index)
                index = piece.end()
            else:
                if not piece["space"]:
                    self._words.append((piece[0], index, piece.end()))
                index = piece.end()
        if len(self._found) < self._limit:
            self._finish()
        return self._found

    def _special(self, char: str, index: int) -> None:
        match char:
            case "<":
                self._words.clear()
                self._bracket = index + 1
            case ">":
                if self._bracket >= 0:
                    self._take(bracketed=True)
                self._bracket = -1
                self._words.clear()
            case ":":
                self._colon(index)
            case ",":
                if self._is_in_route():
                    self._words.append((char, index, index + 1))
                else:
                    self._finish()
            case _:
                self._finish()

    def _colon(self, index: int) -> None:
        """Outside brackets a colon ends the name of a group; inside, a source route."""
        if self._bracket >= 0 and not self._is_in_route():
            self._words.append((":", index, index + 1))
        else:
            self._words.clear()

    def _is_in_route(self) -> bool:
        return self._bracket >= 0 and bool(self._words) and self._words[0][0].startswith("@")

    def _finish(self) -> None:
        """The end of one item of the list."""
        if self._words and not self._had_bracket:
            self._take(bracketed=self._bracket >= 0)
        self._words.clear()
        self._bracket = -1
        self._had_bracket = False

    def _take(self, *, bracketed: bool) -> None:
        self._had_bracket = bracketed
        if not self._words:
            if bracketed:
                self._found.append(HeaderAddress("", self._bracket, self._bracket, True))
            return
        address = _joined([word for word, _, _ in self._words])
        start, end = self._words[0][1], self._words[-1][2]
        self._found.append(HeaderAddress(normalize_quoting(address), start, end, bracketed))


def _joined(words: list[str]) -> str:
    """Put the words of an address together: `john . doe @ x.org` without blanks, `john doe` with one."""
    text = words[0]
    for word in words[1:]:
        glue = "" if text.endswith((".", "@", ":")) or word.startswith((".", "@", ":")) else " "
        text += glue + word
    return text


def _comment_end(text: str, start: int) -> int:
    """Return the index behind a comment; comments nest, one without end goes to the end of the text."""
    depth = 0
    index = start
    while index < len(text):
        char = text[index]
        if char == "\\":
            index += 1
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                return index + 1
        index += 1
    return len(text)

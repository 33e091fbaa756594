"""Find the addresses in a list such as a header has, among names, comments, groups and nonsense. Pure.

    a@b, "C D" <c@d> (comment), friends: e@f, g@h;

Read from right to left, since the ends of things say what they are: `>` that a route and a name stand before it, `;`
that a group does. So a colon is the head of a group only where a `;` follows, and is else a character like others. Two
words without an operator between them are two addresses, and get the comma that the sender forgot. Comments step aside,
to the right of the address that they are in. Nothing is lost: what makes no sense stays where it is.

Total: any tokens make some list.
See: RFC 5322 section 3.4; RFC 822 section 6; the lists that Postfix makes of the same headers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.mail.address.tokens import Kind, Token

_ESCAPED: Final = re.compile(r'["\\]')
_LINE_END: Final = re.compile(r"[\r\n]")
_WHITE: Final = re.compile(r"[\t\r\n]")
_COMMA: Final = Token(Kind.OPERATOR, ",")
_OPENING: Final = Token(Kind.OPERATOR, "<")
GROUP_HEAD: Final = Token(Kind.OPERATOR, ": ")
"""The colon behind a group's name; a space always follows it."""
_WORDS: Final = (Kind.ATOM, Kind.QUOTED, Kind.LITERAL)
_ENDS_OF_NAME: Final = frozenset(">;,:")


@dataclass(frozen=True, slots=True)
class Address:
    """One address, as it was written but for white space and comments."""

    text: str


Node = Token | Address
"""What a list is made of."""


def arrange(tokens: Sequence[Token]) -> list[Node]:
    """Return the list that the tokens are, with its addresses found."""
    return _Arrangement(tokens).nodes


def write(token: Token) -> str:
    """Return a token in external form; a folded line is none any more."""
    if token.kind is Kind.COMMENT:
        return _LINE_END.sub(" ", token.text)
    text = _WHITE.sub(" ", token.text)
    return '"' + _ESCAPED.sub(r"\\\g<0>", text) + '"' if token.kind is Kind.QUOTED else text


def needs_space(left: Node, right: Node) -> bool:
    """True when a space belongs between two neighbours."""
    if left == GROUP_HEAD:
        return False
    return right == _OPENING or not (_is_operator(left) or _is_operator(right))


def _is_operator(node: Node) -> bool:
    return isinstance(node, Token) and node.kind is Kind.OPERATOR


class _Arrangement:
    """One walk to the left."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = len(tokens) - 1
        self._done: list[Node] = []
        """What is finished, rightmost first."""
        self._words: list[Token] = []
        """The address that is growing, rightmost first."""
        self._in_group = False
        self._expects_word = True
        """The word to come belongs to the growing address."""
        while self._at >= 0:
            self._step(tokens[self._at])
        self._end_address(with_comma=False)
        self.nodes = self._done[::-1]

    def _step(self, token: Token) -> None:
        if token.kind is Kind.COMMENT:
            self._done.append(token)
        elif token.kind in _WORDS:
            self._take_word(token)
        elif token.text == ">":
            self._take_route()
            self._take_name()
            return
        elif token.text == ";":
            self._end_address(with_comma=True)
            self._done.append(token)
            self._in_group, self._expects_word = True, False
        elif token.text == ":" and self._in_group:
            self._end_address(with_comma=False)
            self._done.append(GROUP_HEAD)
            self._at -= 1
            self._take_until(",")
            return
        elif token.text == ",":
            self._end_address(with_comma=False)
            self._done.append(token)
            self._expects_word = True
        else:
            self._words.append(token)
            self._expects_word = True
        self._at -= 1

    def _take_word(self, token: Token) -> None:
        if not self._expects_word:
            self._end_address(with_comma=True)
        self._words.append(token)
        self._expects_word = False

    def _take_route(self) -> None:
        """Take what stands in angle brackets as one address; without the opening one, that is all there is."""
        self._end_address(with_comma=True)
        self._done.append(self._tokens[self._at])
        self._at -= 1
        while self._at >= 0 and self._tokens[self._at] != _OPENING:
            token = self._tokens[self._at]
            (self._done if token.kind is Kind.COMMENT else self._words).append(token)
            self._at -= 1
        self._end_address(with_comma=False)

    def _take_name(self) -> None:
        """Leave the name in front of angle brackets, and them, as they are."""
        self._take_until(_ENDS_OF_NAME)
        self._expects_word = True
        if self._at >= 0 and self._tokens[self._at].text == ":" and not self._in_group:
            self._done.append(self._tokens[self._at])
            self._at -= 1

    def _take_until(self, ends: frozenset[str] | str) -> None:
        while self._at >= 0:
            token = self._tokens[self._at]
            if token.kind is Kind.OPERATOR and token.text in ends:
                return
            self._done.append(token)
            self._at -= 1

    def _end_address(self, *, with_comma: bool) -> None:
        if not self._words:
            return
        self._done.append(Address("".join(map(_write_inside, reversed(self._words)))))
        self._words.clear()
        if with_comma:
            self._done.append(_COMMA)


def _write_inside(token: Token) -> str:
    return ", " if token == _COMMA else write(token)

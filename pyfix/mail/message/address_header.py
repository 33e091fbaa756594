"""The addresses in a header such as To: or From:, and the header written anew with other ones. Pure.

    a@b, "C D" <c@d> (comment), friends: e@f, g@h;

A header in which nothing has to change is never written anew: spacing, quotes and comments stay as the sender made
them. `is_plain` recognises the usual case with one regular expression. What is written anew gets as many addresses on a
line as fit, in Postfix's form. Total: any text yields some list of addresses.
See: RFC 5322 section 3.4; ADDRESS_REWRITING_README.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyfix.mail.address.tokens import Kind, Token, external, find, scan

_FOLD_COLUMN: Final = 70
_PLAIN_ADDRESS: Final = rb"[\w#$&'*+/=?^`{|}~-]++(?:\.[\w#$&'*+/=?^`{|}~-]++)*+@[\w-]++(?:\.[\w-]++)++"
_PLAIN_PHRASE: Final = rb"""[^<>,;:"()@\\\[\]]*+(?:"[^"\\\n]*+"[ \t]*+)?"""
_PLAIN_ITEM: Final = rb"\s*+(?:%b|%b<%b>)\s*+" % (_PLAIN_ADDRESS, _PLAIN_PHRASE, _PLAIN_ADDRESS)
_PLAIN: Final = re.compile(rb"%b(?:,%b)*+" % (_PLAIN_ITEM, _PLAIN_ITEM))
_WHITE: Final = re.compile(r"[\t\r\n]")
_UNQUOTED: Final = re.compile(r'["\\]')


def is_plain(value: bytes) -> bool:
    """True when every address in the value of a header is user@fully.qualified.domain, plainly written."""
    return _PLAIN.fullmatch(value) is not None


@dataclass(slots=True)
class _Address:
    tokens: list[Token]
    comments: list[str] = field(default_factory=list)
    phrase: str | None = None
    """What stands before the angle brackets; None when there are none."""
    is_routed: bool = False

    def __post_init__(self) -> None:
        """Drop the hosts of @host,@host:user@domain."""
        if self.tokens and self.tokens[0].is_operator("@") and (colon := find(self.tokens, ":")) >= 0:
            self.tokens = self.tokens[colon + 1 :]
            self.is_routed = True

    @property
    def text(self) -> str:
        """The address; white space inside quotes is blanks, folding must not get into an envelope."""
        return _WHITE.sub(" ", external(self.tokens))

    def render(self, address: str) -> str:
        if self.phrase is not None:
            address = f"{self.phrase} <{address}>" if self.phrase else f"<{address}>"
        return " ".join([address, *self.comments])


_Element = _Address | str
"""An address, or one of ",", ";" and a group's name with its colon."""


class AddressHeader:
    """The value of one header, taken apart."""

    def __init__(self, value: bytes, token_limit: int) -> None:
        tokens = scan(value.decode("utf-8", "surrogateescape"))
        self._elements: list[_Element] = list(_parse(tokens[:token_limit]))
        self.is_routed = any(isinstance(element, _Address) and element.is_routed for element in self._elements)
        """True when an address had a source route (RFC 5321 appendix C), which nobody may use any more."""
        self.addresses = [element.text for element in self._elements if isinstance(element, _Address)]
        """In external form, in order; "" for <>."""

    def render(self, addresses: Sequence[str], name_length: int = 0) -> bytes:
        """Return the value with these addresses in place of the old ones, folded as behind a name of this length."""
        return _fold(self._render_lines(addresses), name_length + 2).encode("utf-8", "surrogateescape")

    def _render_lines(self, addresses: Sequence[str]) -> list[str]:
        """Return one line for each comma."""
        new = iter(addresses)
        lines = [""]
        for before, element in zip([",", *self._elements], self._elements, strict=False):
            if isinstance(element, _Address):
                if isinstance(before, _Address):
                    lines[-1] += ","
                    lines.append("")
                elif before != "," or (len(lines) == 1 and lines[-1]):
                    lines[-1] += " "
                lines[-1] += element.render(next(new))
            elif element == ",":
                lines[-1] += ","
                lines.append("")
            else:
                lines[-1] += element
        return lines


def _fold(lines: list[str], indent: int) -> str:
    """Join lines with a space while they fit; the others begin with a tab. `indent` stands before the first."""
    folded = lines[:1]
    for line in lines[1:]:
        if indent + len(folded[-1]) + 1 + len(line) < _FOLD_COLUMN:
            folded[-1] += f" {line}"
        else:
            folded.append(line)
            indent = 0
    return "\n\t".join(folded)


def _parse(tokens: Sequence[Token]) -> Iterator[_Element]:
    """Yield the elements of a list of addresses."""
    words: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.is_operator("<"):
            end = _find_closing(tokens, index)
            route = [inner for inner in tokens[index + 1 : end] if inner.kind is not Kind.COMMENT]
            yield _Address(route, [], _phrase(words))
            words = []
            index = end
        elif token.is_operator(":") and words and not any(word.is_operator("@") for word in words):
            yield f"{_phrase(words)}:"
            words = []
        elif token.is_operator(",") or token.is_operator(";"):
            yield from _split_words(words)
            yield token.text
            words = []
        elif not token.is_operator(">"):
            words.append(token)
        index += 1
    yield from _split_words(words)


def _find_closing(tokens: Sequence[Token], start: int) -> int:
    for index in range(start + 1, len(tokens)):
        if tokens[index].is_operator(">"):
            return index
    return len(tokens)


def _split_words(words: Sequence[Token]) -> Iterator[_Address]:
    """Yield the addresses without angle brackets: two words without an operator between them are two addresses."""
    comments: list[str] = []
    parts: list[list[Token]] = []
    joined = False
    for word in words:
        if word.kind is Kind.COMMENT:
            comments.append(word.text)
            continue
        is_operator = word.kind is Kind.OPERATOR
        if parts and (joined or is_operator):
            parts[-1].append(word)
        else:
            parts.append([word])
        joined = is_operator
    for number, part in enumerate(parts, 1):
        yield _Address(part, comments if number == len(parts) else [])


def _phrase(words: Sequence[Token]) -> str:
    return " ".join(_quote(word) for word in words)


def _quote(word: Token) -> str:
    if word.kind is Kind.QUOTED:
        return '"' + _UNQUOTED.sub(_escape, word.text) + '"'
    return word.text


def _escape(found: re.Match[str]) -> str:
    return "\\" + found.group()


def split_addresses(text: str) -> list[str]:
    """Return the addresses in a list such as a table's value or a command's argument."""
    return AddressHeader(text.encode("utf-8", "surrogateescape"), len(text) + 1).addresses

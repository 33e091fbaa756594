r"""Take an address apart into RFC 822 tokens and put it together again.

Rewriting works on tokens, so that an `@` inside quotes is never taken for the one that separates the domain. Total:
any text has tokens. Unfinished quotes and brackets end with the text; white space only separates.
See: RFC 5322 section 3.2; the operators `%` and `!` are tokens too, for user%site and site!user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple

from pyfix.mail.address.quote import quote_address, quote_local


class Kind(Enum):
    """What a token is."""

    ATOM = "atom"
    QUOTED = "quoted"
    """A quoted string or an escaped character; the text is without quotes and backslashes."""
    LITERAL = "literal"
    """A domain literal with its brackets."""
    COMMENT = "comment"
    """A comment with its parentheses."""
    OPERATOR = "operator"
    """One of the special characters."""


class Token(NamedTuple):
    """One token."""

    kind: Kind
    text: str

    def is_operator(self, char: str) -> bool:
        """True for this special character, unquoted."""
        return self.kind is Kind.OPERATOR and self.text == char


OPERATORS: Final = frozenset("<>@,;:.%!|")
_ENDS_ATOM: Final = OPERATORS | frozenset('()[]"\\ \t\r\n')
_NEEDS_QUOTES: Final = re.compile(r'[<>@,;:.%!|("\[\\\x00-\x20\x7f]')
"""What gets into an atom behind a backslash only, and makes a quoted string of it."""
AT: Final = Token(Kind.OPERATOR, "@")
DOT: Final = Token(Kind.OPERATOR, ".")


def scan(text: str) -> list[Token]:
    """Return the tokens of an address in external form."""
    tokens: list[Token] = []
    index, end = 0, len(text)
    while index < end:
        char = text[index]
        if char in " \t\r\n":
            index += 1
        elif char in OPERATORS:
            tokens.append(Token(Kind.OPERATOR, char))
            index += 1
        elif char == '"':
            content, index = _until(text, index + 1, '"')
            tokens.append(Token(Kind.QUOTED, content))
        elif char == "[":
            content, index = _until(text, index + 1, "]")
            tokens.append(Token(Kind.LITERAL, f"[{content}]"))
        elif char == "(":
            content, index = _comment(text, index)
            tokens.append(Token(Kind.COMMENT, content))
        else:
            content, index = _atom(text, index)
            tokens.append(Token(Kind.QUOTED if _NEEDS_QUOTES.search(content) else Kind.ATOM, content))
    return tokens


def _until(text: str, index: int, closing: str) -> tuple[str, int]:
    """Return what comes before the closing character, without backslashes, and the index behind it."""
    parts: list[str] = []
    end = len(text)
    while index < end and text[index] != closing:
        if text[index] == "\\" and index + 1 < end:
            index += 1
        parts.append(text[index])
        index += 1
    return "".join(parts), index + 1


def _comment(text: str, start: int) -> tuple[str, int]:
    """Return a comment with its parentheses (comments nest) and the index behind it."""
    depth = 0
    index, end = start, len(text)
    while index < end:
        char = text[index]
        if char == "\\":
            index += 1
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                break
        index += 1
    return text[start : index + 1], index + 1


def _atom(text: str, index: int) -> tuple[str, int]:
    """Return an atom and the index behind it; a backslash takes the next character in, whatever it is."""
    parts: list[str] = []
    end = len(text)
    while index < end:
        char = text[index]
        if char == "\\" and index + 1 < end:
            index += 1
            parts.append(text[index])
        elif char in _ENDS_ATOM and char not in "\\)]":
            break
        elif char != "\\":
            parts.append(char)
        index += 1
    return "".join(parts), index


def internal(tokens: Iterable[Token]) -> str:
    """Return the text of the tokens in internal form, words separated by a space."""
    parts: list[str] = []
    before: Token | None = None
    for token in tokens:
        if before is not None and _need_space(before, token):
            parts.append(" ")
        parts.append(token.text)
        before = token
    return "".join(parts)


def external(tokens: list[Token]) -> str:
    """Return the address in external form, with no more quotes than it needs."""
    if tokens and tokens[0] == AT and (colon := find(tokens, ":")) >= 0:
        return internal(tokens[: colon + 1]) + (external(tokens[colon + 1 :]) or '""')
    position = rfind(tokens, "@")
    if position < 0:
        return quote_address(internal(tokens))
    return f"{quote_local(internal(tokens[:position]))}@{internal(tokens[position + 1 :])}"


def normalize_address(address: str) -> str:
    """Return an address with no more quotes than it needs; "" for the null address."""
    return external(scan(address))


def _need_space(left: Token, right: Token) -> bool:
    if left.is_operator(",") or right.is_operator("<"):
        return True
    if left.kind is Kind.OPERATOR:
        return False
    return right.kind is not Kind.OPERATOR


def rfind(tokens: list[Token], operator: str) -> int:
    """Return the index of the last such operator, or -1."""
    for index in range(len(tokens) - 1, -1, -1):
        if tokens[index].is_operator(operator):
            return index
    return -1


def find(tokens: list[Token], operator: str) -> int:
    """Return the index of the first such operator, or -1."""
    for index, token in enumerate(tokens):
        if token.is_operator(operator):
            return index
    return -1

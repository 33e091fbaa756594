"""The words of a file of MySQL statements, with the lines where they stand.

Comments are left out, those with conditional statements too. A text in quotes has its escapes undone.
See: the MySQL manual, "Literal Values" and "Comment Syntax".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pyfix.mail.accounts.exchange.entries import BrokenFile

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|--(?=\s|\Z)[^\n]*|\#[^\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    |`(?P<name>(?:[^`]|``)*)`
    |(?P<hex>0x[0-9A-Fa-f]+|[xX]'[0-9A-Fa-f]*')
    |(?P<number>[+-]?[0-9]+(?:\.[0-9]+)?)
    |(?P<word>[^\W\d][\w$]*|@+\w*)
    |(?P<sign>/(?!\*)|[^'"`/])""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(.)|''|\"\"", re.DOTALL)
_ESCAPED: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}


class Kind(Enum):
    """What a token is."""

    TEXT = "text"
    NAME = "name"
    NUMBER = "number"
    WORD = "word"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Token:
    """One token."""

    kind: Kind
    text: str
    line: int

    def is_word(self, *words: str) -> bool:
        """Return whether it is one of the words, which are in capitals."""
        return self.kind is Kind.WORD and self.text.upper() in words

    def is_sign(self, sign: str) -> bool:
        """Return whether it is this sign."""
        return self.kind is Kind.SIGN and self.text == sign


def statements(text: str, file: str) -> Iterator[list[Token]]:
    """Yield the tokens of each statement, without the semicolon; raises BrokenFile.

    USE needs none: for the client of MySQL it ends with its line.
    """
    statement: list[Token] = []
    for token in _tokens(text, file):
        is_past_use = len(statement) == 2 and statement[0].is_word("USE") and token.line > statement[1].line
        if token.is_sign(";") or is_past_use:
            if statement:
                yield statement
            statement = []
        if not token.is_sign(";"):
            statement.append(token)
    if statement:
        yield statement


def _tokens(text: str, file: str) -> Iterator[Token]:
    position, line = 0, 1
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise BrokenFile(f"{file}, line {line}: {_what_is_open(text[position])} that never ends")
        token = _token(found, line)
        if token is not None:
            yield token
        line += text.count("\n", position, found.end())
        position = found.end()


def _what_is_open(sign: str) -> str:
    return "a comment" if sign == "/" else f"a text in {sign}"


def _token(found: re.Match[str], line: int) -> Token | None:
    text = found[0]
    match found.lastgroup:
        case "space":
            return None
        case "text":
            return Token(Kind.TEXT, _ESCAPE.sub(_unescape, text[1:-1]), line)
        case "name":
            return Token(Kind.NAME, found["name"].replace("``", "`"), line)
        case "hex":
            digits = text[2:].strip("'")
            data = bytes.fromhex(digits.rjust(len(digits) + len(digits) % 2, "0"))
            return Token(Kind.TEXT, data.decode("utf-8", "replace"), line)
        case kind:
            return Token(Kind(kind), text, line)


def _unescape(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[0][0]
    return _ESCAPED.get(found[1], found[1])

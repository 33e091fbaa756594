"""Find the address in `MAIL FROM:` and `RCPT TO:`, with the leniency that Postfix has.

The argument is parsed as an RFC 822 address: comments, white space around words, a route, a missing pair of angle
brackets and forgotten closing brackets of a domain literal are tolerated. Whatever would make two addresses is
refused. The result is in external form, quoted no more than needed; "" is the null address.
See: strict_rfc821_envelopes in postconf(5); the differential test compares with a real Postfix.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

from pyfix.mail.address.quote import quote_address

_SIMPLE: Final = re.compile(
    r"<([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)?>"
)
_WORD: Final = re.compile(r"""(?:[^\x00-\x20\x7f()<>@,;:\\".\[\]]|\\.)+""")
"""An atom; a backslash takes any character into it."""
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_SPACE: Final = " \t\r\n"
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\\.', re.DOTALL)


class BadPath(Exception):
    """No single address; `text` is what Postfix logs about it, "" for nothing."""

    def __init__(self, text: str) -> None:
        super().__init__("bad address syntax")
        self.text = text


def take_path(text: str) -> tuple[str, str]:
    """Return (address, what follows it); raise BadPath."""
    simple = _SIMPLE.match(text)
    if simple is not None:
        rest = text[simple.end() :]
        if not rest or rest[0] in _SPACE:
            return simple[1] or "", rest
    token, rest = _take_token(text.lstrip(_SPACE))
    return parse_path(token), rest


def is_strict(written: str) -> bool:
    """True when a path that is an address stands in angle brackets and has no comment."""
    path = written.strip(_SPACE)
    return path.startswith("<") and path.endswith(">") and "(" not in _QUOTED.sub("", path)


def _take_token(text: str) -> tuple[str, str]:
    """Cut at the first white space outside quotes and angle brackets."""
    index, end, closers = 0, len(text), ""
    while index < end:
        char = text[index]
        if char == "\\":
            index += 1
        elif closers and char == closers[-1]:
            closers = closers[:-1]
        elif char == '"':
            closers += '"'
        elif char == "<" and not closers:
            closers += ">"
        elif char in _SPACE and not closers:
            break
        index += 1
    if closers:
        raise BadPath("")
    return text[:index], text[index:]


def parse_path(text: str) -> str:
    """Return the one address in text, in external form; raise BadPath for none or several."""
    words = _tokens(text)
    words = _inside_brackets(words, text) if "<" in words else _outside_group(words)
    words = [word for word in words if word not in ("<", ">")]
    if words and words[0] == "@" and ":" in words:
        words = words[words.index(":") + 1 :]
    if "," in words or ";" in words or _has_adjacent_words(words):
        raise BadPath(text)
    internal = "".join(_internal(word) for word in words)
    return quote_address(internal)


def _tokens(text: str) -> list[str]:
    """Return words, quoted strings (with their first quote), literals and specials; comments and white space go."""
    tokens: list[str] = []
    index, end = 0, len(text)
    while index < end:
        char = text[index]
        if char == '"':
            index = _take_quoted(text, index + 1, tokens)
        elif char == "(":
            index = _skip_comment(text, index + 1)
        elif char == "[":
            close = text.find("]", index)
            stop = text.find(">", index)
            close = close if close >= 0 else (stop if stop >= 0 else end) - 1
            literal = text[index : close + 1]
            tokens.append(literal if literal.endswith("]") else literal + "]")
            index = close + 1
        elif (word := _WORD.match(text, index)) is not None:
            tokens.append('"' + _ESCAPE.sub(r"\1", word[0]) if "\\" in word[0] else word[0])
            index = word.end()
        else:
            if char > " " and char not in "\x7f)":
                tokens.append(char)
            index += 1
    return tokens


def _take_quoted(text: str, index: int, tokens: list[str]) -> int:
    value = '"'
    while index < len(text) and text[index] != '"':
        if text[index] == "\\" and index + 1 < len(text):
            index += 1
        value += text[index]
        index += 1
    tokens.append(value)
    return index + 1


def _skip_comment(text: str, index: int) -> int:
    depth = 1
    while index < len(text) and depth:
        char = text[index]
        if char == "\\":
            index += 1
        depth += (char == "(") - (char == ")")
        index += 1
    return index


def _inside_brackets(words: list[str], text: str) -> list[str]:
    """Return what stands between < and >; what else stands there must not be an address."""
    start = words.index("<")
    if ":" in words[:start]:
        raise BadPath(text)
    stop = words.index(">", start) if ">" in words[start:] else len(words)
    if any(_is_word(word) or word == "<" for word in words[stop + 1 :]):
        raise BadPath(text)
    return words[start + 1 : stop]


def _outside_group(words: list[str]) -> list[str]:
    """Return the members of `name: member;`, or all words when there is no group."""
    if ":" not in words or words[0] == "@":
        return words
    return words[words.index(":") + 1 : -1 if words[-1] == ";" else None]


def _is_word(token: str) -> bool:
    return token[0] in '"[' or _WORD.match(token) is not None


def _has_adjacent_words(words: list[str]) -> bool:
    return any(_is_word(left) and _is_word(right) for left, right in itertools.pairwise(words))


def _internal(word: str) -> str:
    return word[1:] if word[0] == '"' else word

"""texthash_table(5): the text that tables are made of, and tables that are that text.

    key   value

texthash:/file/name holds a text in memory: nothing has to be built after a change. The same text is the source of
the tables that postmap(1) builds, lmdb_table(5), which serve large ones better.

Format: a line without white space before it begins an entry, one with white space continues it. Empty lines and lines
whose first character is # do not count, also between a line and its continuation. The key ends at the first white
space; in double quotes it may hold some, and the quotes belong to it. The rest is the value.

Failures: a line that is wrong (no value, a quote without its fellow, no UTF-8, a NUL byte) is skipped with a warning
that names file and line. Of several entries with one key the first counts in a texthash, with a warning.

Example:

    # domains that we take mail for
    example.com        OK
    lists.example.com  REJECT lists have moved
        to lists.example.org

See: postmap(1), lmdb_table(5), lookup_tables(5)

Inside: input is read a line at a time, so that a table of any size needs no memory to speak of. alias_source.py makes
entries of the lines of alias files.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.mail.maps.table import Warn

SPACE: Final = " \t\r\n\v\f"
_PLAIN_KEY: Final = re.compile(rf'[^{SPACE}"\\]*(?=[{SPACE}]|\Z)')
"""A key without quotes and backslashes: almost all of them."""


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """The text of one logical line and the number of its first physical line."""

    text: str
    number: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One key with its value."""

    key: str
    value: str
    number: int


def logical_lines(physical: Iterable[bytes], path: str, warn: Warn, *, utf8: bool = True) -> Iterator[LogicalLine]:
    """Yield the logical lines; those that are no UTF-8, or hold NUL bytes, are left out with a warning.

    Without utf8 all bytes beyond ASCII are taken as they come, as surrogates.
    """
    for raw, number in _joined(physical, path, warn):
        try:
            text = raw.decode() if utf8 else raw.decode("ascii", "surrogateescape")
        except UnicodeDecodeError:
            text = shown(raw.decode("ascii", "replace"))
            warn(f'{path}, line {number}: non-UTF-8 input "{text}" -- ignoring this line')
            continue
        if "\0" in text:
            warn(f'{path}, line {number}: NUL byte in input "{shown(text)}" -- ignoring this line')
            continue
        yield LogicalLine(text, number)


def _joined(physical: Iterable[bytes], path: str, warn: Warn) -> Iterator[tuple[bytes, int]]:
    parts: list[bytes] = []
    first = 0
    for number, line in enumerate(physical, 1):
        if number == 1 and line.startswith(codecs.BOM_UTF8):
            warn(f"{path}, line 1: file starts with a byte order mark; save it as plain UTF-8 without BOM")
        stripped = line.strip()
        if not stripped or stripped.startswith(b"#"):
            continue
        if line[:1].isspace():
            if parts:
                parts.append(line.rstrip(b"\r\n"))
            else:
                warn(_leading_space(path, line))
            continue
        if parts:
            yield b"".join(parts).rstrip(), first
        parts, first = [line.rstrip(b"\r\n")], number
    if parts:
        yield b"".join(parts).rstrip(), first


def _leading_space(path: str, line: bytes) -> str:
    text = shown(line.decode("ascii", "replace").rstrip("\n"))
    return f'{path}: logical line must not start with whitespace: "{text}"'


def shown(text: str, limit: int = 100) -> str:
    """Return text fit for a message: one line, printable, not too long."""
    clean = "".join(char if char.isprintable() else "?" for char in text[:limit])
    return clean.replace("\ufffd", "?")


def first_word(text: str) -> str:
    """Return what stands before the first white space. Other control characters are none, unlike for str.split."""
    for index, char in enumerate(text):
        if char in SPACE:
            return text[:index]
    return text


def map_entries(lines: Iterable[LogicalLine], path: str, warn: Warn, *, lenient: bool = True) -> Iterator[Entry]:
    """Yield the entries of a `key whitespace value` text; lenient: a line without a value is skipped, and says so."""
    ignoring = " -- ignoring this line" if lenient else ""
    for line in lines:
        key, value, problem = split_map_line(line.text)
        if problem:
            warn(f"{path}, line {line.number}: {problem} -- ignoring this line")
        elif not key or not value:
            warn(f"{path}, line {line.number}: expected format: key whitespace value{ignoring}")
        else:
            if key.endswith(":"):
                warn(f'{path}, line {line.number}: record is in "key: value" format; is this an alias file?')
            yield Entry(key, value, line.number)


def split_map_line(text: str) -> tuple[str, str, str]:
    """Return (key, value, problem); white space inside double quotes belongs to the key, and the quotes stay."""
    plain = _PLAIN_KEY.match(text)
    if plain:
        return plain[0], text[plain.end() :].strip(SPACE), ""
    quoted = False
    index, end = 0, len(text)
    while index < end and (quoted or text[index] not in SPACE):
        if text[index] == "\\":
            index += 1
        elif text[index] == '"':
            quoted = not quoted
        index += 1
    if quoted:
        return "", "", f"unbalanced '\"' in '{shown(text)}'"
    return text[:index], text[index:].strip(SPACE), ""

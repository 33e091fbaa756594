"""Logical lines, the layer under main.cf and master.cf.

Empty lines and lines whose first non-blank character is "#" are skipped, also between a line and its continuation; a
line that starts with white space continues the one before. The text keeps its inner white space, the line
ends are gone. What no reader can make sense of is refused with file and line: NUL bytes, a byte order mark, text that
is not UTF-8 and carriage returns inside a line (in a comment they do no harm), a line without end. CR LF line ends are
read, with a warning.
See: postconf(5), master(5).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config.errors import ConfigError

LOGICAL_LINE_LIMIT: Final = 1024 * 1024
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
BLANKS: Final = " \t\r\n\f\v"


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """One logical line and the numbers of its first and last physical line, counted from 1."""

    text: str
    line: int
    last: int


def read_file(path: str) -> bytes:
    """Return the content of a configuration file; ConfigError says why it cannot be had.

    A pipe is not read: it would be waited for, or taken for an empty file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigError(f"open {path}: not a regular file; put a text file in its place")
            return file.read()
    except FileNotFoundError:
        raise ConfigError(f"open {path}: No such file or directory; specify its directory with -c") from None
    except IsADirectoryError:
        raise ConfigError(f"open {path}: Is a directory; put a text file in its place") from None
    except PermissionError:
        raise ConfigError(f"open {path}: Permission denied; make it readable for the user who runs this") from None
    except OSError as error:
        remedy = "; put a text file in its place" if error.errno == errno.ELOOP else ""
        raise ConfigError(f"open {path}: {error.strerror}{remedy}") from None
    except ValueError:
        raise ConfigError(f"open {path!r}: the name contains a NUL byte") from None


def warn_of_crlf(data: bytes, path: str) -> list[str]:
    """Return a warning about line ends that do not belong here."""
    return [f"{path}: lines end in CR LF; save the file with LF line ends"] if b"\r\n" in data else []


def decode(data: bytes, path: str) -> str:
    """Return the text of a configuration file; bytes that are no UTF-8 stay as surrogates until a line uses them."""
    if data.startswith(_BYTE_ORDER_MARKS):
        raise ConfigError(f"{path}, line 1: file starts with a byte order mark; save it as plain UTF-8 without BOM")
    nul = data.find(b"\0")
    if nul >= 0:
        line = data.count(b"\n", 0, nul) + 1
        raise ConfigError(f"{path}, line {line}: line contains a NUL byte; remove it or restore the file")
    return data.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


def is_comment(line: str) -> bool:
    """Return whether a physical line says nothing: blank, or its first other character is "#"."""
    stripped = line.lstrip(BLANKS)
    return not stripped or stripped[0] == "#"


def logical_lines(text: str, path: str) -> Iterator[LogicalLine]:
    """Yield the logical lines of a decoded file."""
    parts: list[str] = []
    first = last = 0
    for number, line in enumerate(text.split("\n"), 1):
        if is_comment(line):
            continue
        if line[0] not in BLANKS and parts:
            yield _logical_line(parts, first, last, path)
            parts = []
        if not parts:
            first = number
        parts.append(line)
        last = number
    if parts:
        yield _logical_line(parts, first, last, path)


def _logical_line(parts: list[str], first: int, last: int, path: str) -> LogicalLine:
    """Join physical lines after a check of what they may hold."""
    text = "".join(parts)
    if len(text) > LOGICAL_LINE_LIMIT:
        raise ConfigError(
            f"{path}, line {first}: line is longer than {LOGICAL_LINE_LIMIT} characters; use a table file"
        )
    if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        raise ConfigError(f"{path}, line {first}: line is not valid UTF-8 text; save the file as UTF-8")
    if "\r" in text.rstrip(BLANKS):
        raise ConfigError(f"{path}, line {first}: line contains a carriage return; save the file with LF line ends")
    return LogicalLine(text, first, last)

"""Content as it comes over the wire: where it ends, its dots, its line ends.

The input comes in pieces cut anywhere; the content that goes out is the same however it was cut. Line ends become
LF. Work is done on whole pieces with bytes methods, never line by line, but for input that is meant to annoy.

`DataReader` ends at a line with a lone dot (RFC 5321 section 4.1.1.4). With `strict` that is CRLF.CRLF and nothing
else; a lone dot on a line that ends otherwise is dropped, and a bare LF ends a line like CRLF. Without, every
mixture of LF and CRLF ends the message, as Postfix did before smtpd_forbid_bare_newline: two servers that disagree
about the end can be made to smuggle mail, so strict is the setting to use. `ChunkReader` is for BDAT: the length
tells the end, dots are plain text.

A carriage return that belongs to no line end becomes a space (cleanup_replace_stray_cr_lf): the next server might
see an end of data in it.
"""

from __future__ import annotations

import re
from typing import Final

_HOLD_LIMIT: Final = 4096
"""Longest unfinished line that is kept back; of a longer one only trailing carriage returns are."""
_CR_LIMIT: Final = 1024
"""Most carriage returns before a line feed that count as part of the line end."""
_STRAY_CR: Final = re.compile(rb"\r(?!\n)")
"""With translate, half the time that bytes.replace takes for the line ends of ordinary text."""
_LAX_END: Final = re.compile(rb"\n\.\r{0,%d}\n" % _CR_LIMIT)


def _trim(line: bytes) -> bytes:
    """Take the carriage returns off the end of a line that has lost one already: as many as belong to a line end."""
    stripped = line.rstrip(b"\r")
    surplus = len(line) - len(stripped) - (_CR_LIMIT - 1)
    return stripped + b"\r" * surplus if surplus > 0 else stripped


def _convert(text: bytes, strict: bool) -> bytes:
    """Return text, which ends with a line end or is a piece of a line, with LF line ends and without other CR."""
    if b"\r" not in text:
        return text
    if _STRAY_CR.search(text) is None:
        return text.translate(None, b"\r")
    text = text.replace(b"\r\n", b"\n")
    if not strict and b"\r\n" in text:
        *lines, last = text.split(b"\n")
        text = b"\n".join([*map(_trim, lines), last])
    return text.replace(b"\r", b" ")


def _held_back(text: bytes) -> int:
    """Return how many trailing bytes of an overlong line may still turn out to be a line end."""
    held = len(text) - len(text.rstrip(b"\r"))
    return min(held, _CR_LIMIT)


class DataReader:
    """The body of DATA."""

    __slots__ = ("_detects", "_pending", "_skip", "_strict", "bare_newline", "rest")

    def __init__(self, *, strict: bool, detect_bare_newline: bool = False) -> None:
        self._strict = strict
        self._detects = detect_bare_newline
        self._pending = b"\r\n"
        """The line end before the unfinished line, as if 354 had been a line of the client's, and that line so far."""
        self._skip = 1
        """1: pending begins with a line end that has gone out already."""
        self.bare_newline = False
        """A bare LF was seen (asked for with detect_bare_newline)."""
        self.rest: bytes | None = None
        """What follows the end of data; None until the end was seen."""

    def feed(self, data: bytes) -> bytes:
        """Take a piece of input and return the content that is certain now."""
        window = self._pending + data
        has_dots = b"\n." in window  # a search through everything: once is enough
        if has_dots:
            end, after = self._find_end(window)
            if end >= 0:
                self.rest = window[after:]
                self._pending = b""
                return self._content(window[:end], has_dots)
        cut = window.rfind(b"\n") + 1
        if self._skip and cut <= 2 and window[:cut] in (b"\r\n", b"\n"):
            cut = 0
        content = b""
        if cut:
            content = self._content(window[:cut], has_dots)
            start = cut - (2 if window[cut - 2 : cut] == b"\r\n" else 1)
            window = window[start:]
            self._skip = 1
        self._pending = window
        if len(window) > _HOLD_LIMIT:
            content += self._release()
        return content

    def _find_end(self, window: bytes) -> tuple[int, int]:
        """Return (end of the last line's line end, start of what follows), or (-1, -1)."""
        if self._strict:
            found = window.find(b"\r\n.\r\n")
            return (found + 2, found + 5) if found >= 0 else (-1, -1)
        match = _LAX_END.search(window)
        return (match.start() + 1, match.end()) if match else (-1, -1)

    def _content(self, text: bytes, has_dots: bool) -> bytes:
        """Return the content in text, which consists of whole lines behind the line end that went out before;
        without `has_dots` none begins with a dot."""
        if self._detects and not self.bare_newline:
            self.bare_newline = text.count(b"\n") != text.count(b"\r\n")
        text = _convert(text, self._strict)
        if has_dots:
            while self._strict and b"\n.\n" in text:
                text = text.replace(b"\n.\n", b"\n")
            text = text.replace(b"\n.", b"\n")
        return text[1:] if self._skip else text

    def _release(self) -> bytes:
        """Let go of an overlong line, but for what may be the beginning of its line end."""
        held = _held_back(self._pending)
        text = self._pending[: len(self._pending) - held]
        content = b""
        if len(text) > 2 * self._skip:
            content = self._part(text)
            self._pending = self._pending[len(text) :]
            self._skip = 0
        return content

    def _part(self, text: bytes) -> bytes:
        """Return a piece of a line, with the line end before it taken off and a leading dot too."""
        if self._skip:
            text = text[2:] if text.startswith(b"\r\n") else text[1:]
            if text.startswith(b"."):
                text = text[1:]
        return text.replace(b"\r", b" ")


class ChunkReader:
    """The content of BDAT chunks (RFC 3030): no dots, a length tells the end."""

    __slots__ = ("_detects", "_pending", "_strict", "bare_newline", "ends_line")

    def __init__(self, *, strict: bool, detect_bare_newline: bool = False) -> None:
        self._strict = strict
        self._detects = detect_bare_newline
        self._pending = b""
        self.bare_newline = False
        self.ends_line = True
        """The content so far ends with a line end."""

    def feed(self, data: bytes) -> bytes:
        """Take a piece and return the content that is certain now."""
        window = self._pending + data
        cut = len(window) - _held_back(window)
        self._pending = window[cut:]
        return self._content(window[:cut])

    def finish(self) -> bytes:
        """Return the last of the content; an unfinished last line is ended, because content is lines."""
        content = self._pending.replace(b"\r", b" ")
        self._pending = b""
        if content or not self.ends_line:
            content += b"\n"
            self.ends_line = True
        return content

    def _content(self, text: bytes) -> bytes:
        if not text:
            return text
        if self._detects and not self.bare_newline:
            self.bare_newline = text.count(b"\n") != text.count(b"\r\n")
        self.ends_line = text.endswith(b"\n")
        return _convert(text, self._strict)

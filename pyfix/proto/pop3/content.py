"""A message as it goes over the wire: line ends as CRLF, a dot before each dot that begins a line.

Works on chunks of any size with bytes.replace, never line by line: what is cut between two chunks is remembered in the
last bytes. TOP ends after the header and some lines of the body.
"""

from __future__ import annotations

from typing import Final

END: Final = b".\r\n"


class Encoder:
    """Encodes one message. The sum of what `encode` and `finish` return has CRLF line ends only."""

    __slots__ = ("_had_cr", "_is_line_start", "_lines", "_needs_eoh", "_no_nuls", "_tail", "in_body", "is_complete")

    def __init__(self, lines: int | None = None, *, no_nuls: bool = False, ends_header: bool = False) -> None:
        """lines: of the body, None for all; no_nuls: NUL becomes 0x80 (outlook-no-nuls); ends_header: a message whose
        header has no end gets one (oe-ns-eoh)."""
        self._lines = lines
        self._no_nuls = no_nuls
        self._needs_eoh = ends_header
        self._had_cr = False
        self._is_line_start = True
        self._tail = b"\r\n"
        """The end of what was encoded before, to see an empty line: as if the message began behind a line."""
        self.in_body = False
        self.is_complete = False
        """TOP has all that it wants: no more input is of use."""

    def encode(self, data: bytes) -> bytes:
        """Return the next chunk as it is to be sent."""
        if self.is_complete or not data:
            return b""
        data = self._with_crlf(data)
        if self._no_nuls:
            data = data.replace(b"\0", b"\x80")
        if not self.in_body and (self._lines is not None or self._needs_eoh):
            data = self._find_body(data)
        elif self._lines is not None:
            data = self._cut(data, 0)
        return self._with_dots(data)

    def finish(self) -> bytes:
        """Return what ends the message, before the line with the dot."""
        tail = b"\r\n" if self._had_cr or not self._is_line_start else b""
        self._had_cr = False
        self._is_line_start = True
        if self._needs_eoh and not self.in_body:
            tail += b"\r\n"
        return tail

    def _with_crlf(self, data: bytes) -> bytes:
        """Turn each LF that has no CR before it into CRLF. A CR at the end waits for what follows."""
        if self._had_cr:
            data = b"\r" + data
        self._had_cr = data.endswith(b"\r")
        if self._had_cr:
            data = data[:-1]
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        return data.replace(b"\n", b"\r\n")

    def _with_dots(self, data: bytes) -> bytes:
        if not data:
            return data
        stuffed = data.replace(b"\n.", b"\n..")
        if self._is_line_start and stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        self._is_line_start = data.endswith(b"\n")
        return stuffed

    def _find_body(self, data: bytes) -> bytes:
        """Look for the empty line that ends the header."""
        joined = self._tail + data
        found = joined.find(b"\r\n\r\n")
        if found < 0:
            self._tail = joined[-3:]
            return data
        self.in_body = True
        if self._lines is None:
            return data
        return self._cut(data, found + 4 - len(self._tail))

    def _cut(self, data: bytes, start: int) -> bytes:
        """Return the data up to the last line that TOP wants; the body begins at `start`, or began before."""
        wanted = self._lines or 0
        count = data.count(b"\n", start)
        if count < wanted:
            self._lines = wanted - count
            return data
        self.is_complete = True
        self._had_cr = False
        if not wanted:
            return data[:start]
        lines = data[start:].split(b"\n", wanted)
        return data[:start] + data[start : len(data) - len(lines[-1])]

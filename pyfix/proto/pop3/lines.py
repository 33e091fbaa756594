"""Input cut into lines of bounded length.

A line ends with LF; one CR before it belongs to the end. What is behind the last line stays for the next one, or for
whoever takes the connection over.
"""

from __future__ import annotations


class LineTooLong(Exception):
    """More than the limit has come without an end of line."""


class LineReader:
    """The input of one client."""

    __slots__ = ("_at", "_input")

    def __init__(self, data: bytes = b"") -> None:
        self._input = data
        self._at = 0

    def feed(self, data: bytes) -> None:
        """Add what has come."""
        self._input = self._input[self._at :] + data
        self._at = 0

    def next_line(self, limit: int) -> bytes | None:
        """Return the next line without its end, None when it is not whole yet; raise LineTooLong.

        `limit` counts the end of the line, too.
        """
        end = self._input.find(b"\n", self._at, self._at + limit)
        if end < 0:
            if len(self._input) - self._at >= limit:
                raise LineTooLong
            return None
        start, self._at = self._at, end + 1
        if end > start and self._input[end - 1] == 13:
            end -= 1
        return self._input[start:end]

    def starts_with(self, word: bytes) -> bool:
        """Return whether the next line begins so, in any case of letters."""
        return self._input[self._at : self._at + len(word)].upper() == word

    def take_rest(self) -> bytes:
        """Return what is not used up, and forget it."""
        rest = self._input[self._at :]
        self._input, self._at = b"", 0
        return rest

    def __len__(self) -> int:
        """Return how many bytes wait."""
        return len(self._input) - self._at

"""What the two ends of a session have said to each other, kept for the case that somebody must be told of it.

    heard   what the other end said, as bytes      said   what this end said, as text

Keeping costs next to nothing: what is kept is there anyway, and nothing is looked at before lines() is asked for. The
memory of one session is bounded: its beginning is kept, and its latest part; of a long one the middle goes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

HEAD_LIMIT: Final = 16 * 1024
"""Bytes of the beginning: who it is, and what they are about."""
LIMIT: Final = 64 * 1024
_ENTRY_SIZE: Final = 64
"""What an entry costs besides its characters, about."""


class Dialogue:
    """One session, or as much of it as a notice would be about."""

    __slots__ = ("_head", "_head_limit", "_size", "_tail", "line_count", "omitted")

    def __init__(self) -> None:
        self._head: list[bytes | str] = []
        self._tail: deque[bytes | str] | None = None
        """What does not fit into the head; None for nothing."""
        self._head_limit = HEAD_LIMIT
        """0 once the head is full."""
        self._size = 0
        self.line_count = 0
        """Lines since the beginning, whether they are still kept or not."""
        self.omitted = 0
        """Entries that are kept no more."""

    def heard(self, text: bytes) -> None:
        """Note one or more lines of the other end."""
        self.line_count += text.count(b"\n") + 1
        self._size += len(text) + _ENTRY_SIZE
        if self._size <= self._head_limit:
            self._head.append(text)
        else:
            self._keep(text)

    def said(self, text: str) -> None:
        """Note one or more lines of this end."""
        self.line_count += text.count("\n") + 1
        self._size += len(text) + _ENTRY_SIZE
        if self._size <= self._head_limit:
            self._head.append(text)
        else:
            self._keep(text)

    def _keep(self, entry: bytes | str) -> None:
        """Put an entry behind the head, and let go of as many as that is too much."""
        if self._tail is None:
            self._tail, self._head_limit = deque(), 0
        self._tail.append(entry)
        while self._size > LIMIT:
            self._size -= len(self._tail.popleft()) + _ENTRY_SIZE
            self.omitted += 1

    def clear(self) -> None:
        """Forget everything: what follows is another dialogue."""
        self._head.clear()
        self._tail, self._head_limit = None, HEAD_LIMIT
        self._size = self.line_count = self.omitted = 0

    def lines(self, heard: str, said: str, edit: Callable[[str], str] = str) -> list[str]:
        """Return the lines, each behind the word for its direction; `edit` is applied to what this end said.

        A NUL ends a line of the other end, and what is no UTF-8 becomes "?".
        """

        def spell(entry: bytes | str) -> list[str]:
            if isinstance(entry, str):
                return [said + line.rstrip("\r") for line in edit(entry).split("\n")]
            text = entry.decode("utf-8", "replace").replace("\ufffd", "?")
            return [heard + line.partition("\0")[0].rstrip("\r") for line in text.split("\n")]

        found = [line for entry in self._head for line in spell(entry)]
        if self.omitted:
            found.append(f"({self.omitted} commands and replies are left out here)")
        return found + [line for entry in self._tail or () for line in spell(entry)]

"""The content of a message on its way into an mbox or a command, changed as the receiver wants it.

Lines are never looked at one by one: a change is a replacement in large chunks, where a pattern that the end of a chunk
cuts in two is kept back for the next. Memory is a few chunks, whatever the size of the message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CopyStyle:
    """What is changed in the content."""

    quote_from: bool = False
    """">" before lines that begin with "From "."""
    quote_dot: bool = False
    """"." before lines that begin with "."."""
    eol: bytes = b"\n"

    @property
    def is_plain(self) -> bool:
        """True when nothing changes."""
        return not self.quote_from and not self.quote_dot and self.eol == b"\n"

    def apply(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the changed content; a last line without its end gets one."""
        held = b"\n"
        is_first = True
        for chunk in chunks:
            data = held + chunk
            cut = self._cut(data)
            data, held = data[:cut], data[cut:]
            if data:
                yield self._change(data, is_first)
                is_first = False
        rest = self._change(held if held.endswith(b"\n") else held + b"\n", is_first)
        if rest:
            yield rest

    def _cut(self, data: bytes) -> int:
        """Return where a line end that may start a pattern stands among the last bytes."""
        found = data.rfind(b"\n", max(0, len(data) - 5))
        return len(data) if found < 0 else found

    def _change(self, data: bytes, is_first: bool) -> bytes:
        """Change one piece; the first has a line end before it that is not the message's."""
        if self.quote_from and b"\nFrom " in data:
            data = data.replace(b"\nFrom ", b"\n>From ")
        if self.quote_dot:
            data = data.replace(b"\n.", b"\n..")
        if is_first:
            data = data[1:]
        return data if self.eol == b"\n" else data.replace(b"\n", self.eol)

"""Make the wire form of a message: CRLF line ends, leading dots doubled, overlong lines broken.

Works on chunks of any size with a few calls of `bytes` methods each; no loop over lines. A line of more than
`line_limit` bytes is broken with CRLF and a space, which keeps a header one header (smtp_line_length_limit).
How the message is cut into chunks never changes the outcome. The final "." is the session's.
See: RFC 5321 sections 2.3.8, 4.5.2, 4.5.3.1.6.
"""

from __future__ import annotations


class ContentEncoder:
    """Encodes one message."""

    __slots__ = ("_limit", "_tail", "_unended", "broke_line")

    def __init__(self, line_limit: int = 998) -> None:
        """`line_limit` 0 stands for no limit."""
        self._limit = line_limit
        self._tail = b""
        self._unended = False
        self.broke_line = False
        """True once a line was longer than the limit."""

    def encode(self, chunk: bytes) -> bytes:
        """Return what can go out now; with a limit, at most that many bytes wait for the end of their line."""
        if not self._limit:
            return self._encode_unlimited(chunk)
        data = self._tail + chunk if self._tail else chunk
        cut = data.rfind(b"\n") + 1
        self._tail = data[cut:]
        lines = data if cut == len(data) else data[:cut]
        return _stuffed(self._break_lines(lines) + self._break_tail())

    def finish(self) -> bytes:
        """Return the rest; a missing line end is added."""
        if self._unended:
            self._unended = False
            return b"\r\n"
        if not self._tail:
            return b""
        rest, self._tail = self._tail + b"\n", b""
        return _stuffed(rest)

    def _encode_unlimited(self, chunk: bytes) -> bytes:
        if not chunk:
            return b""
        inside, self._unended = self._unended, not chunk.endswith(b"\n")
        return _stuffed(b"x" + chunk)[1:] if inside else _stuffed(chunk)

    def _break_lines(self, data: bytes) -> bytes:
        """Return complete lines with none longer than the limit; the very same object when none was."""
        limit = self._limit
        pieces: list[bytes] = []
        done = position = 0
        size = len(data)
        while size - position > limit:
            newline = data.rfind(b"\n", position, position + limit + 1)
            if newline >= 0:
                position = newline + 1
                continue
            end = data.index(b"\n", position)
            pieces += (data[done:position], self._broken(data[position:end]))
            done = position = end
        if not pieces:
            return data
        return b"".join(pieces) + data[done:]

    def _break_tail(self) -> bytes:
        """Return the part of an unfinished line that must be broken off already."""
        if len(self._tail) <= self._limit:
            return b""
        broken = self._broken(self._tail)
        cut = broken.rfind(b"\n") + 1
        self._tail = broken[cut:]
        return broken[:cut]

    def _broken(self, line: bytes) -> bytes:
        """Return one overlong line in pieces of at most the limit, each after the first led by a space."""
        self.broke_line = True
        limit = self._limit
        step = max(limit - 1, 1)
        rest = [b" " + line[at : at + step] for at in range(limit, len(line), step)]
        return b"\n".join([line[:limit], *rest])


def _stuffed(lines: bytes) -> bytes:
    """Return lines, which start at a line start, with dots doubled and CRLF ends (RFC 5321 section 4.5.2)."""
    if lines.startswith(b"."):
        lines = b"." + lines
    return lines.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")

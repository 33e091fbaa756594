"""Make a message with 8-bit content fit for a server without 8BITMIME: quoted-printable instead (RFC 6152 section 3).

Only what is declared as 8bit or binary is converted, part by part; a multipart or a message that was declared so
becomes 7bit, since its parts are converted. Text in headers and 8-bit bytes in parts that claim to be 7bit stay as they
are: what is not declared can't be converted without guessing.

Takes and gives lines with LF, in chunks of any size. It works line by line, which is slow, and for this rare case
alone.
See: RFC 2045 section 6.7, RFC 2046 section 5.1; disable_mime_output_conversion in postconf(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_BOUNDARY_LIMIT: Final = 2048
_NESTING_LIMIT: Final = 100
_HEADER_LIMIT: Final = 512 * 1024
_LINE_PIECE: Final = 32 * 1024
_LINE_LENGTH: Final = 72
"""A line that is longer is broken; with the last token and "=" it has at most 76 characters (RFC 2045 section 6.7)."""
_FIELD: Final = re.compile(rb"^([!-9;-~]{1,100})[ \t]*:[ \t]*", re.ASCII)
_BOUNDARY: Final = re.compile(
    rb';[ \t\n]*boundary[ \t]*=[ \t]*(?:"((?:[^"\\\n]|\\.){0,4096})"|([^\s;"]{1,4096}))', re.I
)
_UNSAFE: Final = re.compile(rb"[^\t -<>-~]")
_ENCODED: Final = re.compile(rb"=[0-9A-F]{2}|[^=]")


class TooDeep(Exception):
    """The message has more nested parts than anybody needs."""


@dataclass(slots=True)
class _Entity:
    """What the header block of a message or a part says."""

    kind: bytes = b"text/plain"
    boundary: bytes = b""
    is_8bit: bool = False
    lines: list[bytes] = field(default_factory=list)
    """Without Content-Transfer-Encoding where that is replaced."""


class Downgrader:
    """Converts one message."""

    __slots__ = ("_boundaries", "_encodes", "_header", "_header_size", "_in_header", "_mid_line", "_tail")

    def __init__(self) -> None:
        self._tail = b""
        self._in_header = True
        self._header: list[bytes] = []
        self._header_size = 0
        self._encodes = False
        self._mid_line = False
        self._boundaries: list[bytes] = []

    def convert(self, chunk: bytes) -> bytes:
        """Return what is ready; raise TooDeep for a message that is nested beyond reason."""
        data = self._tail + chunk
        cut = data.rfind(b"\n") + 1
        out = [self._line(line) for line in _split(data[:cut])] if cut else []
        self._tail = data[cut:]
        if len(self._tail) > _LINE_PIECE:
            if self._in_header and self._header_size + len(self._tail) > _HEADER_LIMIT:
                out.append(self._give_up_header())
            if not self._in_header:
                out.append(self._piece())
        return b"".join(out)

    def finish(self) -> bytes:
        """Return the rest."""
        out = self._line(self._tail) if self._tail else b""
        self._tail = b""
        if self._in_header:
            out += b"".join(self._end_header())
        return out

    def _piece(self) -> bytes:
        """Let go of the beginning of a very long line; it is no boundary."""
        piece, self._tail = self._tail, b""
        self._mid_line = True
        return _quoted(piece) + b"=\n" if self._encodes else piece

    def _line(self, line: bytes) -> bytes:
        if self._in_header:
            return self._header_line(line)
        whole, self._mid_line = not self._mid_line, False
        if whole and line.startswith(b"--") and self._boundaries and self._is_boundary(line):
            return line
        return _quoted(line) if self._encodes else line

    def _header_line(self, line: bytes) -> bytes:
        if line.strip(b"\r\n") == b"":
            return b"".join([*self._end_header(), line])
        if line.startswith(b"--") and self._is_boundary(line):
            header, self._header = self._header, []
            return b"".join([*header, line])
        self._header.append(line)
        self._header_size += len(line)
        return self._give_up_header() if self._header_size > _HEADER_LIMIT else b""

    def _give_up_header(self) -> bytes:
        """What goes on for so long is no header block: leave it and its body as they are."""
        self._in_header = self._encodes = False
        header, self._header = self._header, []
        return b"".join(header)

    def _is_boundary(self, line: bytes) -> bool:
        """Go on to the next part, or behind the last, when the line ends one."""
        text = line.rstrip(b" \t\r\n")
        for depth in range(len(self._boundaries) - 1, -1, -1):
            boundary = self._boundaries[depth]
            if not text.startswith(boundary):
                continue
            self._encodes = False
            if text[len(boundary) :].startswith(b"--"):
                del self._boundaries[depth:]
                self._in_header = False
            else:
                del self._boundaries[depth + 1 :]
                self._start_header()
            return True
        return False

    def _start_header(self) -> None:
        self._in_header = True
        self._header = []
        self._header_size = 0

    def _end_header(self) -> list[bytes]:
        """Return the lines of the header block, and prepare for the body."""
        entity = _parse_header(self._header)
        self._header = []
        self._in_header = self._encodes = False
        if entity.kind.startswith(b"multipart/") and entity.boundary:
            self._boundaries.append(b"--" + entity.boundary[:_BOUNDARY_LIMIT])
            if len(self._boundaries) > _NESTING_LIMIT:
                raise TooDeep
        elif entity.kind in (b"message/rfc822", b"message/global"):
            self._start_header()
        elif entity.is_8bit and not entity.kind.startswith((b"multipart/", b"message/")):
            self._encodes = True
        if not entity.is_8bit:
            return entity.lines
        encoding = b"quoted-printable" if self._encodes else b"7bit"
        return [*entity.lines, b"Content-Transfer-Encoding: " + encoding + b"\n"]


def _split(data: bytes) -> list[bytes]:
    """Return the lines of data, which ends with LF, each with its LF; splitlines() would also split at CR."""
    return [line + b"\n" for line in data[:-1].split(b"\n")]


def _parse_header(lines: list[bytes]) -> _Entity:
    entity = _Entity()
    fields: list[list[bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1].append(line)
        else:
            fields.append([line])
    for parts in fields:
        text = b"".join(parts)
        found = _FIELD.match(text)
        name = found.group(1).lower() if found else b""
        value = text[found.end() :] if found else b""
        if name == b"content-type":
            entity.kind = value.split(b";", 1)[0].strip().lower()
            boundary = _BOUNDARY.search(value)
            if boundary:
                entity.boundary = re.sub(rb"\\(.)", rb"\1", boundary.group(1) or b"") or boundary.group(2) or b""
        elif name == b"content-transfer-encoding" and value.strip().lower() in (b"8bit", b"binary"):
            entity.is_8bit = True
            continue
        entity.lines += parts
    return entity


def _quoted(line: bytes) -> bytes:
    """Return one line in quoted-printable; a line end is kept, everything else that is not plain text encoded."""
    body = line.rstrip(b"\n")
    end = line[len(body) :]
    text = _UNSAFE.sub(lambda found: b"=%02X" % found.group()[0], body)
    if text.endswith((b" ", b"\t")):
        text = text[:-1] + b"=%02X" % text[-1]
    if len(text) <= _LINE_LENGTH:
        return text + end
    pieces: list[bytes] = []
    current = b""
    for token in _ENCODED.findall(text):
        if len(current) > _LINE_LENGTH:
            pieces.append(current)
            current = b""
        current += token
    return b"=\n".join([*pieces, current]) + end

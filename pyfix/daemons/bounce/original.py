"""The message that a notice returns: its whole content, or its header block, in pieces.

Reads through a function from offset and size to bytes, so that neither a queue file nor a size limit matters here.
Whatever can't be read is replaced by a line that says so: a notice is sent in any case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

_CHUNK: Final = 256 * 1024
_HEADER_LIMIT: Final = 1024 * 1024
"""More header than this is not searched for its Message-ID, and not returned."""
UNAVAILABLE: Final = b"\t--- Undelivered message unavailable ---\n"
_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(?:\n[ \t]+)?(<[^<>\s]{1,900}>)", re.IGNORECASE | re.MULTILINE)


class Original:
    """Content of `length` bytes, from `read(offset, size)`; without a read function it is unavailable."""

    def __init__(self, read: Callable[[int, int], bytes] | None, length: int) -> None:
        self._read = read
        self.length = length

    def whole(self) -> Iterator[bytes]:
        """Yield the content, ending with a line end."""
        if self._read is None:
            yield UNAVAILABLE
            return
        offset, last = 0, b"\n"
        while data := self._read(offset, _CHUNK):
            yield data
            offset += len(data)
            last = data[-1:]
        if last != b"\n":
            yield b"\n"

    def header(self) -> Iterator[bytes]:
        """Yield the header block, without the empty line that ends it."""
        if self._read is None:
            yield UNAVAILABLE
            return
        yield self._header_block()

    def message_id(self) -> str:
        """Return the value of the first Message-ID: header, with its angle brackets; "" when there is none."""
        match = _MESSAGE_ID.search(self._header_block())
        return match[1].decode("ascii", "replace") if match else ""

    def _header_block(self) -> bytes:
        """Return all header lines, as far as the limit goes."""
        if self._read is None:
            return b""
        data = b""
        while len(data) < _HEADER_LIMIT and (chunk := self._read(len(data), _CHUNK)):
            data += chunk
            if data.startswith(b"\n"):
                return b""
            if (end := data.find(b"\n\n")) >= 0:
                return data[: end + 1]
        cut = data.rfind(b"\n", 0, _HEADER_LIMIT) + 1
        return data[:cut]

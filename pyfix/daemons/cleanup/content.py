"""The content of one submission: in the request, or spooled in the queue file; its head is found and stored alike.

A header block longer than HEAD_LIMIT is cut at its last complete header: the rest passes as body, unread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.message.header import HeaderBlock, cut_block, parse_header_block
from pyfix.mail.queue import NewFile, QueueFileInfo

HEAD_LIMIT: Final = 1024 * 1024
_FIRST_READ: Final = 16 * 1024
_CHUNK: Final = 256 * 1024


class Content:
    """What was submitted, with its header block found."""

    def __init__(self, file: NewFile, body: bytes | None, *, replace_cr: bool) -> None:
        self._file = file
        self._is_spooled = body is None
        if body is not None:
            self.data = body.replace(b"\r", b" ") if replace_cr and b"\r" in body else body
            self.size = len(body)
            self.block = parse_header_block(self.data)
        else:
            if replace_cr:
                _replace_spooled_cr(file)
            self.size = file.spooled
            self.data, self.block = _read_spooled_head(file)

    def write(self, envelope: Envelope, recipients: list[Recipient], head: Sequence[bytes]) -> QueueFileInfo:
        """Write the file with `head` in place of the header block; it is not complete yet."""
        end = self.block.end
        if end < self.size and self.data[end : end + 1] != b"\n":
            head = [*head, b"\n"]
        if self._is_spooled:
            return self._file.write(envelope, recipients, content=None, head=b"".join(head), replaced=end)
        return self._file.write(envelope, recipients, content=[*head, self.data[end:]])


def _read_spooled_head(file: NewFile) -> tuple[bytes, HeaderBlock]:
    """Read until the header block ends, a piece four times as long each time."""
    size = _FIRST_READ
    while True:
        data = file.read_head(size)
        block = parse_header_block(data)
        if not block.cut or len(data) < size:
            return data, block
        if size >= HEAD_LIMIT:
            return data, cut_block(block)
        size *= 4


def _replace_spooled_cr(file: NewFile) -> None:
    """Replace carriage returns in place; in honest mail there are none, and nothing is written."""
    for offset in range(0, file.spooled, _CHUNK):
        chunk = file.read_spooled(offset, _CHUNK)
        if b"\r" in chunk:
            file.overwrite(offset, chunk.replace(b"\r", b" "))

"""The header block of a message that goes out: its addresses found, and written anew with others in their place.

Headers without a new address go out as they are, to the byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pyfix.mail.address.tokens import normalize_address
from pyfix.mail.delivery import Content
from pyfix.mail.message.address_header import AddressHeader
from pyfix.mail.message.header import Header, HeaderBlock, cut_block, header_value, parse_header_block
from pyfix.mail.message.kinds import KINDS

_FIRST_READ: Final = 16 * 1024


def read_head(content: Content, limit: int) -> tuple[bytes, HeaderBlock]:
    """Return the beginning of the content and its header block: read a piece four times as long until that ends."""
    size = _FIRST_READ
    while True:
        data = content.read() if content.is_small else content.read_range(0, size)
        block = parse_header_block(data)
        if not block.cut or len(data) == content.length:
            return data, block
        if size >= limit:
            return data, cut_block(block)
        size *= 4


class OutgoingHead:
    """One header block."""

    def __init__(self, data: bytes, block: HeaderBlock) -> None:
        self._data = data
        self._end = block.end
        self._found = list(_find(data, block))
        self.addresses = [normalize_address(address) for _, header in self._found for address in header.addresses]
        self.stripped: list[str] = []
        """What `write` has dropped the text of."""

    def write(self, new: Mapping[str, str]) -> bytes:
        """Return the block with these addresses in place of the ones that they belong to."""
        parts = []
        done = 0
        for header, parsed in self._found:
            addresses = list(map(normalize_address, parsed.addresses))
            if not any(address in new for address in addresses):
                continue
            value = parsed.render([new.get(address, address) for address in addresses], len(header.name))
            name = self._data[header.start : header.start + len(header.name)]
            parts += [self._data[done : header.start], name, b": ", value, b"\n"]
            done = header.end
            self.stripped += parsed.stripped
        return b"".join([*parts, self._data[done : self._end]])


def _find(data: bytes, block: HeaderBlock) -> Iterator[tuple[Header, AddressHeader]]:
    """Yield the headers that have addresses, taken apart."""
    for header in block.headers:
        kind = KINDS.get(header.name)
        if kind is not None and kind.has_addresses:
            yield header, AddressHeader(header_value(data, header), header.end - header.start)

"""The bytes of a queue file: encoding, decoding and checking, without any input or output.

    preamble    128 bytes: magic, version, where everything lies, a checksum; last byte: flags that change in place
    (gap)       only in front of a content that was spooled; nobody reads it
    content     one contiguous range
    statuses    one byte a recipient, right after the content: R to do, D done; changed in place
    envelope    msgpack of Envelope
    table       length and checksum of each recipient block
    blocks      msgpack lists of up to 1,000 recipients each, so that a mailing of 100,000 is read piece by piece

The checksum of the preamble covers its own fields, the envelope and the table; each block has its own. The content has
none: reading 50 MB to look at an envelope would cost more than it tells. Whatever the bytes, decoding ends in a
consistent value or in CorruptFile.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from pyfix.mail.ipc.messages import Envelope, Recipient

MAGIC: Final = b"pyfixQ\r\n"
VERSION: Final = 1
PREAMBLE_SIZE: Final = 128
FLAGS_OFFSET: Final = PREAMBLE_SIZE - 1
GAP: Final = 64 * 1024
"""Where a spooled content begins: room for a header block that grows."""
BLOCK_RECIPIENTS: Final = 1000

TO_DO: Final = ord("R")
DONE: Final = ord("D")
PLAIN: Final = b" "
WARNED: Final = b"W"
"""A delay warning has been sent."""

_FIELDS = struct.Struct(">8sIQQQIII")
_CRC = struct.Struct(">I")
_TABLE_ROW = struct.Struct(">II")
_PADDING: Final = bytes(FLAGS_OFFSET - _FIELDS.size - _CRC.size)
_FLAGS: Final = (PLAIN, WARNED)

_encode = msgspec.msgpack.Encoder().encode
_decode_envelope = msgspec.msgpack.Decoder(Envelope).decode
_decode_recipients = msgspec.msgpack.Decoder(list[Recipient]).decode


class CorruptFile(Exception):
    """A queue file does not hold together; `reason` says in what."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of one file lie."""

    content_offset: int
    content_length: int
    envelope_length: int
    recipient_count: int
    total_length: int
    checksum: int
    warned: bool

    @property
    def statuses_offset(self) -> int:
        return self.content_offset + self.content_length

    @property
    def envelope_offset(self) -> int:
        return self.statuses_offset + self.recipient_count

    @property
    def block_count(self) -> int:
        return -(-self.recipient_count // BLOCK_RECIPIENTS)

    @property
    def table_length(self) -> int:
        return self.block_count * _TABLE_ROW.size

    @property
    def blocks_offset(self) -> int:
        return self.envelope_offset + self.envelope_length + self.table_length


@dataclass(frozen=True, slots=True)
class Block:
    """One row of the table: a stretch of the file that holds up to 1,000 recipients."""

    offset: int
    length: int
    checksum: int


def encode(
    envelope: Envelope, recipients: Sequence[Recipient], content_offset: int, content_length: int
) -> tuple[bytes, list[bytes]]:
    """Return the preamble, and the buffers that go right behind the content."""
    blocks = [
        _encode(recipients[start : start + BLOCK_RECIPIENTS]) for start in range(0, len(recipients), BLOCK_RECIPIENTS)
    ]
    table = b"".join([_TABLE_ROW.pack(len(block), zlib.crc32(block)) for block in blocks])
    body = _encode(envelope) + table
    count = len(recipients)
    total = content_offset + content_length + count + len(body) + sum(map(len, blocks))
    fields = _FIELDS.pack(
        MAGIC, VERSION, content_offset, content_length, total, len(body) - len(table), count, len(blocks)
    )
    checksum = zlib.crc32(body, zlib.crc32(fields))
    preamble = b"".join((fields, _CRC.pack(checksum), _PADDING, WARNED if envelope.delay_warned else PLAIN))
    return preamble, [b"R" * count, body, *blocks]


def decode_preamble(data: bytes, file_size: int) -> Layout:
    """Return the layout that the first bytes of a file of this size declare, or raise CorruptFile."""
    if len(data) < PREAMBLE_SIZE:
        raise CorruptFile(f"file of {file_size} bytes is too short for a queue file")
    magic, version, offset, length, total, envelope_length, count, blocks = _FIELDS.unpack_from(data)
    if magic != MAGIC:
        raise CorruptFile("not a queue file")
    if version != VERSION:
        raise CorruptFile(f"queue file version {version}, not {VERSION}")
    if total != file_size:
        raise CorruptFile(f"file has {file_size} bytes instead of {total}")
    flags = data[FLAGS_OFFSET:PREAMBLE_SIZE]
    if flags not in _FLAGS:
        raise CorruptFile("bad flags")
    (checksum,) = _CRC.unpack_from(data, _FIELDS.size)
    layout = Layout(offset, length, envelope_length, count, total, checksum, flags == WARNED)
    if offset < PREAMBLE_SIZE or layout.block_count != blocks or layout.blocks_offset > total:
        raise CorruptFile("preamble contradicts itself")
    return layout


def decode_envelope(preamble: bytes, body: bytes, layout: Layout) -> tuple[Envelope, list[Block]]:
    """Return the envelope and the table of blocks; `body` is what lies between statuses and blocks."""
    if zlib.crc32(body, zlib.crc32(preamble[: _FIELDS.size])) != layout.checksum:
        raise CorruptFile("checksum of the envelope does not match")
    try:
        envelope = _decode_envelope(body[: layout.envelope_length])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptFile(f"bad envelope: {error}") from error
    envelope.delay_warned = layout.warned
    return envelope, _decode_table(body[layout.envelope_length :], layout)


def _decode_table(table: bytes, layout: Layout) -> list[Block]:
    blocks: list[Block] = []
    offset = layout.blocks_offset
    for length, checksum in _TABLE_ROW.iter_unpack(table):
        blocks.append(Block(offset, length, checksum))
        offset += length
    if offset != layout.total_length:
        raise CorruptFile("recipient blocks do not fill the file")
    return blocks


def decode_block(data: bytes, block: Block) -> list[Recipient]:
    """Return the recipients of one block."""
    if len(data) != block.length or zlib.crc32(data) != block.checksum:
        raise CorruptFile("checksum of the recipients does not match")
    try:
        return _decode_recipients(data)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptFile(f"bad recipients: {error}") from error

"""Where the messages of an mbox file are: one pass over the file in large chunks, then one short read a message.

See mbox_format.py for the rules.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pyfix.mail.mailbox.reading import mbox_format
from pyfix.mail.mailbox.reading.mbox_format import FROM_LINE_LIMIT, Field
from pyfix.mail.mailbox.reading.names import hashed
from pyfix.mail.mailbox.reading.stream import count_octets, octets_of
from pyfix.mail.mailbox.reading.uidlist import format_uidl

_CHUNK: Final = 1024 * 1024
_HEADER_FIRST: Final = 8 * 1024
_HEADER_LIMIT: Final = 1024 * 1024
"""Fields of mail readers behind so many bytes of header are taken for the message's own."""
_DIGEST: Final = 16


class NotAnMbox(Exception):
    """The file does not begin with a From_ line."""


@dataclass(slots=True)
class MboxIndex:
    """Messages by index from 0; a pseudo message is left out."""

    size: int
    """Bytes of the file that were looked at."""
    lead: int = 0
    """Where the first message begins: behind a pseudo message, if there is one."""
    starts: array[int] = field(default_factory=lambda: array("Q"))
    """Where each From_ line begins; the next, or `size`, ends the message on disk."""
    heads: array[int] = field(default_factory=lambda: array("I"))
    """Length of each From_ line."""
    octets: array[int] = field(default_factory=lambda: array("Q"))
    uids: array[int] = field(default_factory=lambda: array("I"))
    """What X-UID says; 0 where nothing, and all 0 in a mailbox without X-IMAPbase."""
    validity: int = 0
    last_uid: int = 0
    """What X-IMAPbase says; no number up to it, or to the highest, is given again."""
    highest_uid: int = 0
    digests: bytearray = field(default_factory=bytearray)
    flags: list[str] = field(default_factory=list)
    """Of each message; equal ones are one object."""

    def __len__(self) -> int:
        """Return how many messages there are."""
        return len(self.starts)

    def end(self, index: int) -> int:
        """Return where a message ends on disk."""
        return self.starts[index + 1] if index + 1 < len(self.starts) else self.size

    def digest(self, index: int) -> bytes:
        """Return what tells the message from most others."""
        return bytes(self.digests[index * _DIGEST : (index + 1) * _DIGEST])

    def uidls(self) -> list[bytes]:
        """Return the unique ids: Dovecot's where the file keeps UIDs, made of headers elsewhere.

        A number for a message that has none would be another message's as soon as somebody removed this one.
        """
        seen: dict[bytes, int] = {}
        found = []
        for index, uid in enumerate(self.uids):
            if uid:
                found.append(format_uidl(uid, self.validity))
                continue
            digest = self.digest(index)
            seen[digest] = repeat = seen.get(digest, 0) + 1
            found.append(hashed(digest + repeat.to_bytes(4, "big")))
        return found


def read_index(fd: int, size: int) -> MboxIndex:
    """Look through the first `size` bytes of a file. Raises NotAnMbox, OSError."""
    index = MboxIndex(size)
    starts = array("Q", _find_starts(fd, size))
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else size
        message = read_message(fd, start, end)
        if number == 0:
            index.validity, index.last_uid = mbox_format.uid_base(message.fields)
            if mbox_format.is_pseudo(message.fields):
                index.lead = end
                continue
        _add(index, message, fd)
    return index


@dataclass(frozen=True, slots=True)
class MboxMessage:
    """One message on disk."""

    start: int
    head: int
    """Length of the From_ line."""
    block: bytes
    """The header block."""
    fields: list[Field]
    ranges: tuple[tuple[int, int], ...]
    """What a client gets: (offset in the file, length)."""
    octets: int | None
    """Its size on the wire; None for a large one, which has not been read."""


def read_message(fd: int, start: int, end: int) -> MboxMessage:
    """Take the message between two places of the file apart. Raises OSError."""
    data = os.pread(fd, min(_HEADER_FIRST, end - start), start)
    head = data.find(b"\n") + 1 or len(data)
    length = mbox_format.header_length(data[head:])
    if head + length == len(data) and start + len(data) < end:
        data = _read_at_most(fd, min(_HEADER_LIMIT, end - start), start)
        head = data.find(b"\n") + 1 or len(data)
        length = mbox_format.header_length(data[head:])
    block = data[head : head + length]
    fields = mbox_format.private_fields(block)
    is_whole = start + len(data) >= end
    last = data[max(head, len(data) - 2) :] if is_whole else os.pread(fd, 2, max(start + head, end - 2))
    visible = end - start - head - _separator_length(last)
    ranges = mbox_format.visible_ranges(fields, visible)
    octets = octets_of(b"".join(data[head + at : head + at + size] for at, size in ranges)) if is_whole else None
    places = tuple((start + head + at, size) for at, size in ranges)
    return MboxMessage(start, head, block, fields, places, octets)


def _read_at_most(fd: int, size: int, offset: int) -> bytes:
    data = bytearray()
    while len(data) < size and (part := os.pread(fd, size - len(data), offset + len(data))):
        data += part
    return bytes(data)


def _separator_length(last: bytes) -> int:
    """Return the length of the line end before the next message, which belongs to neither, by the last two bytes."""
    return 2 if last.endswith(b"\r\n") else int(last.endswith(b"\n"))


def _add(index: MboxIndex, message: MboxMessage, fd: int) -> None:
    uid = mbox_format.uid(message.fields) if index.validity else 0
    if uid <= index.highest_uid:
        uid = 0  # numbers grow: this one came with a message from elsewhere
    index.highest_uid = max(index.highest_uid, uid)
    index.starts.append(message.start)
    index.heads.append(message.head)
    index.octets.append(count_octets(fd, message.ranges) if message.octets is None else message.octets)
    index.uids.append(uid)
    index.digests += mbox_format.digest(message.block, message.fields)
    index.flags.append(mbox_format.flags(message.fields))


def _find_starts(fd: int, size: int) -> Iterator[int]:
    """Yield where From_ lines begin."""
    if not size:
        return
    if not mbox_format.is_from_line(os.pread(fd, FROM_LINE_LIMIT, 0)):
        raise NotAnMbox
    yield 0
    offset = 0
    while offset < size:
        data = os.pread(fd, min(_CHUNK + FROM_LINE_LIMIT, size - offset), offset)
        if not data:
            return
        at = data.find(b"\nFrom ")
        while 0 <= at < _CHUNK:
            if mbox_format.is_from_line(data[at + 1 : at + 1 + FROM_LINE_LIMIT]):
                yield offset + at + 1
            at = data.find(b"\nFrom ", at + 1)
        offset += _CHUNK

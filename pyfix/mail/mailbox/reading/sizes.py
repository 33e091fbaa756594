"""Sizes of messages as protocols count them, known without reading the messages again.

A Maildir's files end their lines with LF, POP3 and IMAP count CRLF: the size is in the name (W=), or it takes a read of
the whole file. What was counted is kept in a file of the Maildir, `pyfix-sizes`: names in order, and some arrays. With
them goes what the directories looked like when they were listed: as long as they look the same, and that time is not
too near to their last change, they need not be listed either.
It is a cache: replaced by rename, checked by a sum, ignored when anything about it is odd, and each entry is compared
with the length of its file when the message is opened. Nobody is hurt when it is removed.

Rejected: sizes without CRLF, as Dovecot's pop3_fast_size_lookups has them, which are not what RFC 1939 section 11 asks
for; new names with W=, which would change what other programs remember.
"""

from __future__ import annotations

import os
import stat
import struct
import sys
import zlib
from array import array
from dataclasses import dataclass, field
from typing import Final

from pyfix.base.atomic import write_all
from pyfix.mail.mailbox.reading.names import bases_of

FILE: Final = "pyfix-sizes"
_MAGIC: Final = b"pyfix-sizes 2\n"
_HEAD: Final = struct.Struct("<IQQ6Q")
"""Sum of what follows; messages; length of the names; state of the directories."""
_PARTS: Final = ((0, 8), (8, 16), (16, 17))
"""Bytes of each array for one message."""
_NO_STATE: Final = (0, 0, 0, 0, 0, 0)
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST: Final = 256 * 1024 * 1024


def _nothing() -> array[int]:
    return array("Q")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is known of messages."""

    names: str = ""
    """Joined by "/"."""
    octets: array[int] = field(default_factory=_nothing)
    lengths: array[int] = field(default_factory=_nothing)
    """On disk; 0 where nobody has looked, because the name tells the octets."""
    in_new: bytes = b""
    """1 for each message in new/, 0 for each in cur/."""
    state: tuple[int, ...] | None = None
    """Of the directories, if these are all messages that were in them."""

    @property
    def bases(self) -> str:
        """Return the base names, joined by "/"."""
        return bases_of(self.names)

    def encode(self) -> list[bytes]:
        """Return the content of the file, in parts: it is large where memory counts."""
        names = self.names.encode("utf-8", "surrogateescape")
        body = [names, _little(self.octets), _little(self.lengths), self.in_new]
        total = 0
        for part in body:
            total = zlib.crc32(part, total)
        head = _HEAD.pack(total, len(self.octets), len(names), *(self.state or _NO_STATE))
        return [_MAGIC + head, *body]

    @classmethod
    def decode(cls, data: bytes | bytearray) -> Sizes:
        """Return what the file says; nothing when it is not whole."""
        start = len(_MAGIC) + _HEAD.size
        if len(data) < start or not data.startswith(_MAGIC):
            return cls()
        total, count, length, *state = _HEAD.unpack_from(data, len(_MAGIC))
        body = memoryview(data)[start:]
        if len(body) != length + 17 * count or zlib.crc32(body) != total:
            return cls()
        names = str(body[:length], "utf-8", "surrogateescape")
        if (names.count("/") + 1 if names else 0) != count:
            return cls()
        octets, lengths, in_new = (body[length + start * count : length + end * count] for start, end in _PARTS)
        known = None if tuple(state) == _NO_STATE else tuple(state)
        return cls(names, _from_little(octets), _from_little(lengths), bytes(in_new), known)


def _little(values: array[int]) -> bytes:
    if sys.byteorder == "little":
        return values.tobytes()
    swapped = values[:]
    swapped.byteswap()
    return swapped.tobytes()


def _from_little(data: memoryview) -> array[int]:
    values = array("Q")
    values.frombytes(data)
    if sys.byteorder != "little":
        values.byteswap()
    return values


def load(root: int) -> Sizes:
    """Return what the Maildir's file says; nothing when there is none, or it cannot be read."""
    try:
        fd = os.open(FILE, _READ, dir_fd=root)
    except OSError:
        return Sizes()
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return Sizes()
        data = bytearray()
        while part := os.read(fd, status.st_size + 1 - len(data)):
            data += part
        return Sizes.decode(data)
    except OSError:
        return Sizes()
    finally:
        os.close(fd)


def store(root: int, sizes: Sizes) -> None:
    """Replace the Maildir's file. Raises OSError; the old one is there then."""
    temporary = f"tmp/{FILE}.{os.getpid()}.{id(sizes):x}"
    fd = os.open(temporary, _WRITE, 0o600, dir_fd=root)
    try:
        try:
            for part in sizes.encode():
                write_all(fd, part)
        finally:
            os.close(fd)
        os.rename(temporary, FILE, src_dir_fd=root, dst_dir_fd=root)
    except OSError:
        os.unlink(temporary, dir_fd=root)
        raise


def match(text: str, known: Sizes) -> tuple[array[int], array[int], list[int]]:
    """Return octets and lengths of messages, and the indices of those that nothing is known of.

    `text` has the base names, joined by "/". A mailbox that has not changed costs one comparison.
    """
    if not text:
        return array("Q"), array("Q"), []
    known_bases = known.bases
    if text == known_bases:
        return known.octets, known.lengths, []
    bases = text.split("/")
    octets, lengths = array("Q", bytes(8 * len(bases))), array("Q", bytes(8 * len(bases)))
    unknown = []
    places = dict(zip(known_bases.split("/"), range(len(known.octets)), strict=False))
    for index, base in enumerate(bases):
        place = places.get(base)
        if place is None:
            unknown.append(index)
        else:
            octets[index] = known.octets[place]
            lengths[index] = known.lengths[place]
    return octets, lengths, unknown

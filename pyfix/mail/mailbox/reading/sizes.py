"""Sizes of messages as protocols count them, known without reading the messages again.

A Maildir's files end their lines with LF, POP3 and IMAP count CRLF: the size is in the name (W=), or it takes a read of
the whole file. What was counted is kept in a file of the Maildir, `pyfix-sizes`: base names in order, and two arrays.
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

FILE: Final = "pyfix-sizes"
_MAGIC: Final = b"pyfix-sizes 1\n"
_HEAD: Final = struct.Struct("<IQQ")
"""Sum of what follows; messages; length of the names."""
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST: Final = 256 * 1024 * 1024


def _nothing() -> array[int]:
    return array("Q")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is known: base names, joined by "/", and for each its octets and its length on disk."""

    bases: str = ""
    octets: array[int] = field(default_factory=_nothing)
    lengths: array[int] = field(default_factory=_nothing)

    def encode(self) -> list[bytes]:
        """Return the content of the file, in parts: it is large where memory counts."""
        bases = self.bases.encode("utf-8", "surrogateescape")
        body = [bases, _little(self.octets), _little(self.lengths)]
        total = 0
        for part in body:
            total = zlib.crc32(part, total)
        return [_MAGIC + _HEAD.pack(total, len(self.octets), len(bases)), *body]

    @classmethod
    def decode(cls, data: bytes | bytearray) -> Sizes:
        """Return what the file says; nothing when it is not whole."""
        start = len(_MAGIC) + _HEAD.size
        if len(data) < start or not data.startswith(_MAGIC):
            return cls()
        total, count, length = _HEAD.unpack_from(data, len(_MAGIC))
        body = memoryview(data)[start:]
        if len(body) != length + 16 * count or zlib.crc32(body) != total:
            return cls()
        bases = str(body[:length], "utf-8", "surrogateescape")
        if (bases.count("/") + 1 if bases else 0) != count:
            return cls()
        return cls(bases, _from_little(body[length : length + 8 * count]), _from_little(body[length + 8 * count :]))


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
    if text == known.bases:
        return known.octets, known.lengths, []
    bases = text.split("/")
    octets, lengths = array("Q", bytes(8 * len(bases))), array("Q", bytes(8 * len(bases)))
    unknown = []
    places = dict(zip(known.bases.split("/"), range(len(known.octets)), strict=False))
    for index, base in enumerate(bases):
        place = places.get(base)
        if place is None:
            unknown.append(index)
        else:
            octets[index] = known.octets[place]
            lengths[index] = known.lengths[place]
    return octets, lengths, unknown

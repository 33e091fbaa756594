"""What an mbox file is made of: From_ lines, and header fields that mail readers keep in messages for themselves.

Pure. The rules are Dovecot's: a message begins where a line "From ", a sender and a date does, whatever stands before
it; the line end before the next From_ line belongs to neither message. The fields of mail readers (Status, X-UID ...)
are no part of the message that a client gets. Content-Length is not trusted: what wrote it is seldom what changed the
message last.

See: mbox(5); RFC 4155; Dovecot's documentation, "Mbox mailbox format".
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

_FROM_LINE = re.compile(
    rb'From (?:"[^"\r\n]{0,255}"[^ \r\n]{0,255}|[^ \r\n]{0,1000}) {1,8}[A-Za-z]{3} '
    rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    rb"[ 0-9]?[0-9] [0-9]{2}:[0-9]{2}(?::[0-9]{2})? (?:[^ \r\n]{1,32} )?[0-9]{4}",
    re.IGNORECASE,
)
FROM_LINE_LIMIT: Final = 2048
"""No more than so many bytes decide whether a line is a From_ line."""
_PRIVATE = re.compile(
    rb"^(Content-Length|Status|X-IMAP|X-IMAPbase|X-Keywords|X-Status|X-UID)[ \t]*:([^\n]*\n(?:[ \t][^\n]*\n)*)",
    re.IGNORECASE | re.MULTILINE,
)
_BASE = re.compile(rb"[ \t]*([0-9]{1,10})[ \t]+([0-9]{1,10})(?![0-9])")
_UID = re.compile(rb"[ \t]*([0-9]{1,10})[ \t\r\n]*\Z")
_HEADER_END = re.compile(rb"\A\r?\n|\n\r?\n")
_FLAGS: Final = {
    b"status": {b"R": "S"},
    b"x-status": {b"A": "R", b"F": "F", b"T": "D", b"D": "T"},
}
_LAST_UID: Final = 2**32 - 2


def is_from_line(line: bytes) -> bool:
    """Tell whether this begins a message."""
    return _FROM_LINE.match(line) is not None


@dataclass(frozen=True, slots=True)
class Field:
    """A header field of a mail reader: where its line begins and ends in the header block, and what it says."""

    start: int
    end: int
    name: bytes
    """In small letters."""
    value: bytes


def header_length(data: bytes) -> int:
    """Return the length of the header block, without the empty line after it; all of `data` when there is none."""
    end = _HEADER_END.search(data)
    if end is None:
        return len(data)
    return 0 if end.start() == 0 and data[:1] in b"\r\n" else end.start() + 1


def private_fields(block: bytes) -> list[Field]:
    """Return the fields of mail readers in a header block, in order."""
    return [Field(m.start(), m.end(), m[1].lower(), m[2]) for m in _PRIVATE.finditer(block)]


def visible_ranges(fields: list[Field], length: int) -> list[tuple[int, int]]:
    """Return (offset, length) of what is left of a message of `length` bytes without those fields."""
    ranges, at = [], 0
    for field in fields:
        if field.start > at:
            ranges.append((at, min(field.start, length) - at))
        at = field.end
    if length > at:
        ranges.append((at, length - at))
    return ranges


def digest(block: bytes, fields: list[Field]) -> bytes:
    """Return 16 bytes that tell the message from others: its header without the fields of mail readers."""
    sum_ = hashlib.sha256()
    for start, length in visible_ranges(fields, len(block)):
        sum_.update(block[start : start + length])
    return sum_.digest()[:16]


def flags(fields: list[Field]) -> str:
    """Return the flags, as letters of a Maildir."""
    found = set()
    for field in fields:
        for letter, flag in _FLAGS.get(field.name, {}).items():
            if letter in field.value:
                found.add(flag)
    return "".join(sorted(found))


def uid(fields: list[Field]) -> int:
    """Return what X-UID says; 0 when it is missing or no number."""
    for field in fields:
        if field.name == b"x-uid":
            found = _UID.match(field.value)
            number = int(found[1]) if found else 0
            return number if number <= _LAST_UID else 0
    return 0


def uid_base(fields: list[Field]) -> tuple[int, int]:
    """Return UIDVALIDITY and last UID of the mailbox, which the first message tells; (0, 0) when it does not."""
    for field in fields:
        found = _BASE.match(field.value) if field.name in (b"x-imapbase", b"x-imap") else None
        if found and 0 < int(found[1]) < 2**32 and int(found[2]) <= _LAST_UID:
            return int(found[1]), int(found[2])
    return 0, 0


def is_pseudo(fields: list[Field]) -> bool:
    """True for the first "message" that some IMAP servers keep their data in: no reader shows it."""
    return any(field.name == b"x-imap" for field in fields) and uid_base(fields) != (0, 0)

"""The protocol of Cyrus' saslauthd: one question on a connection, and one answer.

    client  login, password, service, realm: each with its length in two bytes before it, in network order
    server  OK or NO and perhaps more words, the same way

Sans-IO. See: saslauthd(8); saslauthd takes fields of at most 256 bytes, which is not enough for a token.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

LONGEST_FIELD: Final = 1024
_LENGTH: Final = struct.Struct("!H")
_FIELDS: Final = 4


class SaslauthdError(Exception):
    """The other end does not keep to the protocol; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Question:
    """Is that the password?"""

    login: bytes
    password: bytes = field(repr=False)
    service: bytes
    realm: bytes

    def encode(self) -> bytes:
        """Return the bytes to send; raises ValueError for a field that is too long."""
        fields = (self.login, self.password, self.service, self.realm)
        if max(map(len, fields)) > LONGEST_FIELD:
            raise ValueError(f"a field of more than {LONGEST_FIELD} bytes")
        return b"".join(encode_counted(field) for field in fields)


class QuestionReader:
    """Takes the bytes of a question as they come."""

    def __init__(self) -> None:
        self._buffer = b""

    def receive(self, data: bytes) -> Question | None:
        """Return the question once it is whole; raises SaslauthdError for a field that is too long."""
        self._buffer += data
        fields: list[bytes] = []
        position = 0
        while len(fields) < _FIELDS:
            if len(self._buffer) < position + _LENGTH.size:
                return None
            (length,) = _LENGTH.unpack_from(self._buffer, position)
            if length > LONGEST_FIELD:
                raise SaslauthdError(f"a field of {length} bytes; at most {LONGEST_FIELD} are taken")
            start = position + _LENGTH.size
            position = start + length
            if len(self._buffer) < position:
                return None
            fields.append(self._buffer[start:position])
        return Question(*fields)


def encode_counted(data: bytes) -> bytes:
    """Return data with its length before it."""
    return _LENGTH.pack(len(data)) + data


def encode_answer(reason: str = "") -> bytes:
    """Return the answer: yes, or no with a reason."""
    return encode_counted(f"NO {reason}".encode() if reason else b"OK")


def answer_length(head: bytes) -> int:
    """Return how many bytes follow the first two of an answer."""
    (length,) = _LENGTH.unpack(head)
    return int(length)


def parse_answer(text: bytes) -> bool:
    """Return whether the answer is yes; raises SaslauthdError for one that is neither yes nor no."""
    match text[:2].upper():
        case b"OK":
            return True
        case b"NO":
            return False
    raise SaslauthdError(f"unexpected answer {text[:40]!r}")

"""Queue ids, exactly as Postfix writes them, so that log tools keep working.

Short ids are the microseconds of the second of arrival (hexadecimal, five digits) and the inode number (hexadecimal):
unique among the files that exist now. Long ids (enable_long_queue_ids) also hold the second, so they never come again:
six digits of seconds and four of microseconds in base 52, a `z`, the inode in base 51. The digits of base 52 are those
that form no words; base 51 lacks the `z`, so the last `z` always divides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_DIGITS: Final = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
_VALUES: Final = {digit: value for value, digit in enumerate(_DIGITS)}
_SHORT: Final = re.compile(r"[0-9A-F]{6,100}", re.ASCII)
_LONG: Final = re.compile(r"([0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{6,})([0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{4})z([^z]+)")
_VALID: Final = re.compile(rf"{_SHORT.pattern}|[{_DIGITS}]{{10,60}}z[{_DIGITS[:-1]}]{{1,30}}", re.ASCII)
_MAX_LENGTH: Final = 100
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class IdParts:
    """What a queue id tells; `seconds` is None for a short id."""

    seconds: int | None
    microseconds: int
    inode: int


def encode_short(arrival_ns: int, inode: int) -> str:
    """Return the short id of a file created at this time."""
    return f"{arrival_ns // 1000 % _MICROSECONDS:05X}{inode:X}"


def encode_long(arrival_ns: int, inode: int) -> str:
    """Return the long id of a file created at this time."""
    seconds, microseconds = divmod(arrival_ns // 1000, _MICROSECONDS)
    return f"{_to_base(seconds, 52).rjust(6, '0')}{_to_base(microseconds, 52).rjust(4, '0')}z{_to_base(inode, 51)}"


def decode(queue_id: str) -> IdParts | None:
    """Return the parts of an id of either form, or None when it is no queue id."""
    if len(queue_id) > _MAX_LENGTH:
        return None
    if match := _LONG.fullmatch(queue_id):
        return _decode_long(*match.groups())
    if _SHORT.fullmatch(queue_id) and (microseconds := int(queue_id[:5], 16)) < _MICROSECONDS:
        return IdParts(None, microseconds, int(queue_id[5:], 16))
    return None


def is_valid(queue_id: str) -> bool:
    """Tell whether this may be the name of a queue file; nothing else is ever made part of a path."""
    return _VALID.fullmatch(queue_id) is not None


def hash_digits(queue_id: str) -> str:
    """Return the digits by which hash subdirectories are named: those that change fastest, the microseconds."""
    if match := _LONG.fullmatch(queue_id):
        return f"{_from_base(match.group(2), 52):05X}"
    return queue_id


def _decode_long(seconds: str, microseconds: str, inode: str) -> IdParts | None:
    if not all(digit in _VALUES for digit in inode):
        return None
    parts = IdParts(_from_base(seconds, 52), _from_base(microseconds, 52), _from_base(inode, 51))
    return parts if parts.microseconds < _MICROSECONDS else None


def _to_base(number: int, base: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, base)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits


def _from_base(text: str, base: int) -> int:
    number = 0
    for digit in text:
        number = number * base + _VALUES[digit]
    return number

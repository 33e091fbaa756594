"""MD5 with its inner state in sight, which hashlib keeps to itself: what a {CRAM-MD5} password is, and how it signs.

See: RFC 1321 section 3.4.
"""

from __future__ import annotations

import math
import struct
from typing import Final

BLOCK: Final = 64
"""Bytes that make one step of the state."""
_MASK: Final = 0xFFFFFFFF
_START: Final = struct.pack("<4I", 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_SINES: Final = tuple(int(abs(math.sin(step + 1)) * 2**32) & _MASK for step in range(64))
_SHIFTS: Final = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))


def md5_state(block: bytes, before: bytes = _START) -> bytes:
    """Return the 16 bytes of the state after one more block of 64 bytes."""
    words = struct.unpack("<16I", block)
    old = struct.unpack("<4I", before)
    a, b, c, d = old
    for step in range(64):
        mixed, word = _mix(step, b, c, d)
        total = (a + mixed + _SINES[step] + words[word]) & _MASK
        shift = _SHIFTS[step // 16][step % 4]
        rotated = ((total << shift) | (total >> (32 - shift))) & _MASK
        a, b, c, d = d, (b + rotated) & _MASK, b, c
    return struct.pack("<4I", *((first + last) & _MASK for first, last in zip(old, (a, b, c, d), strict=True)))


def md5_from(state: bytes, done: int, data: bytes) -> bytes:
    """Return the digest of what has led to the state, a multiple of BLOCK bytes, and of data behind it."""
    bits = 8 * (done + len(data))
    data += b"\x80" + b"\0" * (-(len(data) + 9) % BLOCK) + struct.pack("<Q", bits)
    for at in range(0, len(data), BLOCK):
        state = md5_state(data[at : at + BLOCK], state)
    return state


def _mix(step: int, b: int, c: int, d: int) -> tuple[int, int]:
    """Return what the round makes of the state, and which word of the block it takes."""
    match step // 16:
        case 0:
            return (b & c) | (~b & d), step
        case 1:
            return (d & b) | (~d & c), (5 * step + 1) % 16
        case 2:
            return b ^ c ^ d, (3 * step + 5) % 16
        case _:
            return c ^ (b | (~d & _MASK)), (7 * step) % 16

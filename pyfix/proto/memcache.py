"""The text protocol of memcached, as far as a table needs it: one value is asked for, or stored.

    get key                          VALUE key flags length, the value, END; or END alone
    set key flags ttl length         the value; STORED

Pure: the caller sends requests, and reads lines without their end, and values of the length that a line announces.
See: doc/protocol.txt of memcached.
"""

from __future__ import annotations

import re
from typing import Final

KEY_LIMIT: Final = 250
"""Bytes of a key."""
_VALUE: Final = re.compile(rb"VALUE ([^ ]+) ([0-9]{1,10}) ([0-9]{1,10})(?: [0-9]{1,20})?")
_SHOWN: Final = 100


class ReplyError(Exception):
    """The server says something else than it should; the text is for the log."""


def is_key(key: bytes) -> bool:
    """Return whether the protocol has a way to say this key."""
    return 0 < len(key) <= KEY_LIMIT and not any(byte <= 0x20 or byte == 0x7F for byte in key)


def get_request(key: bytes) -> bytes:
    """Return the request for a value."""
    return b"get %s\r\n" % key


def value_length(line: bytes, key: bytes) -> int | None:
    """Return how long the value is that comes next, None where there is none; raises ReplyError."""
    if line == b"END":
        return None
    parsed = _VALUE.fullmatch(line)
    if parsed is None or parsed[1] != key:
        raise unexpected(line)
    return int(parsed[3])


def set_request(key: bytes, value: bytes, flags: int, ttl_s: int) -> bytes:
    """Return the request that stores a value."""
    return b"set %s %d %d %d\r\n%s\r\n" % (key, flags, ttl_s, len(value), value)


def unexpected(reply: bytes) -> ReplyError:
    """Return the error about a reply."""
    text = "".join(char if char.isprintable() else "?" for char in reply[:_SHOWN].decode("ascii", "replace"))
    return ReplyError(f"unexpected memcache server reply: {text.replace(chr(0xFFFD), '?')}")

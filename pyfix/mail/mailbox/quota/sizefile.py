"""maildirsize as bytes: read with suspicion, written as Courier writes it.

    10000000S,1000C
             0 0
          1234 1
         -1234 -1

The first line is the limit, S for bytes and C for messages; each further one is a change. Lines are padded with blanks
to 14 bytes, line end included, which helps some NFS servers to append.
Pure. See: the Courier README on maildir quotas.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final

from pyfix.mail.accounts.quota import Quota
from pyfix.mail.mailbox.quota.usage import Usage

MOST_BYTES: Final = 5120
"""A file of this size is counted anew."""
_WIDTH: Final = 14
_LIMIT: Final = re.compile(rb"[ \t]*([0-9]{1,18}[SC](?:,[0-9]{1,18}[SC])?)[ \t]*")
_CHANGES: Final = re.compile(rb"(?:[ \t]*+-?[0-9]++[ \t]++-?[0-9]++[ \t]*+\n)++")
_MOST: Final = 10**18
"""What no mailbox holds."""


@dataclass(frozen=True, slots=True)
class SizeFile:
    """What a maildirsize says."""

    limit: Quota
    used: Usage
    lines: int
    """How many changes there are."""


@functools.lru_cache(maxsize=16)
def parse(data: bytes) -> SizeFile | None:
    """Return what is in the file, or None for what no honest program has written.

    What was read before a message was written is mostly what is read behind it: the last answers are kept.
    """
    head, found, body = data.partition(b"\n")
    limit = parse_limit(head)
    if limit is None or not found or len(data) >= MOST_BYTES or _CHANGES.fullmatch(body) is None:
        return None
    try:
        numbers = list(map(int, body.decode("ascii").split()))  # of str, which takes half the time
    except ValueError:  # thousands of digits
        return None
    used = Usage(sum(numbers[::2]), sum(numbers[1::2]))
    if not (0 <= used.size < _MOST and 0 <= used.messages < _MOST) or (used.size == 0) != (used.messages == 0):
        return None
    return SizeFile(limit, used, len(numbers) // 2)


def parse_limit(line: bytes) -> Quota | None:
    """Return the limit of a first line, or None."""
    found = _LIMIT.fullmatch(line)
    if found is None:
        return None
    size = messages = 0
    for part in found[1].split(b","):
        if part.endswith(b"S"):
            size = int(part[:-1])
        else:
            messages = int(part[:-1])
    return Quota(size, messages)


def format_new(limit: Quota, used: Usage) -> bytes:
    """Return a whole new file."""
    return f"{limit.stored()}\n".encode() + format_change(used)


def format_change(change: Usage) -> bytes:
    """Return one line."""
    return f"{change.size} {change.messages}".rjust(_WIDTH - 1).encode() + b"\n"

"""Quotas and sizes: as stored, and as people write them.

    104857600S,1000C    bytes and messages, in any order (Courier, Maildir++)
    104857600           bytes (VDA)
    100M                with K, M, G or T, in powers of 1024: what people type

See: the Courier README on maildir quotas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_STORED: Final = re.compile(r"([0-9]{1,18})([SC]?)")
_TYPED: Final = re.compile(r"([0-9]{1,15})([KMGT]?)B?", re.IGNORECASE)
_UNITS: Final = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_LARGEST: Final = 2**62


@dataclass(frozen=True, slots=True)
class Quota:
    """What a mailbox may hold; 0 is without limit."""

    size: int = 0
    messages: int = 0

    def stored(self) -> str:
        """Return the text that Courier, ExtMail and VDA read."""
        parts = [f"{self.size}S"] if self.size or not self.messages else []
        return ",".join([*parts, f"{self.messages}C"] if self.messages else parts) if self != UNLIMITED else "0"

    def __str__(self) -> str:
        """Return the text for people."""
        words = [show_size(self.size)] if self.size else []
        words += [f"{self.messages} messages"] if self.messages else []
        return ", ".join(words) or "unlimited"


UNLIMITED: Final = Quota()


def parse_quota(text: str) -> Quota:
    """Return what a stored text means; raises ValueError."""
    size = messages = 0
    for part in text.split(",") if text else ():
        found = _STORED.fullmatch(part.strip())
        if found is None:
            raise ValueError(f'bad quota "{text[:40]}"')
        if found[2] == "C":
            messages = int(found[1])
        else:
            size = int(found[1])
    return Quota(size, messages)


def parse_size(text: str) -> int:
    """Return the bytes of a size that somebody has typed; raises ValueError."""
    if text.lower() in ("0", "none", "unlimited"):
        return 0
    found = _TYPED.fullmatch(text)
    size = int(found[1]) << _UNITS[found[2].upper()] if found else 0
    if not 0 < size < _LARGEST:
        raise ValueError(f'bad size "{text[:40]}"; specify bytes or a number with K, M, G or T, such as 500M')
    return size


def show_size(size: int) -> str:
    """Return a size in the largest unit that leaves it whole."""
    for unit, shift in reversed(_UNITS.items()):
        if size and size % (1 << shift) == 0:
            return f"{size >> shift}{unit}"
    return str(size)

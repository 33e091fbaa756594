"""How much is in a mailbox, or by how much that changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes and messages; negative for what is taken out."""

    size: int = 0
    messages: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.size + other.size, self.messages + other.messages)

    def __neg__(self) -> Usage:
        return Usage(-self.size, -self.messages)

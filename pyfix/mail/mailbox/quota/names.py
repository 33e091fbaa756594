"""What the name of a file in a Maildir says about quotas: its size, and whether it counts.

    1700000000.V801I2aM5.host,S=1234,W=1260:2,S

The size is what stands behind the last ",S=" before the colon. Messages with the flag T (trashed) do not count, nor
does what is in the folder Trash, unless that is to count as well.
See: maildir(5); the Courier README on maildir quotas; virtual_trash_count, virtual_trash_name,
virtual_mailbox_limit_inbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MOST_DIGITS: Final = 15
"""A petabyte: a name that says more is not believed."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a Maildir counts."""

    trash_name: str = ".Trash"
    """The directory that is left out."""
    trash_counts: bool = False
    """The trash counts like all else, and so do messages with the flag T."""
    inbox_only: bool = False
    """No folder counts, and maildirsize, which is about all of them, is neither read nor written."""

    def has_folder(self, name: str) -> bool:
        """Return whether a directory beside new/ and cur/ is a folder that counts."""
        if self.inbox_only or not name.startswith(".") or name in (".", ".."):
            return False
        return self.trash_counts or name != self.trash_name


WHOLE_TREE: Final = Scope()


def size_in_name(name: str) -> int | None:
    """Return the size that a file's name tells, or None."""
    base = name.partition(":")[0]
    start = base.rfind(",S=")
    if start < 0:
        return None
    digits = base[start + 3 :].partition(",")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS else None


def counts(name: str, scope: Scope = WHOLE_TREE) -> bool:
    """Return whether a file in new/ or cur/ is a message that counts."""
    if name.startswith("."):
        return False
    if scope.trash_counts:
        return True
    _, found, flags = name.partition(":2,")
    return not found or "T" not in flags.partition(",")[0]


def named(unique: str, size: int, wire_size: int | None = None) -> str:
    """Return a unique name with the size of the file in it, and with its size on the wire (CR LF) where known."""
    return f"{unique},S={size}" if wire_size is None else f"{unique},S={size},W={wire_size}"

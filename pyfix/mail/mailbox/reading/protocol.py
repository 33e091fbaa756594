"""What every kind of mailbox offers to a reader."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pyfix.mail.mailbox.reading.stream import MessageStream


@dataclass(frozen=True, slots=True)
class Removed:
    """What an expunge has done."""

    messages: int = 0
    size: int = 0
    """Bytes on disk."""
    failures: tuple[str, ...] = ()
    """What could not be removed, and why: for the log. The others are gone nevertheless."""


class ReadableMailbox(Protocol):
    """A mailbox as it was when it was opened: messages that come later belong to the next session.

    Messages have numbers from 1. Every method acts at once, with the rights that are in force: the caller has become
    the owner of the mailbox. All raise ReadingError only. `close` also needs the rights.
    """

    location: str

    def measure(self, seconds: float = ...) -> bool:
        """Learn the sizes that nobody knows yet, for at most so long; return True when all are known.

        Until then no other method but `close` may be called: what turns out to be no message gets no number.
        """

    def __len__(self) -> int:
        """Return how many messages there are."""

    @property
    def total_octets(self) -> int:
        """Return the size of all messages."""

    def octets(self, first: int, last: int) -> Sequence[int]:
        """Return the sizes of messages first..last, each line end counted as two octets."""

    def uidls(self, first: int, last: int) -> Sequence[bytes]:
        """Return the unique ids of messages first..last: 1 to 70 bytes in 0x21..0x7e, the same in every session."""

    def flags(self, number: int) -> str:
        """Return the flags of a message: letters of a Maildir (S seen, R answered, T deleted, D draft, F flagged)."""

    def open(self, number: int) -> MessageStream:
        """Return the bytes of a message, which the caller closes; raise MessageGone, MailboxUnavailable."""

    def expunge(self, numbers: Collection[int], seen: Iterable[int] = ()) -> Removed:
        """Remove messages for good, and mark others as seen. Raises MailboxUnavailable, with nothing changed."""

    def refresh(self) -> None:
        """Show that the session lives: to be called at least every two minutes where the session is locked."""

    def close(self) -> None:
        """Release files and locks."""

"""A Maildir to read, and what is done to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyfix.mail.mailbox.reading import ReadableMailbox, open_mailbox

MESSAGE = b"From: a@example.test\nSubject: one\n\nHello\n"
"""Four line ends, 40 bytes."""


class MaildirUnderTest:
    """Puts files into a Maildir, and opens it as a session does."""

    def __init__(self, root: Path) -> None:
        """Make the directories."""
        self.root = root
        self.location = f"maildir:{root}/"
        self._open: list[ReadableMailbox] = []
        for name in ("tmp", "new", "cur"):
            (root / name).mkdir(parents=True)

    def put(self, name: str, content: bytes = MESSAGE) -> Path:
        """Write a file, `name` is its path below the Maildir."""
        path = self.root / name
        path.write_bytes(content)
        return path

    def session(self, *, lock: bool = False) -> ReadableMailbox:
        """Open the mailbox, measured; closed at the end of the test if not before."""
        mailbox = open_mailbox(self.location, lock=lock)
        self._open.append(mailbox)
        assert mailbox.measure()
        return mailbox

    def close(self) -> None:
        """Close what is open."""
        for mailbox in self._open:
            mailbox.close()


@pytest.fixture
def maildir(tmp_path: Path) -> Iterator[MaildirUnderTest]:
    """Return an empty Maildir."""
    made = MaildirUnderTest(tmp_path / "Maildir")
    yield made
    made.close()


@pytest.fixture
def content_of() -> Callable[[ReadableMailbox, int], bytes]:
    """Return what reads a message whole."""

    def read(mailbox: ReadableMailbox, number: int) -> bytes:
        with mailbox.open(number) as stream:
            return b"".join(stream.chunks())

    return read

"""Mailboxes to read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from reading_site import MaildirSite, MboxSite


@pytest.fixture
def maildir(tmp_path: Path) -> Iterator[MaildirSite]:
    """Return an empty Maildir."""
    made = MaildirSite(tmp_path / "Maildir")
    yield made
    made.close()


@pytest.fixture
def mbox(tmp_path: Path) -> Iterator[MboxSite]:
    """Return an mbox that is not there yet."""
    made = MboxSite(tmp_path / "mbox")
    yield made
    made.close()

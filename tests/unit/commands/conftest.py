"""Fixtures of the commands' tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that a system user can enter, too; tmp_path is closed to others by every pytest that starts."""
    with tempfile.TemporaryDirectory(prefix="pyfix-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)

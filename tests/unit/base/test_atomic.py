"""Files that are the old or the new one, and writes that are whole."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from pyfix.base import atomic


def test_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    """Nothing else is left in the directory."""
    path = tmp_path / "file"
    path.write_text("old")
    atomic.write_file(str(path), b"new", 0o640)
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["file"]


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full in the middle."""
    path = tmp_path / "file"
    path.write_text("old")

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write_file(str(path), b"new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_short_writes_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may take less than it was given."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
    with open(tmp_path / "file", "wb") as file:
        atomic.write_all(file.fileno(), b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"

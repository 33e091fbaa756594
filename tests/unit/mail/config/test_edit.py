"""Changing a configuration file: it is whole at every moment, and no change is lost."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pyfix.mail.config import ConfigError, edit
from pyfix.mail.config.edit import edit_file
from pyfix.mail.config.edit_main import Edited, edit_text


def set_to(**values: str) -> Callable[[str], Edited]:
    """Return a change of main.cf."""
    return lambda text: edit_text(text, values)


def test_file_keeps_its_mode_and_bytes(tmp_path: Path) -> None:
    """Also bytes that are no UTF-8; nothing else is left behind."""
    path = tmp_path / "main.cf"
    path.write_bytes(b"# caf\xe9\na = 1\n")
    path.chmod(0o640)
    assert edit_file(str(path), set_to(a="2")).repeated == []
    assert path.read_bytes() == b"# caf\xe9\na = 2\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["main.cf"]


def test_link_stays_a_link(tmp_path: Path) -> None:
    """The file that it leads to is changed."""
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "main.cf"
    real.write_text("a = 1\n")
    (tmp_path / "main.cf").symlink_to(real)
    edit_file(str(tmp_path / "main.cf"), set_to(a="2"))
    assert (tmp_path / "main.cf").is_symlink()
    assert real.read_text() == "a = 2\n"


def test_missing_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    """No empty configuration comes into being."""
    with pytest.raises(ConfigError, match="No such file or directory"):
        edit_file(str(tmp_path / "main.cf"), set_to(a="2"))
    assert os.listdir(tmp_path) == []


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk costs the change, not the configuration."""
    path = tmp_path / "main.cf"
    path.write_text("a = 1\n")

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(edit.os, "write", full)
    with pytest.raises(ConfigError, match=r"No space left on device; the file is unchanged$"):
        edit_file(str(path), set_to(a="2"))
    assert path.read_text() == "a = 1\n"
    assert os.listdir(tmp_path) == ["main.cf"]


def test_editors_take_turns(tmp_path: Path) -> None:
    """Twenty at once, each with a change of its own: none is lost."""
    path = tmp_path / "main.cf"
    path.write_text("start = 1\n")
    threads = [threading.Thread(target=edit_file, args=(str(path), set_to(**{f"name{n}": str(n)}))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_text().splitlines()) == sorted(["start = 1", *(f"name{n} = {n}" for n in range(20))])


def test_editor_waits_for_the_lock_of_another(tmp_path: Path) -> None:
    """The lock is on main.cf.tmp, where Postfix's own postconf has it."""
    path = tmp_path / "main.cf"
    path.write_text("a = 1\n")
    with open(tmp_path / "main.cf.tmp", "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        thread = threading.Thread(target=edit_file, args=(str(path), set_to(a="2")))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive() and path.read_text() == "a = 1\n"
    thread.join()
    assert path.read_text() == "a = 2\n"

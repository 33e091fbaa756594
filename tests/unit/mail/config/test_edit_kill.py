"""An editor that is killed: the file is the old one or the new one, and the next editor goes on.

Each editor is a process of its own, killed at a named point or at any.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from pyfix.mail.config import maincf
from pyfix.mail.config.edit import edit_file
from pyfix.mail.config.edit_main import edit_text

_HEAD = """
import os, signal, sys
from functools import partial
from pyfix.mail.config import edit
from pyfix.mail.config.edit_main import edit_text
path, point = sys.argv[1:3]
"""
_KILLED_AT = (
    _HEAD
    + """
def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(edit if hasattr(edit, point) else edit.os, point, die)
edit.edit_file(path, partial(edit_text, changes={"new": "2" * 100000}))
"""
)
_EDITS_ON = (
    _HEAD
    + """
for number in range(10000):
    edit.edit_file(path, partial(edit_text, changes={f"{point}{number}": "1"}))
    print(number, flush=True)
"""
)
OLD = "# head\nold = 1\n" + "# comment\n" * 10000


def start(script: str, path: Path, argument: str) -> subprocess.Popen[str]:
    """Start an editor."""
    return subprocess.Popen([sys.executable, "-c", script, path, argument], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("point", ["_has_name", "ftruncate", "write_all", "fchmod", "fsync", "rename"])
def test_editor_that_is_killed_before_its_rename_leaves_the_old_file(point: str, tmp_path: Path) -> None:
    """What it left beside the file hinders nobody."""
    path = tmp_path / "main.cf"
    path.write_text(OLD)
    with start(_KILLED_AT, path, point) as editor:
        assert editor.wait(60) == -9
    assert path.read_text() == OLD
    edit_file(str(path), partial(edit_text, changes={"last": "3"}))
    assert path.read_text() == OLD + "last = 3\n"
    assert [found.name for found in tmp_path.iterdir()] == ["main.cf"]


def test_editor_that_is_killed_after_its_rename_leaves_the_new_file(tmp_path: Path) -> None:
    """Whole."""
    path = tmp_path / "main.cf"
    path.write_text(OLD)
    with start(_KILLED_AT, path, "sync_directory") as editor:
        assert editor.wait(60) == -9
    assert path.read_text() == f"{OLD}new = {'2' * 100000}\n"


def test_change_that_was_reported_outlives_the_kill_of_its_editor(tmp_path: Path) -> None:
    """Four editors at once, each killed in the midst of its work: nothing of what they reported is lost."""
    path = tmp_path / "main.cf"
    path.write_text(OLD)
    editors = {name: start(_EDITS_ON, path, name) for name in "abcd"}
    done: set[str] = set()
    for rounds, (name, editor) in enumerate(editors.items(), 5):
        with editor:
            assert editor.stdout
            numbers = [editor.stdout.readline().strip() for _ in range(rounds)]
            editor.kill()
            numbers += editor.stdout.read().split()
        done |= {name + number for number in numbers}
    settings = maincf.read(str(path)).settings
    assert done <= set(settings) and len(done) >= 26
    edit_file(str(path), partial(edit_text, changes={"last": "3"}))
    assert path.read_text().endswith("last = 3\n")

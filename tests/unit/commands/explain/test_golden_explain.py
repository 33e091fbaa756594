"""`pyfix explain` over a folder of configurations: one for each way in which mail is refused, or goes astray.

A case is a folder with main.cf, the arguments and what is printed; master.cf is the one beside the cases where a case
has none of its own.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyfix.commands.pyfix import explain
from pyfix.mail.config import Config

CASES = Path(__file__).parents[3] / "golden" / "explain"
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())


class Call:
    """What the options before the subcommand say: a configuration in the present directory, on a machine that is the
    same everywhere."""

    def config(self) -> Config:
        """Return it."""
        return Config.from_text(Path("main.cf").read_text(), directory=".")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_printed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the letter: which reply, which restriction and which line, the way of the message, every table."""
    for path in (CASES / "master.cf", *(CASES / name).iterdir()):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(explain, shlex.split((CASES / name / "arguments").read_text()), obj=Call())
    assert (result.exit_code, result.output) == (0, (CASES / name / "expected").read_text())


def test_there_are_enough_cases() -> None:
    """Ten and more of relay access denied and of wrong classes, as was promised."""
    assert sum(name.startswith(("relay-denied", "class-")) for name in NAMES) >= 10

"""What commands say when what they print can't be written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CALLS = {
    "postconf": ["-c", "etc", "-n"],
    "postconf -m": ["-c", "etc", "-m"],
    "postmap": ["-c", "etc", "-s", "texthash:etc/main.cf"],
    "pyfix explain": ["-c", "etc", "explain", "joe@example.test"],
    "pyfix check": ["-c", "etc", "check", "--json"],
    "pyfix domain": ["-c", "etc", "domain", "list"],
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A folder with a configuration in etc."""
    (tmp_path / "etc").mkdir()
    text = f"accounts_database = sqlite:{tmp_path}/accounts.sqlite\ncompatibility_level = 3.6\n"
    (tmp_path / "etc" / "main.cf").write_text(text)
    (tmp_path / "etc" / "master.cf").write_text("local unix - n n - - local\n")
    run(tmp_path, "pyfix", ["-c", "etc", "domain", "add", "example.test"])
    return tmp_path


def run(directory: Path, program: str, arguments: list[str], output: str = "/dev/null") -> tuple[int, str]:
    """Run a program with its output in a file; return its exit status and what it said on standard error."""
    code = f"from pyfix.commands.{program} import main; main()"
    with open(output, "w") as file:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=directory, stdout=file, stderr=subprocess.PIPE, check=False
        )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("call", CALLS)
def test_full_disk_is_told_in_one_line(call: str, directory: Path) -> None:
    """Whatever the command prints: a line that says so, no traceback, and exit status 1."""
    program = call.split()[0]
    status, said = run(directory, program, CALLS[call], "/dev/full")
    lines = [line for line in said.splitlines() if "warning" not in line]
    assert (status, lines) == (1, [f"{program}: fatal: system error: No space left on device"])


@pytest.mark.parametrize("call", [*CALLS, "mailq"])
def test_closed_standard_output_is_dev_null(call: str, directory: Path) -> None:
    """The command does its work as if nobody looked, without a traceback."""
    program, arguments = call.split()[0], CALLS.get(call, ["-Cetc"])
    code = f"from pyfix.commands.{program} import main; main()"
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- >&-', "sh", sys.executable, "-c", code, *arguments],
        cwd=directory, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.decode()) == run(directory, program, arguments)

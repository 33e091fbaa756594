"""The two postconf programs, given the same command lines over the same files.

What is compared: exit status, standard output, standard error and the bytes of both files. Left aside are the name of
the program, the order of warnings (Postfix's comes from a hash table), warnings about unused and undefined parameters,
and what pyfix adds to Postfix's words: file and line before them, a remedy behind them, letters that are not ASCII.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from pyfix.commands.postconf import main

OLD = 1_000_000_000
"""When the files were changed last; Postfix waits for two seconds before it reads a fresh one."""
_AT_ONCE = 60
"""Postfix sleeps for a second before it ends with an error."""
_FILES = ("main.cf", "master.cf")
_PLACE = re.compile(r"^(warning: |fatal: )(?:file )?(?:DIR/)?m\w+\.cf[:,] (?:line \d+: )?")
_FIELD_COUNT = re.compile(r'(bad field count): ".*"$')


@dataclass(frozen=True, slots=True)
class Case:
    """Two files and a command line."""

    main: bytes
    master: bytes
    words: Sequence[str]

    def lay_out(self, directory: Path) -> None:
        """Write the files."""
        directory.mkdir()
        for name, data in zip(_FILES, (self.main, self.master), strict=True):
            (directory / name).write_bytes(data)
            os.utime(directory / name, (OLD, OLD))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it."""

    status: int
    output: bytes
    complaints: list[str]
    files: list[bytes]


def _outcome(directory: Path, status: int, output: bytes, errors: bytes) -> Outcome:
    """Return the outcome and remove the files."""
    text = errors.decode("utf-8", "surrogateescape").replace(str(directory), "DIR")
    complaints = [_plain(line) for line in text.splitlines() if " parameter: " not in line]
    files = [(directory / name).read_bytes() for name in _FILES]
    shutil.rmtree(directory)
    return Outcome(status, output.replace(str(directory).encode(), b"DIR"), sorted(complaints), files)


def _plain(line: str) -> str:
    """Return a complaint without what the two say differently."""
    text = "".join(character if character.isascii() else "?" * len(character.encode()) for character in line)
    text = re.sub(r"^\S*(?:postconf|bounce): ", "", text).partition("; ")[0]
    return _FIELD_COUNT.sub(r"\1", _PLACE.sub(r"\1", text))


@dataclass(frozen=True, slots=True)
class Postconfs:
    """Postfix's postconf and ours, and where their files are put."""

    postfix: str
    directory: Path

    def differences(self, cases: Sequence[Case]) -> list[tuple[Case, Outcome, Outcome]]:
        """Return the cases with different outcomes: Postfix's, ours."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            theirs = list(pool.map(self._theirs, range(len(cases)), cases))
        ours = [self._ours(number, case) for number, case in enumerate(cases)]
        return [found for found in zip(cases, theirs, ours, strict=True) if found[1] != found[2]]

    def _theirs(self, number: int, case: Case) -> Outcome:
        """Run Postfix's."""
        directory = self.directory / f"theirs{number}"
        case.lay_out(directory)
        words = [self.postfix, "-c", str(directory), *case.words]
        result = subprocess.run(words, capture_output=True, check=False, timeout=60)
        return _outcome(directory, result.returncode, result.stdout, result.stderr)

    def _ours(self, number: int, case: Case) -> Outcome:
        """Run ours, in this process."""
        directory = self.directory / f"ours{number}"
        case.lay_out(directory)
        result = CliRunner().invoke(main, ["-c", str(directory), *case.words], catch_exceptions=False)
        return _outcome(directory, result.exit_code, result.stdout_bytes, result.stderr_bytes)

"""The two postmap programs, asked the same questions; and tables and keys to ask about, made by chance.

`-q -` takes all keys of a test in one call: "key TAB value" comes back for each that is found.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_OURS = [sys.executable, "-c", "from pyfix.commands.postmap import main; main()"]
_NAMES = [
    "root",
    "postmaster",
    "alice",
    "bob",
    "info",
    "a.b",
    "x",
    "o'neil",
    "müller",
    "用户",
    "joe-list",
    "0",
    "q*e",
    "a%b",
    "a\\b",
]
_DOMAINS = [
    "example.com",
    "Example.ORG",
    "sub.example.com",
    "a.b.c.d.test",
    "bücher.test",
    "localhost",
    "x",
    "[10.0.0.1]",
    ".dot.test",
]
_VALUES = [
    "OK",
    "REJECT",
    "alice@example.com",
    "a@b, c@d",
    "550 5.1.1 no such user",
    "relay:[mx.test]:25",
    "'quoted'",
    "näher",
    "x=1",
    "100%",
]


_WITH_SETTINGS = ("ldap", "memcache", "mysql", "pgsql", "sqlite")


def _age(path: Path) -> None:
    """Make a file old: Postfix reads one of name = value lines again, seconds later, that has just been written."""
    os.utime(path, (1_700_000_000, 1_700_000_000))


@dataclass(frozen=True)
class Postmaps:
    """Postfix's postmap and ours, each with a main.cf of its own."""

    postfix: str
    postfix_directory: Path
    directory: Path

    @classmethod
    def make(cls, postfix: str, folder: Path, settings: str = "") -> Postmaps:
        """Lay out both configurations; `settings` are lines for both main.cf."""
        theirs, ours = folder / "postfix", folder / "pyfix"
        for directory in (theirs, ours):
            directory.mkdir()
            text = f"compatibility_level = 3.7\nmyhostname = mail.example.test\n{settings}"
            (directory / "main.cf").write_text(text)
            _age(directory / "main.cf")
        for path in Path("/etc/postfix").glob("dynamicmaps.cf*"):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, theirs / path.name)
        return cls(postfix, theirs, ours)

    def theirs(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run Postfix's postmap."""
        for argument in arguments:
            kind, _, path = argument.partition(":")
            if kind in _WITH_SETTINGS and os.path.isfile(path):
                _age(Path(path))
        return _run([self.postfix, "-c", str(self.postfix_directory), *arguments], stdin)

    def ours(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run ours."""
        return _run([*_OURS, "-c", str(self.directory), *arguments], stdin)

    def assert_both_fail(self, kind: str, tables: list[tuple[str, str]]) -> None:
        """Both end with status 1 and a fatal line for each table and key.

        A table is what its file holds. Postfix waits a second or two before it ends so: all do that at the same time.
        """
        questions = []
        for number, (text, key) in enumerate(tables):
            path = self.directory.parent / f"failing{number}.cf"
            path.write_text(text)
            questions.append(["-q", key, f"{kind}:{path}"])
        with ThreadPoolExecutor(8) as threads:
            theirs = threads.map(lambda words: self.theirs(*words), questions)
            ours = (self.ours(*words) for words in questions)
            for table, *programs in zip(tables, theirs, ours, strict=True):
                for done in programs:
                    assert (done.returncode, done.stdout) == (1, ""), table
                    assert "fatal: " in done.stderr, table

    def assert_same_answers(self, spec: str, keys: list[str], other_spec: str = "") -> int:
        """Both give the same values for all keys; return how many were found. `other_spec`: what ours is called."""
        questions = "".join(f"{key}\n" for key in keys)
        expected = self.theirs("-q", "-", spec, stdin=questions)
        got = self.ours("-q", "-", other_spec or spec, stdin=questions)
        assert "fatal" not in expected.stderr, expected.stderr
        differing = set(got.stdout.splitlines()) ^ set(expected.stdout.splitlines())
        assert not differing, "\n".join(sorted(differing)[:20])
        assert got.stdout == expected.stdout
        assert got.returncode == expected.returncode
        return len(expected.stdout.splitlines())


def _run(command: list[str], stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)


def some_keys(chance: random.Random, count: int) -> list[str]:
    """Return different keys: names, addresses, domains, in all cases and with odd characters."""
    found: dict[str, None] = {}
    while len(found) < count:
        name = chance.choice(_NAMES) + (str(chance.randrange(count)) if chance.random() < 0.8 else "")
        if chance.random() < 0.2:
            name += f"+{chance.choice(_NAMES)}"
        domain = chance.choice(_DOMAINS)
        key = chance.choice([name, f"{name}@{domain}", f"{name}@{domain}", domain, f"@{domain}", f"{name}.{domain}"])
        found[chance.choice([key, key, key.upper(), key.title()])] = None
    return list(found)


def some_value(chance: random.Random) -> str:
    """Return the right-hand side of an entry."""
    return " ".join(chance.choice(_VALUES) for _ in range(chance.randrange(1, 3)))


def some_source(chance: random.Random, count: int) -> tuple[str, list[str]]:
    """Return the text of a table as people write them, and keys to ask: those in it, and as many that are not."""
    keys = some_keys(chance, 2 * count)
    lines = []
    for key in keys[:count]:
        separator = chance.choice([" ", "\t", "   "])
        lines.append(f"{key}{separator}{some_value(chance)}")
        lines += chance.choice(
            [[], [], [], ["# comment"], ["", "  \t"], [f"  {some_value(chance)}"], [f'"{key} x" quoted']]
        )
    return "\n".join(lines) + "\n", [*keys, *(f'"{key} x"' for key in keys[:count]), *map(str.swapcase, keys)]

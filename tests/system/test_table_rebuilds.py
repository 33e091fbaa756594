"""Tables are rebuilt while others read them, and builds are killed: whoever looks a key up finds a whole table.

Setup: a table of some thousand lines whose values name the build. Path: builds one after the other, readers all the
while; builds killed at any moment. Check: each open has all keys, of one build; the next build clears up.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

POSTMAP = [sys.executable, "-P", "-c", "from pyfix.commands.postmap import main; main()"]
LINES = 2000
KINDS = ["lmdb", "cdb"]
READER = """
import select, sys
from pyfix.mail.config import Config
from pyfix.mail.maps import open_maps

spec, lines, rounds = sys.argv[1], int(sys.argv[2]), 0
print("ready", flush=True)
seen = set()
while True:
    tables = open_maps(spec, "test_maps", Config.from_text(""))
    values = {tables.lookup(f"key{number}") for number in range(0, lines, 50)}
    if len(values) != 1 or None in values:
        raise SystemExit(f"a table of several builds, or of none: {sorted(map(str, values))[:5]}")
    seen |= values
    rounds += 1
    if rounds >= 3 and select.select([sys.stdin], [], [], 0)[0]:
        break
print(len(seen), rounds)
"""


def write_source(path: Path, build: int) -> None:
    """Write the source of a build; editors replace files, and so does this."""
    (path.parent / "next").write_text("".join(f"key{number} build{build}\n" for number in range(LINES)))
    (path.parent / "next").rename(path)


def postmap(path: Path, kind: str) -> subprocess.Popen[bytes]:
    """Begin a build."""
    environment = {**os.environ, "MAIL_CONFIG": str(path.parent)}
    return subprocess.Popen([*POSTMAP, f"{kind}:{path}"], env=environment, stderr=subprocess.PIPE)


def build(path: Path, kind: str) -> None:
    """Build."""
    with postmap(path, kind) as process:
        assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 0


@contextmanager
def readers(spec: str, count: int) -> Iterator[None]:
    """Let so many processes open the table and look all keys up, again and again; each must have seen whole tables."""
    started = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", READER, spec, str(LINES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(count)
    ]  # fmt: skip
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield
    finally:
        ends = [process.communicate("", timeout=60) for process in started]
    for out, err in ends:
        assert err == ""
        assert int(out.split()[1]) >= 3


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The source of a table, beside a main.cf."""
    (tmp_path / "main.cf").write_text("compatibility_level = 3.7\n")
    write_source(tmp_path / "t", 0)
    return tmp_path / "t"


@pytest.mark.parametrize("kind", KINDS)
def test_readers_see_whole_tables_during_rebuilds(kind: str, table: Path) -> None:
    """Two readers, five builds."""
    build(table, kind)
    with readers(f"{kind}:{table}", 2):
        for number in range(1, 6):
            write_source(table, number)
            build(table, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_killed_build_leaves_the_old_index(kind: str, table: Path) -> None:
    """Killed when it has just begun, is in the middle, or is about to end; what it left goes with the next build."""
    build(table, kind)
    index = next(path for path in table.parent.iterdir() if path.name.startswith("t."))
    chance = random.Random(kind)
    with readers(f"{kind}:{table}", 1):
        for number in range(1, 6):
            write_source(table, number)
            process = postmap(table, kind)
            left = _wait_for_scratch(table.parent, process)
            if left:
                size = chance.randrange(200_000)
                while process.poll() is None and _size(table.parent) < size:
                    pass
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
    assert index.exists()
    write_source(table, 99)
    build(table, kind)
    assert sorted(path.name for path in table.parent.iterdir()) == sorted(["main.cf", "t", index.name])


def _wait_for_scratch(folder: Path, process: subprocess.Popen[bytes]) -> bool:
    """Wait until the build has begun to write; False when it has ended before it was seen to."""
    while process.poll() is None:
        if any(".new." in name for name in os.listdir(folder)):
            return True
    return False


def _size(folder: Path) -> int:
    try:
        return sum(os.stat(folder / name).st_blocks * 512 for name in os.listdir(folder) if ".new." in name)
    except FileNotFoundError:
        return 1 << 60

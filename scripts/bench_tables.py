"""The rows of scripts/bench about large tables: how long postmap builds, what a lookup and a reader cost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
_READER = """
import json, random, sys, time
from pyfix.mail.config import Config
from pyfix.mail.maps import open_maps

def private_kib():
    fields = [line.split() for line in open("/proc/self/smaps_rollup")]
    return next(int(field[1]) for field in fields if field[0] == "Anonymous:")

kind, path, entries = sys.argv[1], sys.argv[2], int(sys.argv[3])
before = private_kib()
tables = open_maps(f"{kind}:{path}", "bench_maps", Config.from_text(""))
chance = random.Random(1)
keys = [f"user{n}@example{n % 1000}.com" for n in (chance.randrange(entries) for _ in range(10000))]
rounds = []
for _ in range(5):
    start = time.perf_counter()
    for key in keys:
        if tables.lookup(key) is None:
            raise SystemExit(f"{key} is missing")
    rounds.append(time.perf_counter() - start)
print(json.dumps({"us": min(rounds) / len(keys) * 1e6, "kib": private_kib() - before}))
"""


class BigTable:
    """A source of so many lines, in a directory of its own."""

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self._directory = Path(tempfile.mkdtemp(prefix="pyfix-bench-table-", dir="/var/tmp"))
        (self._directory / "main.cf").write_text("compatibility_level = 3.7\n")
        for path in Path("/etc/postfix").glob("dynamicmaps.cf"):
            shutil.copy(path, self._directory)
        with open(self._directory / "table", "w") as source:
            source.writelines(
                f"user{number}@example{number % 1000}.com\tmailbox{number}/Maildir/\n" for number in range(entries)
            )

    def build_s(self, server: str, kind: str) -> float:
        """Return the seconds that the postmap of a server takes."""
        postmap = str(BIN / "postmap") if server == "pyfix" else "/usr/sbin/postmap"
        start = time.monotonic()
        subprocess.run([postmap, "-c", str(self._directory), f"{kind}:{self._directory}/table"], check=True)
        return time.monotonic() - start

    def read(self, kind: str) -> tuple[float, int]:
        """Return microseconds a lookup after opening, and KiB of memory of its own that a reader has for the table."""
        self.build_s("pyfix", kind)
        done = subprocess.run(
            [sys.executable, "-c", _READER, kind, f"{self._directory}/table", str(self.entries)],
            check=True, capture_output=True,
        )  # fmt: skip
        figures = json.loads(done.stdout)
        return figures["us"], figures["kib"]

    def remove(self) -> None:
        """Remove it."""
        shutil.rmtree(self._directory, ignore_errors=True)

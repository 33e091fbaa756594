"""What must hold of every table that asks a server, whatever its type. Each check is given one with an entry in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from databases import Server

from pyfix.base import clock
from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config
from pyfix.mail.maps import Maps, TableError


@dataclass(frozen=True)
class Entry:
    """A key and its value."""

    key: str
    value: str


Open = Callable[..., Maps]
"""Opens a table; `config` has the log of its warnings."""


def check_restart_goes_unnoticed(table: Open, server: Server, entry: Entry) -> None:
    """The kept connection is replaced, and nobody is told."""
    config = Config.from_text("")
    config.log = log = MemoryLog()
    maps = table(config=config)
    assert maps.lookup(entry.key) == entry.value
    server.stop()
    server.start()
    assert maps.lookup(entry.key) == entry.value
    assert log.lines == []


def check_down_and_up(
    maps: Maps, server: Server, entry: Entry, silence_s: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is down is a temporary error, and asked again when it has been left alone for as long."""
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    server.stop()
    with pytest.raises(TableError, match=reason):
        maps.lookup(entry.key)
    server.start()
    now += silence_s - 1
    with pytest.raises(TableError, match=f"no server to ask; the last one failed: .*{reason}"):
        maps.lookup(entry.key)
    now += 2
    assert maps.lookup(entry.key) == entry.value


_IN_JAIL = """
import os, sys
from pyfix.mail.config import Config
from pyfix.mail.maps import open_maps
from pyfix.service.jail import load_modules
spec, key, value, jail, library = sys.argv[1:]
assert library not in sys.modules
maps = open_maps([spec], "test_maps", Config.from_text(""))
load_modules()
class Walled:
    def find_spec(self, name, path=None, target=None):
        raise AssertionError(f"import of {name}")
sys.meta_path.insert(0, Walled())
if os.getuid() == 0:
    os.chroot(jail)
    os.chdir("/")
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
assert maps.lookup(key) == value
"""


def check_jail(spec: str, entry: Entry, folder: Path, library: str = "none") -> None:
    """A table over TCP can be asked without rights, in an empty jail, where nothing can be imported any more.

    library: what no process has loaded before it opens such a table.
    """
    jail = folder / "jail"
    jail.mkdir()
    subprocess.run([sys.executable, "-c", _IN_JAIL, spec, entry.key, entry.value, str(jail), library], check=True)

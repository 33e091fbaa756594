"""Against Postfix's own postconf: files are changed byte for byte as it does it, and services shown as it does it.

Hundreds of files and command lines, made by chance, always the same ones; postconf_edit_cases.py lists what the two do
differently on purpose.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from postconf_edit_cases import MAIN_CF, main_edit, master_edit, master_show
from postconf_pair import Case, Postconfs

from pyfix.mail.config import ConfigError, maincf, mastercf
from pyfix.mail.config.edit import edit_file
from pyfix.mail.config.edit_main import edit_text
from pyfix.mail.config.edit_master import Action, Request, edit_services

pytestmark = pytest.mark.peer("postfix")

_FLAGS = [
    *([f"-{letter}"] for letter in "aAbtdefFhHlmMnpPxX#"), ["-o", "max_use=1"], ["-C", "user"], ["-T", "run-version"],
]  # fmt: skip
_ACCEPTED = (["-C", "user"], ["-T", "run-version"])
"""Go together in Postfix, which has TLS."""


@pytest.fixture
def postconfs(tmp_path: Path) -> Postconfs:
    """Both programs."""
    postfix = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")
    return Postconfs(os.path.join(os.path.dirname(postfix or "/usr/sbin/postfix"), "postconf"), tmp_path)


@pytest.mark.parametrize(
    ("make", "count"), [(main_edit, 600), (master_edit, 600), (master_show, 400)], ids=["main", "master", "show"]
)
def test_request_does_what_it_does_in_postfix(
    make: Callable[[random.Random], Case], count: int, postconfs: Postconfs
) -> None:
    """Status, output, messages and files."""
    choose = random.Random(20261126)
    assert postconfs.differences([make(choose) for _ in range(count)]) == []


def test_options_combine_as_in_postfix(postconfs: Postconfs) -> None:
    """Every pair: what is refused is refused in the same words."""
    words = itertools.cycle([["smtp/inet"], ["max_use=1"], []])
    cases = [
        Case(MAIN_CF, b"smtp inet n - n - - smtpd\n", [*first, *second, *next(words)])
        for first, second in itertools.combinations(_FLAGS, 2)
        if (first, second) != _ACCEPTED
    ]
    found = [
        (case.words, theirs.complaints, ours.complaints)
        for case, theirs, ours in postconfs.differences(cases)
        if theirs.status != 0 or ours.status != 0
    ]
    assert found == []


class _Reader(threading.Thread):
    """Reads a file again and again until it is stopped, and keeps the first thing that it sees wrong."""

    def __init__(self, read: Callable[[], set[str]]) -> None:
        super().__init__()
        self._read = read
        self._stopped = threading.Event()
        self.times = 0
        self.wrong: str | None = None

    def run(self) -> None:
        """What has been there once is there always."""
        seen: set[str] = set()
        while self.wrong is None and not self._stopped.is_set():
            try:
                found = self._read()
            except ConfigError as error:
                self.wrong = str(error)
                return
            if not seen <= found:
                self.wrong = f"lost: {seen - found}"
            seen = found
            self.times += 1

    def stop(self) -> None:
        """Wait until it has ended."""
        self._stopped.set()
        self.join()


@pytest.mark.parametrize("name", ["main.cf", "master.cf"])
def test_no_change_is_lost_while_both_programs_make_many(name: str, postconfs: Postconfs) -> None:
    """Ten of each side, five changes one after the other; who reads meanwhile sees whole files only."""
    directory = postconfs.directory
    path = directory / name
    is_main = name == "main.cf"
    (directory / "main.cf").write_bytes(MAIN_CF)
    path.write_text("# head\n" * 5000 + ("" if is_main else "start unix - - n - - smtp\n"))

    def setting(who: int, number: int) -> tuple[str, str]:
        """Return a name and a value, for master.cf a whole service."""
        new = f"x{who}_{number}"
        return (new, "1" * 500) if is_main else (f"{new}/unix", f"{new} unix - - n - - smtp -o a={'1' * 500}")

    def change(who: int) -> None:
        """Make five changes, by one program or the other."""
        for new, value in (setting(who, number) for number in range(5)):
            if who % 2:
                words = [postconfs.postfix, "-c", str(directory), *(["-e"] if is_main else ["-Me"]), f"{new}={value}"]
                subprocess.run(words, check=True, timeout=60)
            elif is_main:
                edit_file(str(path), partial(edit_text, changes={new: value}))
            else:
                request = Request(new, new.removesuffix("/unix"), "unix", value=value)
                edit_file(str(path), partial(edit_services, action=Action.REPLACE, requests=[request], path=name))

    def names() -> set[str]:
        """Return what the file sets."""
        if is_main:
            return set(maincf.read(str(path)).settings)
        return {entry.name for entry in mastercf.read(str(path))}

    reader = _Reader(names)
    reader.start()
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(change, range(20)))
    reader.stop()
    assert reader.wrong is None and reader.times > 0
    assert names() >= {f"x{who}_{number}" for who in range(20) for number in range(5)}
    assert not (directory / f"{name}.tmp").exists()

"""Which of Postfix's parameters pyfix has, by room, with the same default; and what the others belong to.

Postfix lists them with the services of its own master.cf, from which the parameters for one transport come. The list
stands at the end of the output of the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from postfix_pair import STOCK_MASTER_CF

from pyfix.commands.postconf import main
from pyfix.commands.review.features import find_rule
from pyfix.mail.config import discover
from pyfix.mail.config.parameters import Declared, PerTransport

pytestmark = pytest.mark.peer("postfix")

LEAST = 430
"""How many of them pyfix has, with some room for another master.cf."""
UNLIKE = {
    "alias_maps": "Postfix built with NIS adds nis:mail.aliases, a type of table that pyfix has not",
    "config_directory": "pyfix and Postfix may live on one machine",
    "data_directory": "pyfix and Postfix may live on one machine",
    "queue_directory": "pyfix and Postfix may live on one machine",
    "mail_version": "each has its own",
    "process_id": "each process has its own",
}
"""The parameters whose default differs, each with the reason."""


def defaults(text: str) -> dict[str, str]:
    """Return the lines of `postconf -d` by name."""
    return {line.split(" =")[0]: line for line in text.splitlines()}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A directory with Postfix's own master.cf, and the lines of its postconf -d."""
    if not STOCK_MASTER_CF.exists():
        pytest.skip(f"needs {STOCK_MASTER_CF}")
    directory = tmp_path_factory.mktemp("stock")
    shutil.copy(STOCK_MASTER_CF, directory / "master.cf")
    (directory / "main.cf").write_text("")
    for name in ("main.cf", "master.cf"):
        os.utime(directory / name, (1, 1))
    postfix = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")
    postconf = os.path.join(os.path.dirname(postfix or "/usr/sbin/postfix"), "postconf")
    done = subprocess.run(
        [postconf, "-c", str(directory), "-d"], capture_output=True, text=True, check=True, timeout=60
    )
    return directory, defaults(done.stdout)


@pytest.fixture(scope="module")
def ours(theirs: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """The lines of pyfix's postconf -d."""
    return defaults(CliRunner().invoke(main, ["-c", str(theirs[0]), "-d"]).stdout)


def rooms() -> Mapping[str, str]:
    """Return the room that declares each name, for a family by its suffix."""
    return {
        item.name: "/".join(declaring.__module__.split(".")[1:-1])
        for parameter_set in discover.parameter_sets()
        for declaring in parameter_set.__mro__
        for item in vars(declaring).values()
        if isinstance(item, Declared)
    }


def room_of(name: str, known: Mapping[str, str]) -> str:
    """Return the room of a parameter."""
    family = discover.family_of(name)
    return known[name] if name in known or not isinstance(family, PerTransport) else known[family.suffix]


def feature_of(name: str, line: str) -> str:
    """Return what a parameter that pyfix lacks belongs to."""
    rule = find_rule(name, line.partition("=")[2].strip())
    return re.split(r" (?:is|are) not ", rule.feature)[0] if rule else "nothing that has a name"


def report(theirs: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    """Return the lines that tell a reader."""
    common = sorted(theirs.keys() & ours.keys())
    known = rooms()
    had = Counter(room_of(name, known) for name in common)
    lacking = Counter(feature_of(name, line) for name, line in theirs.items() if name not in ours)
    total = len(theirs)
    lines = [f"{len(common)} of {total} parameters of Postfix ({len(common) / total:.0%}), by room:"]
    lines += [f"  {count:4} {count / total:5.1%}  {room}" for room, count in had.most_common()]
    lines.append(f"{total - len(common)} that pyfix lacks, by feature:")
    lines += [f"  {count:4} {count / total:5.1%}  {feature}" for feature, count in lacking.most_common()]
    return lines


def test_parameters_that_both_have_have_the_same_default(
    theirs: tuple[Path, dict[str, str]], ours: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    """The same line of postconf -d, transport by transport too; what differs is named with its reason."""
    record_property("summary", "\n".join(report(theirs[1], ours)))
    common = theirs[1].keys() & ours.keys()
    different = {name: (theirs[1][name], ours[name]) for name in common if theirs[1][name] != ours[name]}
    assert {name: lines for name, lines in different.items() if name not in UNLIKE} == {}
    assert len(common) >= LEAST


def test_no_difference_is_listed_that_is_none(theirs: tuple[Path, dict[str, str]], ours: dict[str, str]) -> None:
    """The list of reasons holds what it must, no more; alias_maps differs where Postfix is built with NIS."""
    assert [name for name in UNLIKE if name not in ours or name not in theirs[1]] == []
    assert [name for name in UNLIKE if theirs[1][name] == ours[name] and name != "alias_maps"] == []

"""Each parameter of the installed Postfix is pyfix's, too, or there is a reason why not."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from pyfix.commands.review import Loss
from pyfix.commands.review.features import find_rule
from pyfix.mail.config import discover
from pyfix.mail.config.unused import is_known

pytestmark = pytest.mark.peer("postfix")


@pytest.fixture(scope="module")
def parameters() -> dict[str, str]:
    """Name and default of each."""
    postfix = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")
    command = [os.path.join(os.path.dirname(postfix or "/usr/sbin/postfix"), "postconf"), "-d"]
    output = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
    found = {name: value.strip() for name, _, value in (line.partition(" =") for line in output.splitlines())}
    assert len(found) > 900
    return found


def lacking(parameters: dict[str, str]) -> list[str]:
    """Return the names that pyfix lacks, for whatever service of master.cf."""
    transports = {
        name.removesuffix(family.suffix)
        for name in parameters
        for family in discover.families()
        if name.endswith(family.suffix)
    }
    return [name for name in parameters if not is_known(name, transports)]


def test_each_parameter_that_is_lacking_has_a_feature(parameters: dict[str, str]) -> None:
    """Not only "unknown": who imports a configuration wants to know what is missing."""
    assert [name for name in lacking(parameters) if find_rule(name, parameters[name]) is None] == []


def test_defaults_of_postfix_lose_nothing(parameters: dict[str, str]) -> None:
    """A file that repeats a default must not frighten anybody."""
    refers = {name for name in parameters if parameters[name].startswith("$")}
    frightening = {
        name
        for name in set(lacking(parameters)) - refers
        if (rule := find_rule(name, parameters[name])) is not None and rule.loss is not Loss.NOTHING
    }
    assert frightening == set()

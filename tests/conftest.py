"""What all tests share: a whole instance, an SMTP sink, and the rule for programs from outside."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from instance import Instance, new_instance
from sink import Sink

# How long an example takes depends on what else the machine does. CI tries the same examples each time.
hypothesis.settings.register_profile("pyfix", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis.settings.load_profile("pyfix")


@pytest.fixture
def instance() -> Iterator[Instance]:
    """A private mail system, laid out but not started, so that the test can configure it."""
    with new_instance() as made:
        yield made


@pytest.fixture
def running(instance: Instance) -> Instance:
    """A private mail system that runs."""
    instance.start()
    return instance


@pytest.fixture
def sink() -> Iterator[Sink]:
    """An SMTP server that takes everything until the test says otherwise."""
    with Sink() as server:
        yield server


def find_program(name: str) -> str:
    """Return the path of a program from outside; skip the test without it, or fail where CI promises it."""
    places = [os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/local/sbin"]
    places += map(str, Path("/usr/lib/postgresql").glob("*/bin"))  # Debian's, which has several versions side by side
    path = shutil.which(name, path=":".join(places))
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"needs {name}, which CI has to install", pytrace=False)
        pytest.skip(f"needs {name}")
    return path


@pytest.fixture(scope="session")
def need() -> Callable[[str], str]:
    """The function find_program; mark the test with `peer(name)` too."""
    return find_program


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Apply the markers: peer(name) needs programs, root needs root."""
    for mark in item.iter_markers("peer"):
        for name in mark.args:
            find_program(name)
    if item.get_closest_marker("root") and os.getuid() != 0:
        pytest.skip("needs root")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show at the end what tests have recorded as "summary" for a reader."""
    for report in terminalreporter.stats.get("passed", []):
        for name, text in report.user_properties:
            if name == "summary":
                terminalreporter.section(report.nodeid.partition("::")[2])
                terminalreporter.write_line(str(text))

"""A main.cf that was written for Postfix runs pyfix, with only the directories changed.

Setup: the main.cf of a Postfix instance for measurements, and Debian's master.cf with its chroot column turned off.
Path: SMTP in, virtual Maildir, relay to a sink. Check: both have the message; the log names nothing but settings and
services that pyfix does not have.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from instance import Client, free_port, mail, wait_until
from postfix_pair import MAIN_CF, STOCK_MASTER_CF, MailSystem, pyfix_command
from sink import Sink

pytestmark = [pytest.mark.system, pytest.mark.root, pytest.mark.peer("postfix")]
NOT_THERE = r"unused parameter: \w+=|service \S+: pyfix has no program '\S+': not started"
DOMAIN = "pair.test"


class BenchSystem(MailSystem):
    """pyfix with the files as they are for Postfix: MailSystem leaves the chroot column alone for pyfix."""

    def lay_out(self, sink: int, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        """Turn it off, as whoever runs Postfix from a private directory has to."""
        super().lay_out(sink, settings)
        path = self.directory / "etc" / "master.cf"
        path.write_text(re.sub(r"(?m)^(\S+ +(?:unix|inet) +\S+ +\S+ +)y( .*)$", r"\1n\2", path.read_text()))
        main_cf = self.directory / "etc" / "main.cf"
        text = MAIN_CF.replace("notify_classes = bounce, 2bounce, resource, software\n", "")
        main_cf.write_text(text.format(directory=self.directory, sink=sink))


@pytest.fixture
def system(sink: Sink, need: Callable[[str], str]) -> Iterator[BenchSystem]:
    """Laid out, not started."""
    need("postfix")
    if not STOCK_MASTER_CF.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"needs {STOCK_MASTER_CF}, which CI has to install", pytrace=False)
        pytest.skip(f"needs {STOCK_MASTER_CF}")
    directory = Path(tempfile.mkdtemp(prefix="pyfix-shared-"))
    directory.chmod(0o755)
    made = BenchSystem("pyfix", directory / "pyfix", free_port(), pyfix_command())
    try:
        made.lay_out(sink.port)
        yield made
    finally:
        if made.run("status").returncode == 0:
            made.stop()
        log = made.directory / "log"
        print(log.read_text(errors="replace") if log.exists() else "no log")  # noqa: T201 - pytest shows it on failure
        shutil.rmtree(directory, ignore_errors=True)


def test_main_cf_for_postfix_runs_pyfix(system: BenchSystem, sink: Sink) -> None:
    """One message into the Maildir, one to the sink, in one transaction each and both in one."""
    system.start()
    client = Client(system.port)
    client.send("me@client.test", [f"box@{DOMAIN}"], mail("to the box"))
    client.send("me@client.test", ["bob@relay.test"], mail("to the sink"))
    client.send("me@client.test", [f"box@{DOMAIN}", "bob@relay.test"], mail("to both"))
    client.close()
    found = system.delivered(2)
    assert [re.findall(rb"(?m)^Subject: (.*)$", content) for content in found] == [[b"to both"], [b"to the box"]]
    wait_until(lambda: len(sink.taken) == 2, "two messages at the sink")
    assert {taken.recipients[0] for taken in sink.taken} == {"bob@relay.test"}
    (path, _) = (system.directory / "mail" / "box" / "Maildir" / "new").iterdir()
    assert (path.stat().st_uid, path.stat().st_gid) == (2525, 2525)


def test_nothing_but_missing_parts_is_warned_about(system: BenchSystem) -> None:
    """What start and check print: each line names a setting or a service that pyfix does not have."""
    system.start()
    assert system.run("check").returncode == 0
    system.stop()
    printed = (system.directory / "output").read_text() + (system.directory / "log").read_text()
    warnings = [line for line in printed.splitlines() if re.search(r"warning|error|fatal|panic", line)]
    assert [line for line in warnings if not re.search(NOT_THERE, line)] == []

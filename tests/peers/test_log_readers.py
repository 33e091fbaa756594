"""Postfix's log tools read pyfix's log, and count what was sent.

Setup: an instance whose next host takes, refuses or puts off mail by the name of the recipient.
Check: pflogsumm's totals and fail2ban's matches are the numbers that the test sent.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from instance import Instance, wait_until
from sink import Sink

pytestmark = pytest.mark.system

DELIVERED, DEFERRED, BOUNCED, REJECTED = 5, 3, 2, 4


def verdict(command: str) -> str:
    """Answer RCPT by the recipient's name."""
    if not command.startswith("RCPT"):
        return ""
    if "refused" in command:
        return "550 5.1.1 no such user"
    return "451 4.2.1 later" if "later" in command else ""


@pytest.fixture
def log(instance: Instance, sink: Sink) -> Path:
    """A log with known numbers of everything; bounces return to a mailbox, which counts as delivered too."""
    sink.answer = verdict
    instance.set(relayhost=sink.nexthop)
    instance.start()
    for number in range(DELIVERED):
        instance.send(f"taken{number}@elsewhere.test")
    for number in range(DEFERRED):
        instance.send(f"later{number}@elsewhere.test")
    for number in range(BOUNCED):
        instance.send(f"refused{number}@elsewhere.test", sender=instance.address)
    for number in range(REJECTED):
        client = instance.connect()
        client.smtp.docmd("MAIL", "FROM:<sender@client.test>")
        assert client.smtp.docmd("RCPT", f"TO:<nobody{number}@example.test>")[0] == 550
        client.close()
    instance.wait_for_mail(BOUNCED)
    wait_until(lambda: len(sink.taken) == DELIVERED, "all messages at the sink")
    wait_until(lambda: len(instance.queue_files()) == DEFERRED, "only deferred messages left")
    instance.stop()
    return instance.directory / "log" / "maillog"


@pytest.mark.peer("pflogsumm")
def test_pflogsumm_counts_what_was_sent(log: Path, need: Callable[[str], str]) -> None:
    """Received, delivered, deferred, bounced and rejected, to the message."""
    report = subprocess.run([need("pflogsumm"), str(log)], capture_output=True, text=True, check=True).stdout
    totals = dict(_totals(report))
    assert totals["received"] == DELIVERED + DEFERRED + BOUNCED
    assert totals["delivered"] == DELIVERED + BOUNCED
    assert totals["deferred"] == DEFERRED
    assert totals["bounced"] == BOUNCED
    assert totals["rejected"] == REJECTED


def _totals(report: str) -> list[tuple[str, int]]:
    """Return the grand totals of a report."""
    lines = re.findall(r"^ +(\d+) +(\w+)", report.split("Grand Totals")[1], re.MULTILINE)
    return [(name, int(count)) for count, name in lines]


@pytest.mark.peer("fail2ban-regex")
def test_fail2ban_finds_every_rejection(log: Path, need: Callable[[str], str]) -> None:
    """The stock filter for Postfix matches each rejected recipient, and nothing else."""
    command = [need("fail2ban-regex"), str(log), "postfix"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Failregex: (\d+) total", report)
    assert found, report
    assert int(found[1]) == REJECTED

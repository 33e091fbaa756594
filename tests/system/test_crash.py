"""Nothing that was answered 250 is lost, whatever is killed.

Setup: a private instance under load from several clients, each message with a number of its own.
Path: kill -9 on random processes, every few seconds on the master, then a start; at the end one more start, and quiet.
Check: every number that was answered 250 is in the mailbox; one is there twice only if a process was killed about
when the first copy was written, that is while its delivery was in flight.

PYFIX_CRASH_SECONDS and PYFIX_CRASH_MESSAGES say how long it goes on: both goals are reached (60 and 5000 in
scripts/test; little by default).
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import smtplib
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from instance import Instance, mail, wait_until

SECONDS = float(os.environ.get("PYFIX_CRASH_SECONDS", "10"))
MESSAGES = int(os.environ.get("PYFIX_CRASH_MESSAGES", "300"))
CLIENTS = 6
KILL_EVERY_S = 0.4
MASTER_EVERY = 12
"""Every so many kills it is the master's turn."""
IN_FLIGHT_S = 10.0
"""A process that is killed may have delivered this long before: the mark in the queue file was not made yet, because
other recipients of its batch were under way, or the machine was busy."""

pytestmark = [pytest.mark.system, pytest.mark.timeout(SECONDS * 5 + 300)]


@dataclass
class Record:
    """What happened, by the test's own clock."""

    accepted: set[str] = field(default_factory=set)
    kills: list[float] = field(default_factory=list)
    master_kills: int = 0
    stop: threading.Event = field(default_factory=threading.Event)


def send_all_the_time(instance: Instance, record: Record, client: int) -> None:
    """Send numbered messages, on new connections whenever the old one broke, and note what was answered 250."""
    count = 0
    while not record.stop.is_set():
        with contextlib.suppress(OSError, smtplib.SMTPException, AssertionError):
            connection = instance.connect()
            try:
                while not record.stop.is_set():
                    count += 1
                    number = f"{client}-{count}"
                    connection.send(
                        "sender@client.test", [instance.address], mail(number, "x" * random.randint(1, 9000))
                    )
                    record.accepted.add(number)
            finally:
                connection.smtp.close()
        record.stop.wait(0.05)


def kill_all_the_time(instance: Instance, record: Record) -> None:
    """Kill one process after the other; start the system again when it was the master."""
    while not record.stop.wait(KILL_EVERY_S):
        is_masters_turn = len(record.kills) % MASTER_EVERY == MASTER_EVERY - 1
        master = instance.master()
        victims = [master] if is_masters_turn else [pid for pid in instance.processes() if pid != master]
        if not victims:
            continue
        with contextlib.suppress(ProcessLookupError):
            os.kill(random.choice(victims), signal.SIGKILL)
        record.kills.append(time.time())
        if is_masters_turn:
            record.master_kills += 1
            restart(instance)


def restart(instance: Instance) -> None:
    """Start again after the master's death; its last workers may still be on their way out."""
    wait_until(lambda: instance.pyfix("start").returncode == 0 or instance.is_running, "a new start", 60)


def delivered(folder: Path) -> dict[str, list[float]]:
    """Return when each number was delivered."""
    found: dict[str, list[float]] = defaultdict(list)
    for path in folder.iterdir():
        match = re.search(rb"^Subject: (\S+)", path.read_bytes(), re.MULTILINE)
        assert match, f"damaged message {path}"
        found[match[1].decode()].append(path.stat().st_mtime)
    return found


def test_no_message_is_lost_whatever_is_killed(instance: Instance) -> None:
    """See the module."""
    instance.set(service_throttle_time="1s", queue_run_delay="2s", minimal_backoff_time="2s", maximal_backoff_time="2s")
    instance.start()
    record = Record()
    threads = [threading.Thread(target=send_all_the_time, args=(instance, record, n)) for n in range(CLIENTS)]
    threads.append(threading.Thread(target=kill_all_the_time, args=(instance, record)))
    end = time.monotonic() + SECONDS
    try:
        for thread in threads:
            thread.start()
        wait_until(
            lambda: time.monotonic() > end and len(record.accepted) >= MESSAGES and record.master_kills > 0,
            "enough messages and kills", SECONDS * 4 + 120,
        )  # fmt: skip
    finally:
        record.stop.set()
        for thread in threads:
            thread.join()
    os.kill(instance.master(), signal.SIGKILL)
    record.kills.append(time.time())
    restart(instance)
    check_nothing_is_lost(instance, record)


def check_nothing_is_lost(instance: Instance, record: Record) -> None:
    """Wait until the queue is empty, then compare."""
    instance.pyfix("flush")
    wait_until(
        lambda: not instance.queue_files("active", "deferred") and not complete_files(instance), "an empty queue", 120
    )
    found = delivered(instance.maildir())
    assert record.accepted - set(found) == set()
    twice = {number: times for number, times in found.items() if len(times) > 1}
    unexplained = [number for number, times in twice.items() if not was_in_flight(sorted(times), record.kills)]
    assert unexplained == []
    assert instance.queue_files("corrupt") == []
    print(f"{len(record.accepted)} accepted, {len(record.kills)} kills, {len(twice)} delivered twice")  # noqa: T201 - with -s


def complete_files(instance: Instance) -> list[Path]:
    """Return messages in incoming; what a killed smtpd left incomplete is debris, which goes by itself."""
    return [path for path in instance.queue_files("incoming") if path.exists() and path.stat().st_mode & 0o100]


def was_in_flight(times: list[float], kills: list[float]) -> bool:
    """True when something was killed shortly after each delivery that was repeated."""
    return all(any(first - 1 <= kill <= first + IN_FLIGHT_S for kill in kills) for first in times[:-1])

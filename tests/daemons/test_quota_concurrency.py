"""Many who deliver and one who deletes, on one mailbox: maildirsize ends equal to a recount, and no message is lost.

Eight virtual processes with queues of their own deliver to one Maildir, while readers' sessions remove half of what
they find, again and again. The limit is so small that some deliveries are refused, which takes recounts, and
maildirsize grows so long that it is counted anew. Whoever takes the lock in between finds sum and count equal, too.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import RunningWorker, run_worker
from mail_agents import deliver, enqueue, reachable_directory

from pyfix.daemons.virtual.daemon import SERVICE
from pyfix.mail.mailbox.quota import WHOLE_TREE, Ledger, Usage
from pyfix.mail.mailbox.quota.count import count
from pyfix.mail.mailbox.reading import open_mailbox

IS_ROOT = os.getuid() == 0
UID = 2525 if IS_ROOT else os.getuid()
WORKERS, REQUESTS, RECIPIENTS = 8, 8, 5
LIMIT = 40_000


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that other users reach too."""
    yield from reachable_directory()


def main_cf(mail: Path) -> str:
    """A configuration in which all recipients share one mailbox."""
    return f"""
virtual_mailbox_base = {mail}
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{UID}
virtual_gid_maps = static:{UID}
virtual_minimum_uid = 1
virtual_mailbox_limit_maps = static:{LIMIT}S
virtual_mailbox_limit_override = yes
"""


def delete_again_and_again(
    maildir: str, stop: Callable[[], bool], told: multiprocessing.Queue[tuple[int, list[str]]]
) -> None:
    """Sessions that remove every second message; runs as the owner, in a process of its own.

    Tells how many were removed, and where sum and count differed.
    """
    if IS_ROOT:
        os.setgid(UID)
        os.setuid(UID)
    total = sessions = 0
    differences: list[str] = []
    while not stop() or not sessions:
        mailbox = open_mailbox(f"maildir:{maildir}/", lock=False)
        while not mailbox.measure():
            pass
        done = mailbox.expunge(range(1, len(mailbox) + 1, 2))
        assert not done.failures
        total += done.messages
        sessions += 1
        mailbox.close()
        differences += audit(Path(maildir))
    told.put((total, differences))


def audit(box: Path) -> list[str]:
    """Take the lock; return how the sum differs from the count, where there is a sum."""
    with Ledger.open(str(box)):
        if not (box / "maildirsize").exists():
            return []
        summed, counted = sum_of(box), count_of(box)
    return [] if summed == counted else [f"{summed}, but {counted}"]


def sum_of(box: Path) -> Usage:
    """What maildirsize says."""
    rows = [line.split() for line in (box / "maildirsize").read_text().splitlines()[1:]]
    return Usage(sum(int(row[0]) for row in rows), sum(int(row[1]) for row in rows))


def count_of(box: Path) -> Usage:
    """What is there."""
    fd = os.open(box, os.O_RDONLY)
    try:
        return count(fd, WHOLE_TREE).used
    finally:
        os.close(fd)


def deliver_all(worker: RunningWorker, root: Path, accepted: list[int]) -> None:
    """Send all requests of one worker; note how many recipients have their message."""
    addresses = [f"r{number}@b.test" for number in range(RECIPIENTS)]
    for number in range(REQUESTS):
        answer = deliver(worker, enqueue(root, addresses, b"x" * (400 + 37 * number) + b"\n"))
        assert {outcome.dsn.status for outcome in answer.outcomes} <= {"4.2.2"}
        accepted.append(RECIPIENTS - len(answer.outcomes))


def test_maildirsize_equals_the_recount(tmp_path: Path) -> None:
    """What was accepted is there or was deleted, and the sum of all lines is what is there."""
    mail = tmp_path / "mail"
    box = mail / "box"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    if IS_ROOT:
        for path in (mail, box, *box.iterdir()):
            os.chown(path, UID, UID)
    context = multiprocessing.get_context("fork")
    stop, told = context.Event(), context.Queue()
    accepted: list[int] = []
    with contextlib.ExitStack() as workers:
        running = [
            (workers.enter_context(run_worker(SERVICE, main_cf(mail), tmp_path / f"w{n}", name="virtual")), n)
            for n in range(WORKERS)
        ]
        deleter = context.Process(target=delete_again_and_again, args=(str(box), stop.is_set, told))
        deleter.start()
        threads = [
            threading.Thread(target=deliver_all, args=(worker, tmp_path / f"w{n}", accepted)) for worker, n in running
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stop.set()
        gone, differences = told.get(timeout=60)
        deleter.join()
    assert deleter.exitcode == 0
    assert len(accepted) == WORKERS * REQUESTS
    present = list((box / "new").iterdir()) + list((box / "cur").iterdir())
    assert len(present) == sum(accepted) - gone
    assert sum_of(box) == count_of(box) == Usage(sum(path.stat().st_size for path in present), len(present))
    assert differences == []
    assert 0 < gone <= sum(accepted)

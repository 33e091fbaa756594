"""Commands that are killed while they change accounts in the embedded file.

Path: several processes add and remove mailboxes and report each change that has returned; all are killed. Check: the
files are whole and belong together, every change that was reported is there, and the limit of the domain holds.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pyfix.mail.accounts import Domain, Mailbox, Refused, Store, open_store
from pyfix.mail.config import Config

WORKERS = 3
LIMIT = 60


def work(config: Config, worker: int, reports: int) -> None:
    """Add mailboxes for ever, remove every third again, and report each change in a line of its own."""
    store = open_store(config)
    for number in range(10_000):
        name = f"{worker}-{number}@x.test"
        try:
            store.mailboxes.add(Mailbox(name, "x.test", password_of(name), maildir=f"x.test/{worker}-{number}/"))
        except Refused:
            os.write(reports, f"full {name}\n".encode())
            continue
        os.write(reports, f"added {name}\n".encode())
        if number % 3 == 0:
            os.write(reports, f"removing {name}\n".encode())
            store.mailboxes.remove(name)
            os.write(reports, f"removed {name}\n".encode())


def password_of(name: str) -> str:
    """Return the password of a mailbox, which is in another file than the mailbox."""
    return f"{{PLAIN}}{name}"


def start(config: Config, worker: int, reports: int) -> int:
    """Start a process that works; return its number."""
    child = os.fork()
    if child == 0:
        try:
            work(config, worker, reports)
        finally:
            os._exit(1)
    return child


@pytest.mark.parametrize("changes", [5, 40, 150, 400])
def test_kill_loses_no_change_that_was_reported(tmp_path: Path, changes: int) -> None:
    """After a few changes, after many, and when the domain is full."""
    config = Config.from_text(f"accounts_database = sqlite:{tmp_path}/accounts.db\n")
    store = open_store(config, create=True)
    store.domains.add(Domain("x.test", max_users=LIMIT))
    store.close()
    reader, writer = os.pipe()
    children = [start(config, worker, writer) for worker in range(WORKERS)]
    os.close(writer)
    with open(reader, "rb") as reports:
        lines = [reports.readline() for _ in range(changes)]
        for child in children:
            os.kill(child, signal.SIGKILL)
            assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
        lines += reports.readlines()
    check(open_store(config), [line.decode().split() for line in lines])


def check(store: Store, reports: list[list[str]]) -> None:
    """Compare what is there with what was reported."""
    last = {name: word for word, name in reports}
    there = {mailbox.address for mailbox in store.mailboxes.all()}
    assert {name for name, word in last.items() if word == "added"} <= there
    assert not {name for name, word in last.items() if word in ("removed", "full")} & there
    assert len(there - last.keys()) <= WORKERS, "one change of each may have been made and not been reported"
    assert all(mailbox.password == password_of(mailbox.address) for mailbox in store.mailboxes.all())
    assert store.database.lost_secrets() == []
    assert len(there) <= LIMIT
    assert store.database.read(lambda session: session.query("PRAGMA integrity_check")) == [("ok",)]
    store.close()

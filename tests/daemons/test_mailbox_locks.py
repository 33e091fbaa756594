"""local and virtual take the locks that main.cf names, and no others."""

from __future__ import annotations

import fcntl
import os
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import make_queue_directory, run_worker
from mail_agents import deliver, enqueue, reachable_directory, verbs

from pyfix.daemons.local.daemon import SERVICE as LOCAL
from pyfix.daemons.virtual.daemon import SERVICE as VIRTUAL
from pyfix.service.service import AnyService

IS_ROOT = os.getuid() == 0
ME = pwd.getpwuid(os.getuid())
USER = pwd.getpwnam("daemon") if IS_ROOT else ME
QUICK = "deliver_lock_attempts = 1\nbiff = no\n"
HOLDERS: dict[str, Callable[[Path], None]] = {
    "fcntl": lambda box: fcntl.lockf(os.open(box, os.O_RDWR), fcntl.LOCK_EX),
    "flock": lambda box: fcntl.flock(os.open(box, os.O_RDWR), fcntl.LOCK_EX),
    "dotlock": lambda box: box.with_name(f"{box.name}.lock").touch(),
}


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that other users reach too."""
    yield from reachable_directory()


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A mailbox in a directory that its user may write to."""
    spool = tmp_path / "spool"
    spool.mkdir()
    box = spool / USER.pw_name
    box.touch(0o600)
    for path in (spool, box):
        os.chown(path, USER.pw_uid, USER.pw_gid)
    return box


def holding(method: str, box: Path) -> int:
    """Fork a process that holds a lock on the mailbox until it is killed; return its pid."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        HOLDERS[method](box)
        os.write(told, b"x")
        os.close(told)
        os.read(os.pipe()[0], 1)
        os._exit(0)
    os.close(told)
    assert os.read(ready, 1) == b"x"
    os.close(ready)
    return pid


def main_cf(name: str, box: Path) -> str:
    """The mailbox as that of local or of virtual."""
    if name == "local":
        owner = "mail_owner = daemon\n" if IS_ROOT else ""
        return f"alias_maps =\nmail_spool_directory = {box.parent}\n{owner}"
    ids = "".join(
        f"virtual_{kind}_maps = static:{number}\n" for kind, number in (("uid", USER.pw_uid), ("gid", USER.pw_gid))
    )
    return (
        f"virtual_mailbox_base = {box.parent}\nvirtual_mailbox_maps = static:{box.name}\nvirtual_minimum_uid = 1\n{ids}"
    )


AGENTS = [("local", LOCAL, "mailbox_delivery_lock"), ("virtual", VIRTUAL, "virtual_mailbox_lock")]


@pytest.mark.parametrize(("name", "service", "parameter"), AGENTS)
@pytest.mark.parametrize("held", ["fcntl", "flock", "dotlock"])
@pytest.mark.parametrize("configured", ["fcntl", "flock", "dotlock", "dotlock, flock"])
def test_only_the_locks_that_are_named_count(
    tmp_path: Path, box: Path, name: str, service: AnyService, parameter: str, held: str, configured: str
) -> None:
    """A mailbox that somebody holds is left alone if he uses a lock that is named, and written to otherwise."""
    make_queue_directory(tmp_path)
    pid = holding(held, box)
    try:
        text = f"{main_cf(name, box)}{QUICK}{parameter} = {configured}\n"
        with run_worker(service, text, tmp_path, name=name) as worker:
            answer = deliver(worker, enqueue(tmp_path, [f"{USER.pw_name}@example.test"]))
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    if held in configured:
        assert verbs(answer) == [(f"{USER.pw_name}@example.test", "deferred", "4.2.0")]
        assert box.read_bytes() == b""
    else:
        assert verbs(answer) == []
        assert box.read_bytes().startswith(b"From ")

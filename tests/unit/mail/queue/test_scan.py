"""One file or directory that can't be looked at never hides the others."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.queue import Disk, Queue, scan_problem
from pyfix.mail.queue.listing import list_queue


class BadEntry:
    """A file on a bad sector: it has a name and nothing else."""

    def __init__(self, entry: os.DirEntry[str]) -> None:
        self.name, self.path = entry.name, entry.path

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        raise OSError(errno.EIO, os.strerror(errno.EIO), self.path)


class BadDisk(Disk):
    """`bad` names files that have no status; what comes in a directory after `torn` can't be read."""

    def __init__(self) -> None:
        self.bad: set[str] = set()
        self.torn = ""
        self.stuck: set[str] = set()

    @contextmanager
    def scandir(self, path: str) -> Iterator[Any]:
        with os.scandir(path) as entries:
            yield self._entries(path, sorted(entries, key=lambda entry: entry.name))

    def _entries(self, path: str, entries: list[os.DirEntry[str]]) -> Iterator[Any]:
        for entry in entries:
            yield BadEntry(entry) if entry.name in self.bad else entry
            if entry.name == self.torn:
                raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    def unlink(self, path: str) -> None:
        if os.path.basename(path) in self.stuck:
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        os.unlink(path)


@pytest.fixture
def disk() -> BadDisk:
    """A disk that is well until the test says otherwise."""
    return BadDisk()


@pytest.fixture
def queue(tmp_path: Path, disk: BadDisk) -> Queue:
    """A queue on that disk."""
    for name in ("maildrop", "incoming", "active", "deferred", "defer", "hold"):
        (tmp_path / name).mkdir()
    return Queue(str(tmp_path), disk=disk)


def enqueue(queue: Queue, name: str) -> str:
    file = queue.create()
    file.commit(Envelope("s@x.y", 1000.0, 0), [Recipient("a@x.y")], content=[b"\n"])
    if name != "incoming":
        queue.move(file.id, "incoming", name)
    return file.id


def scan(queue: Queue, name: str) -> tuple[list[str], list[str]]:
    """Return the ids that were found, and the warnings."""
    warnings: list[str] = []
    found = [entry.id for entry in queue.scan(name, lambda error: warnings.append(scan_problem(name, error)))]
    return found, warnings


def test_file_without_a_status_is_told_of_and_passed_over(queue: Queue, disk: BadDisk, tmp_path: Path) -> None:
    """EIO on one of three files."""
    names = sorted(enqueue(queue, "incoming") for _ in range(3))
    disk.bad.add(names[1])
    assert scan(queue, "incoming") == (
        [names[0], names[2]], [f"scan queue incoming: {tmp_path}/incoming/{names[1]}: Input/output error"],
    )  # fmt: skip


def test_directory_that_cannot_be_opened_does_not_hide_the_next(queue: Queue, tmp_path: Path) -> None:
    """A file stands where a hash directory should be."""
    queue_id = enqueue(queue, "deferred")
    for digit in {*"0123456789ABCDEF"} - {queue_id[0]}:
        (tmp_path / "deferred" / digit).touch()
    found, warnings = scan(queue, "deferred")
    assert found == [queue_id]
    assert len(warnings) == 15
    assert f"scan queue deferred: {tmp_path}/deferred/{'0' if queue_id[0] != '0' else '1'}: Not a directory" in warnings


def test_directory_that_ends_early_does_not_hide_the_next(queue: Queue, disk: BadDisk, tmp_path: Path) -> None:
    """EIO between two names: what came before it counts."""
    names = sorted(enqueue(queue, "deferred") for _ in range(3))
    for digit in "ZY":
        (tmp_path / "deferred" / digit).mkdir()
    for name, digit in zip(names, "YYZ", strict=True):
        os.rename(queue.path("deferred", name), tmp_path / "deferred" / digit / name)
    disk.torn = names[0]
    assert scan(queue, "deferred") == (
        [names[0], names[2]], [f"scan queue deferred: {tmp_path}/deferred/Y: Input/output error"],
    )  # fmt: skip


def test_debris_that_cannot_be_removed_does_not_keep_the_rest(queue: Queue, disk: BadDisk) -> None:
    """Nor does a file without a status."""
    files = [queue.create() for _ in range(3)]
    disk.stuck.add(files[0].id)
    disk.bad.add(files[1].id)
    problems: list[OSError] = []
    assert queue.remove_debris("incoming", 1e12, problems.append) == [files[2].id]
    assert sorted(str(error.filename).rpartition("/")[2] for error in problems) == sorted(file.id for file in files[:2])
    for file in files:
        file.close()


def test_listing_goes_on_behind_what_cannot_be_looked_at(queue: Queue, disk: BadDisk) -> None:
    """mailq shows the others."""
    names = sorted(enqueue(queue, "hold") for _ in range(2))
    disk.bad.add(names[0])
    warnings: list[str] = []
    assert [entry.queue_id for entry in list_queue(queue, warnings.append)] == [names[1]]
    assert len(warnings) == 1

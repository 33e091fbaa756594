"""Whose rights one thread has with files."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pyfix.service.rights import RightsError
from pyfix.service.thread_rights import ThreadRights


def ids_of_this_thread() -> tuple[int, int, list[int]]:
    """Return what the kernel says: user and group for files, and supplementary groups."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/thread-self/status").read_text().splitlines())
    return (
        int(status["Uid"].split()[3]),
        int(status["Gid"].split()[3]),
        [int(word) for word in status["Groups"].split()],
    )


@pytest.mark.root
def test_one_thread_has_the_rights_and_no_other() -> None:
    groups = os.getgroups()
    rights = ThreadRights()
    before = ids_of_this_thread()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()  # a thread begins with the rights of the one that makes it
        with rights.as_user(7001, 7002, (7002, 7003)):
            assert ids_of_this_thread() == (7001, 7002, [7002, 7003])
            assert pool.submit(ids_of_this_thread).result() == before
        assert ids_of_this_thread() == before == (0, 0, [])
    os.setgroups(groups)


@pytest.mark.root
def test_files_are_the_users_and_those_of_others_stay_shut() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.chown(directory, 7001, 7001)
        secret = directory / "secret"
        secret.touch(0o600)
        with ThreadRights().as_user(7001, 7001):
            (directory / "made").touch()
            with pytest.raises(PermissionError):
                secret.read_bytes()
        assert (directory / "made").stat().st_uid == 7001
        assert secret.read_bytes() == b""


@pytest.mark.root
@pytest.mark.parametrize(("uid", "gid"), [(0, 0), (-1, -1), (0, 7001)])
def test_nothing_is_done_as_root(uid: int, gid: int) -> None:
    with pytest.raises(RightsError), ThreadRights().as_user(uid, gid):
        raise AssertionError


def test_without_roots_rights_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    before = ids_of_this_thread()
    with ThreadRights().as_user(7001, 7001):
        assert ids_of_this_thread() == before

"""Messages that are opened before they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pyfix.daemons.pop3d.box import Box, Owner, Workshop
from pyfix.mail.mailbox.lock import LockPolicy
from pyfix.mail.mailbox.quota import WHOLE_TREE
from pyfix.mail.mailbox.reading import open_mailbox
from pyfix.service.thread_rights import ThreadRights


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    """A Maildir of three messages, used with the rights of the test."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    for number in range(1, 4):
        (tmp_path / "new" / f"{number}.M.h").write_bytes(b"%d\n" % number)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    owner = Owner("alice", f"maildir:{tmp_path}/", -1, -1)
    with ThreadPoolExecutor(1) as threads:
        mailbox = open_mailbox(owner.location)
        assert mailbox.measure()
        made = Box(Workshop(ThreadRights(), threads, "", WHOLE_TREE, LockPolicy(), locks=True), owner, mailbox)
        yield made
        made.close()


def read(box: Box, number: int) -> bytes:
    with box.open_message(number) as stream:
        data = stream.read()
    box.open_ahead()
    return data


def open_files(path: Path) -> list[str]:
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    found = [os.readlink(link) for link in links if os.path.lexists(link)]
    return [os.path.basename(name) for name in found if name.startswith(str(path)) and name.endswith(".h")]


def test_the_next_message_is_open_already(box: Box, tmp_path: Path) -> None:
    assert read(box, 1) == b"1\n"
    assert open_files(tmp_path) == ["2.M.h"]
    assert read(box, 2) == b"2\n"
    assert read(box, 3) == b"3\n"
    assert open_files(tmp_path) == []


def test_another_order_opens_nothing(box: Box, tmp_path: Path) -> None:
    assert [read(box, number) for number in (3, 2, 2)] == [b"3\n", b"2\n", b"2\n"]
    assert open_files(tmp_path) == []


def test_what_was_opened_is_closed(box: Box, tmp_path: Path) -> None:
    read(box, 1)
    assert read(box, 3) == b"3\n"
    read(box, 1)
    assert read(box, 2) == b"2\n" and open_files(tmp_path) == ["3.M.h"]
    box.close()
    assert open_files(tmp_path) == []

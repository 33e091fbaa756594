"""Maildir: names, directories, failures."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pyfix.mail.delivery import Content
from pyfix.mail.mailbox import MailboxError, MaildirWriter

MakeContent = Callable[[bytes], Content]


def test_name_is_made_of_time_device_inode_and_host(
    tmp_path: Path, make_content: MakeContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """time.V<device>I<inode>M<microseconds>.host"""
    monkeypatch.setattr("pyfix.base.clock.now", lambda: 1700000000.25)
    monkeypatch.setattr("socket.gethostname", lambda: "a/b:c")
    path = MaildirWriter(make_content(b"x\n")).deliver(f"{tmp_path}/box/", b"H: 1\n")
    status = os.stat(path)
    assert path == (f"{tmp_path}/box/new/1700000000.V{status.st_dev:x}I{status.st_ino:x}M250000.a\\057b\\072c")
    assert Path(path).read_bytes() == b"H: 1\nx\n"


def test_two_messages_in_one_microsecond_have_two_names(
    tmp_path: Path, make_content: MakeContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inode tells them apart."""
    monkeypatch.setattr("pyfix.base.clock.now", lambda: 1700000000.25)
    writer = MaildirWriter(make_content(b"x\n"))
    assert len({writer.deliver(f"{tmp_path}/box/", b"") for _ in range(5)}) == 5


def test_directories_are_made_private(tmp_path: Path, make_content: MakeContent) -> None:
    """tmp, new and cur, and the way to them."""
    MaildirWriter(make_content(b"x\n")).deliver(f"{tmp_path}/a/box/", b"")
    for name in ("tmp", "new", "cur"):
        assert stat.S_IMODE((tmp_path / "a" / "box" / name).stat().st_mode) == 0o700


def test_failed_write_leaves_nothing(
    tmp_path: Path, make_content: MakeContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is temporary."""

    def fail(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(MailboxError) as caught:
        MaildirWriter(make_content(b"x\n")).deliver(f"{tmp_path}/box/", b"")
    assert (caught.value.status, caught.value.reason) == ("4.3.0", "error writing message: No space left on device")
    assert list((tmp_path / "box" / "tmp").iterdir()) == []


def test_truncated_queue_file_is_temporary(tmp_path: Path) -> None:
    """Never a short message in new/."""
    (tmp_path / "short").write_bytes(b"x")
    fd = os.open(tmp_path / "short", os.O_RDONLY)
    with pytest.raises(MailboxError, match="error reading message: queue file ends"):
        MaildirWriter(Content(fd, 0, 10)).deliver(f"{tmp_path}/box/", b"")
    os.close(fd)
    assert not (tmp_path / "box" / "new").exists()


def test_path_that_is_no_directory_is_temporary(tmp_path: Path, make_content: MakeContent) -> None:
    """The administrator may mend it."""
    (tmp_path / "box").touch()
    with pytest.raises(MailboxError) as caught:
        MaildirWriter(make_content(b"x\n")).deliver(f"{tmp_path}/box/", b"")
    assert caught.value.status == "4.2.0"
    assert re.fullmatch(rf"create maildir file {tmp_path}/box/tmp/\S+: Not a directory", caught.value.reason)


def test_other_device_gets_its_directory_synced(
    tmp_path: Path, make_content: MakeContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the queue's journal does not order the rename."""
    synced: list[bool] = []
    real = os.fsync

    def note(fd: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(fd).st_mode))
        real(fd)

    monkeypatch.setattr(os, "fsync", note)
    writer = MaildirWriter(make_content(b"x\n"))
    writer.deliver(f"{tmp_path}/box/", b"")
    monkeypatch.setattr(writer, "_device", -1)
    writer.deliver(f"{tmp_path}/box/", b"")
    assert synced == [False, False, True]


def test_error_behind_the_rename_is_a_warning(
    tmp_path: Path, make_content: MakeContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message may have been read already: a second attempt would deliver it twice."""
    real = os.fsync

    def fail(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(fd)

    monkeypatch.setattr(os, "fsync", fail)
    warnings: list[str] = []
    writer = MaildirWriter(make_content(b"x\n"), warn=warnings.append)
    monkeypatch.setattr(writer, "_device", -1)
    path = writer.deliver(f"{tmp_path}/box/", b"")
    assert Path(path).read_bytes() == b"x\n"
    assert warnings == [f"message delivered, not certain to survive a crash: {path}: Input/output error"]


@pytest.mark.parametrize("size", [0, 10, 300 * 1024, 3 * 1024 * 1024 + 17])
def test_content_of_any_size_is_whole(tmp_path: Path, make_content: MakeContent, size: int) -> None:
    """Small ones are written at once, large ones copied by the kernel."""
    data = os.urandom(size) + b"\n" if size else b""
    path = MaildirWriter(make_content(data)).deliver(f"{tmp_path}/box/", b"H: 1\n")
    assert Path(path).read_bytes() == b"H: 1\n" + data

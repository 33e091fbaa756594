"""Files that change behind closed doors."""

from __future__ import annotations

import os
import select
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyfix.base.filewatch import FileWatch


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """The layout of a certificate client: links in one directory, files in another."""
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "key1.pem").write_text("1")
    (archive / "key2.pem").write_text("2")
    folder = tmp_path / "live"
    folder.mkdir()
    (folder / "key.pem").symlink_to("../archive/key1.pem")
    return folder


@pytest.fixture
def watch(live: Path) -> Iterator[FileWatch]:
    """A watch that believes every change at once."""
    made = FileWatch([str(live / "key.pem")], quiet_s=0)
    yield made
    made.close()


def changed(watch: FileWatch) -> list[str]:
    """Return what a watch has to tell."""
    return list(watch.find_changed())


def test_nothing_happens(watch: FileWatch, live: Path) -> None:
    """Other files do not matter, nor that somebody reads."""
    (live / "other.pem").write_text("x")
    (live / "key.pem").read_text()
    assert changed(watch) == []


def test_file_is_written_again(watch: FileWatch, live: Path) -> None:
    """In its place, behind the link."""
    (live / "key.pem").write_text("3")
    assert changed(watch) == [str(live / "key.pem")]


def test_link_is_replaced(watch: FileWatch, live: Path) -> None:
    """As certbot does."""
    (live / "new").symlink_to("../archive/key2.pem")
    os.rename(live / "new", live / "key.pem")
    assert changed(watch) == [str(live / "key.pem")]


def test_directory_of_links_is_replaced(tmp_path: Path) -> None:
    """As Kubernetes does: ..data points to the directory in force."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tls.key").write_text(name)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "tls.key").symlink_to("..data/tls.key")
    watch = FileWatch([str(tmp_path / "tls.key")], quiet_s=0)
    (tmp_path / "new").symlink_to("two")
    os.rename(tmp_path / "new", tmp_path / "..data")
    assert changed(watch) == [str(tmp_path / "tls.key")]
    watch.close()


def test_file_that_goes_is_no_change_and_one_that_comes_is(watch: FileWatch, live: Path) -> None:
    """Nobody can be served with what is not there."""
    (live / "key.pem").unlink()
    assert changed(watch) == []
    (live / "key.pem").write_text("3")
    assert changed(watch) == [str(live / "key.pem")]


def test_file_that_was_not_there(tmp_path: Path) -> None:
    """Nor its directory: what comes first is noticed."""
    watch = FileWatch([str(tmp_path / "a" / "b" / "key.pem")], quiet_s=0)
    (tmp_path / "a").mkdir()
    assert changed(watch) == [str(tmp_path / "a" / "b" / "key.pem")]
    watch.close()


def test_change_counts_once_all_is_quiet(live: Path) -> None:
    """A certificate and its key are two files."""
    path = str(live / "key.pem")
    watch = FileWatch([path], quiet_s=0.05)
    (live / "key.pem").write_text("3")
    assert changed(watch) == []
    select.select([], [], [], 0.06)
    assert changed(watch) == [path]
    watch.close()


def test_without_help_of_the_kernel_the_time_tells(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no more places to watch from."""
    monkeypatch.setattr(FileWatch, "_begin", lambda self: None)
    watch = FileWatch([str(live / "key.pem")], quiet_s=0)
    assert changed(watch) == []
    (live / "key.pem").write_text("longer")
    assert changed(watch) == [str(live / "key.pem")]


def test_loop_of_links_and_nothing_at_all(tmp_path: Path) -> None:
    """Are no reason to fail."""
    (tmp_path / "loop").symlink_to("loop")
    watch = FileWatch([str(tmp_path / "loop"), "/", "relative"], quiet_s=0)
    assert changed(watch) == []
    watch.close()
    empty = FileWatch([])
    assert changed(empty) == []
    empty.close()


@pytest.mark.root
def test_who_has_no_rights_any_more_is_told(live: Path) -> None:
    """In a directory that is closed to it."""
    path = str(live / "key.pem")
    live.chmod(0o700)
    watch = FileWatch([path], quiet_s=0)
    shutil.copyfile(live.parent / "archive" / "key2.pem", live / "new.pem")
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(65534, 65534, 65534)
            before = changed(watch)
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            os._exit(0 if (before, changed(watch)) == ([], [path]) else 1)
        finally:
            os._exit(2)
    os.read(ready[0], 1)
    os.rename(live / "new.pem", path)
    os.write(go[1], b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    for fd in (*ready, *go):
        os.close(fd)
    watch.close()

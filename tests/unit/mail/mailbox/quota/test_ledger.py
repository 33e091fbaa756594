"""The quota of a Maildir on disk."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from pyfix.mail.accounts.quota import Quota
from pyfix.mail.mailbox.quota import WHOLE_TREE, Ledger, MaildirBusy, Scope, Usage, counts, size_in_name
from pyfix.mail.mailbox.quota.ledger import root_of

LIMIT = Quota(1000)
NOW = 2_000_000_000.0
NOTHING = Usage()


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A Maildir with a message of 10 bytes."""
    for name in ("tmp", "new", "cur"):
        (tmp_path / "box" / name).mkdir(parents=True)
    return put(tmp_path / "box", "new/1.a", 10).parent.parent


def put(box: Path, name: str, size: int) -> Path:
    """Write a file of this size."""
    path = box / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def used(box: Path, limit: Quota = LIMIT, added: Usage = NOTHING, scope: Scope = WHOLE_TREE) -> Usage:
    """Ask once."""
    with Ledger.open(str(box), scope) as ledger:
        return ledger.used(limit, NOW, added)


def test_first_question_counts_and_writes(box: Path) -> None:
    """Sizes come from names, then from the files; tmp and hidden files do not count."""
    put(box, "cur/2.b,S=100:2,S", 1)
    put(box, "cur/3.c,S=7,W=9:2,", 1)
    put(box, "tmp/4.d", 500)
    put(box, "new/.hidden", 500)
    assert used(box) == Usage(117, 3)
    assert (box / "maildirsize").read_bytes() == b"1000S\n        117 3\n"
    assert list((box / "tmp").iterdir()) == [box / "tmp" / "4.d"]


def test_change_is_one_line(box: Path) -> None:
    """And is believed afterwards, whatever lies in the Maildir."""
    with Ledger.open(str(box)) as ledger:
        ledger.used(LIMIT, NOW)
        ledger.charge(Usage(20, 1))
    with Ledger.open(str(box)) as ledger:
        ledger.note_removed(5, 1)
    assert (box / "maildirsize").read_bytes().splitlines()[1:] == [b"         10 1", b"         20 1", b"        -5 -1"]
    assert used(box) == Usage(25, 1)


def test_folders_count_but_for_the_trash(box: Path) -> None:
    """Nor do messages with the flag T, unless the trash counts."""
    put(box, ".Sent/cur/1,S=100:2,S", 1)
    put(box, ".Trash/cur/1,S=1000:2,S", 1)
    put(box, "cur/5,S=10000:2,ST", 1)
    put(box, "plain/new/1,S=5", 1)
    assert used(box) == Usage(110, 2)
    assert used(box, Quota(10**6), scope=Scope(trash_counts=True)) == Usage(11110, 4)
    assert used(box, Quota(10**7), scope=Scope(trash_name=".Sent")) == Usage(1010, 2)


def test_inbox_only_leaves_maildirsize_alone(box: Path) -> None:
    """It is about the whole tree."""
    put(box, ".Sent/cur/1,S=100:2,S", 1)
    (box / "maildirsize").write_bytes(b"1000S\n500 5\n")
    assert used(box, scope=Scope(inbox_only=True)) == Usage(10, 1)
    assert (box / "maildirsize").read_bytes() == b"1000S\n500 5\n"


def test_links_are_not_followed(box: Path, tmp_path: Path) -> None:
    """Neither folders, nor new and cur, nor messages."""
    put(tmp_path / "other", "new/1,S=500", 1)
    put(tmp_path / "other", "cur/1", 500)
    (box / ".Link").symlink_to(tmp_path / "other")
    (box / ".Half").mkdir()
    (box / ".Half" / "new").symlink_to(tmp_path / "other" / "new")
    (box / "cur" / "9,S=700").symlink_to(tmp_path / "other" / "cur" / "1")
    assert used(box) == Usage(10, 1)


def _garbage(path: Path) -> None:
    path.write_bytes(b"\0\xff" * 100)


def _huge(path: Path) -> None:
    path.write_bytes(b"1000S\n")
    os.truncate(path, 2**30)


def _lie(path: Path) -> None:
    path.write_bytes(b"1000S\n999999 9\n")
    os.utime(path, (NOW - 3600, NOW - 3600))


def _linked(path: Path) -> None:
    other = path.parent.parent / "victim"
    other.write_bytes(b"1000S\n1 1\n")
    path.symlink_to(other)


def _hard_linked(path: Path) -> None:
    _linked(path)
    path.unlink()
    os.link(path.parent.parent / "victim", path)


def _directory(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("spoil", [_garbage, _huge, _lie, _linked, _hard_linked, _directory, os.mkfifo])
def test_hostile_maildirsize_leads_to_a_recount(box: Path, spoil: object) -> None:
    """Nobody's file is written through it, nothing hangs."""
    assert callable(spoil)
    spoil(box / "maildirsize")
    warnings: list[str] = []
    with Ledger.open(str(box), warn=warnings.append) as ledger:
        assert ledger.used(LIMIT, NOW, Usage(1, 1)) == Usage(10, 1)
        ledger.charge(Usage(1, 1))
    victim = box.parent / "victim"
    if victim.exists():
        assert victim.read_bytes() == b"1000S\n1 1\n"
    if spoil is _directory:
        assert (box / "maildirsize").is_dir()
        assert "Is a directory; mail is counted instead" in warnings[0]
    else:
        assert (box / "maildirsize").read_bytes() == b"1000S\n         10 1\n          1 1\n"
        assert not warnings
    assert list((box / "tmp").iterdir()) == []


def test_other_limit_leads_to_a_recount(box: Path) -> None:
    """And to a maildirsize of that limit; without one there is no file."""
    assert used(box) == Usage(10, 1)
    assert used(box, Quota(5, 3)) == Usage(10, 1)
    assert (box / "maildirsize").read_bytes() == b"5S,3C\n         10 1\n"
    assert used(box, Quota()) == Usage(10, 1)
    assert not (box / "maildirsize").exists()


def test_long_file_is_counted_anew(box: Path) -> None:
    """Also by who only removes mail."""
    (box / "maildirsize").write_bytes(b"1000S\n" + b"          1 1\n" * 370)
    with Ledger.open(str(box)) as ledger:
        ledger.note_removed(1, 1)
    assert (box / "maildirsize").read_bytes() == b"1000S\n         10 1\n"


def test_mail_that_comes_under_a_recount_is_seen(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a program that knows no lock: the directories are looked at again."""
    rename = os.rename
    came: list[Path] = []

    def meddle(*args: object, **kwargs: object) -> None:
        if not came:
            came.append(put(box, "new/7,S=70", 1))
        rename(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "rename", meddle)
    assert used(box) == Usage(80, 2)


def test_maildirsize_that_was_replaced_under_a_change_is_thrown_away(box: Path) -> None:
    """Whether the recount of another program has seen the change can't be told."""
    with Ledger.open(str(box)) as ledger:
        ledger.used(LIMIT, NOW)
        (box / "other").write_bytes(b"1000S\n5 5\n")
        os.rename(box / "other", box / "maildirsize")
        ledger.charge(Usage(1, 1))
    assert not (box / "maildirsize").exists()


def test_lock_is_waited_for_and_given_up(box: Path) -> None:
    """Delivery is tried again later."""
    fd = os.open(box, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with pytest.raises(MaildirBusy, match="locked by another process"):
        Ledger.open(str(box), patience_s=0.0)
    os.close(fd)
    Ledger.open(str(box), patience_s=0.0).close()


def test_full_disk_costs_the_file_only(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count is right, and no half of a maildirsize stays."""

    def fail(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    used(box)
    monkeypatch.setattr(os, "write", fail)
    warnings: list[str] = []
    with Ledger.open(str(box), warn=warnings.append) as ledger:
        ledger.used(LIMIT, NOW)
        ledger.charge(Usage(1, 1))
    assert not (box / "maildirsize").exists()
    assert used(box) == Usage(10, 1)
    assert warnings == [f"{box}/maildirsize: not written: No space left on device; mail is counted instead"]
    assert list((box / "tmp").iterdir()) == []


def test_folder_belongs_to_the_maildir_above(box: Path) -> None:
    """Where it says so."""
    put(box, ".Sent/maildirfolder", 0)
    assert root_of(f"{box}/.Sent/") == str(box)
    assert root_of(f"{box}/.Other/") == f"{box}/.Other"
    assert root_of(f"{box}/") == str(box)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("1.a,S=5", 5),
        ("1.a,S=5:2,S", 5),
        ("1.a,S=5,W=6:2,S", 5),
        ("1.a,S=4,S=5", 5),
        ("1.a:2,S=5", None),
        ("1.a,S=", None),
        ("1.a,S=-5", None),
        ("1.a,S=5x", None),
        ("1.a,S=" + "9" * 16, None),
        ("1.a,S=٣", None),
    ],
)
def test_size_in_a_name(name: str, size: int | None) -> None:
    """Behind the last ,S= before the colon."""
    assert size_in_name(name) == size


def test_flag_t_is_a_flag_only() -> None:
    """Not a letter of the name."""
    assert not counts("1.T:2,ST")
    assert counts("1.T,S=5:2,S")
    assert counts("1.a:1,T")

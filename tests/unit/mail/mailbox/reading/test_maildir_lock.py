"""One session a Maildir."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyfix.mail.mailbox.reading import MailboxInUse
from pyfix.mail.mailbox.reading.maildir_lock import LOCK_FILE, MaildirLock


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    (tmp_path / "cur").mkdir()
    return tmp_path


@pytest.fixture
def root(maildir: Path) -> Iterator[int]:
    fd = os.open(maildir, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_a_second_session_is_refused_until_the_first_ends(maildir: Path, root: int) -> None:
    lock = MaildirLock.take(root, f"{maildir}/")
    with pytest.raises(MailboxInUse):
        MaildirLock.take(root, f"{maildir}/")
    lock.refresh()
    lock.release()
    MaildirLock.take(root, f"{maildir}/").release()
    assert [item.name for item in maildir.iterdir()] == ["cur"]


@pytest.mark.parametrize("sign", ["dovecot-uidlist", LOCK_FILE])
def test_dovecot_is_told_where_it_has_been(maildir: Path, root: int, sign: str) -> None:
    (maildir / sign).write_text("-")
    lock = MaildirLock.take(root, f"{maildir}/")
    assert (maildir / LOCK_FILE).read_text().startswith(f"{os.getpid()}:")
    lock.release()
    assert not (maildir / LOCK_FILE).exists()


def test_a_session_of_dovecots_is_respected(maildir: Path, root: int) -> None:
    (maildir / LOCK_FILE).write_text(f"{os.getpid()}:{os.uname().nodename}")
    with pytest.raises(MailboxInUse):
        MaildirLock.take(root, f"{maildir}/")
    (maildir / LOCK_FILE).unlink()
    MaildirLock.take(root, f"{maildir}/").release()


def test_where_the_directory_cannot_be_locked_there_is_the_file(tmp_path: Path, root: int) -> None:
    (tmp_path / "cur").rmdir()
    lock = MaildirLock.take(root, f"{tmp_path}/")
    with pytest.raises(MailboxInUse):
        MaildirLock.take(root, f"{tmp_path}/")
    assert (tmp_path / LOCK_FILE).exists()
    lock.release()

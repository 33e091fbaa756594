"""Sizes that are kept: right after every change, and never believed against the file."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from reading_site import MESSAGE, MaildirSite, read_message

from pyfix.mail.mailbox.reading import maildir_files
from pyfix.mail.mailbox.reading.sizes import FILE
from pyfix.mail.mailbox.reading.stream import count_octets

SIZE = len(MESSAGE) + MESSAGE.count(b"\n")


@pytest.fixture
def measured(maildir: MaildirSite) -> MaildirSite:
    """Return a Maildir of 50 messages whose sizes are kept."""
    for number in range(50):
        maildir.put(f"cur/{number:02}.a:2,", MESSAGE + b"\n" * number)
    maildir.session()
    assert (maildir.root / FILE).exists()
    return maildir


def test_what_is_kept_is_not_read_again(measured: MaildirSite) -> None:
    """A file of the same name and another size is believed until it is opened."""
    measured.put("cur/00.a:2,", b"other\n")
    mailbox = measured.session()
    assert list(mailbox.octets(1, 2)) == [SIZE, SIZE + 2]
    assert read_message(mailbox, 1) == b"other\n"
    mailbox.close()
    assert list(measured.session().octets(1, 2)) == [7, SIZE + 2]


def test_new_names_and_missing_ones(measured: MaildirSite) -> None:
    """Flags do not matter; what is new is counted."""
    (measured.root / "cur/01.a:2,").rename(measured.root / "cur/01.a:2,FS")
    (measured.root / "cur/02.a:2,").unlink()
    measured.put("new/00.b", b"x\n")
    assert list(measured.session().octets(1, 4)) == [SIZE, 3, SIZE + 2, SIZE + 6]


@pytest.mark.parametrize("content", [b"", b"pyfix-sizes 1\n", b"garbage" * 100])
def test_a_broken_file_says_nothing(measured: MaildirSite, content: bytes) -> None:
    """The sizes are counted again, and kept."""
    before = (measured.root / FILE).read_bytes()
    (measured.root / FILE).write_bytes(content)
    assert list(measured.session().octets(1, 2)) == [SIZE, SIZE + 2]
    assert (measured.root / FILE).read_bytes() == before


def test_a_link_in_its_place_is_not_followed(measured: MaildirSite, tmp_path: Path) -> None:
    """Neither read nor written through."""
    (measured.root / FILE).rename(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere").read_bytes()
    (measured.root / FILE).symlink_to(tmp_path / "elsewhere")
    measured.put("cur/00.a:2,", b"other\n")
    assert list(measured.session().octets(1, 1)) == [7]
    assert not (measured.root / FILE).is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == before


def test_line_ends_at_the_seams_of_chunks_count_once(tmp_path: Path) -> None:
    """CR in one, LF in the next."""
    data = b"a\r\nb\n\r\n\n\rc\r"
    path = tmp_path / "message"
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    wanted = len(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert [count_octets(fd, ((0, len(data)),), chunk) for chunk in range(1, 15)] == [wanted] * 14
    assert count_octets(fd, ((0, 2), (2, 3), (5, len(data) - 5))) == wanted
    os.close(fd)


def test_a_listing_counts_until_something_changes(maildir: MaildirSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories that look the same are not listed again; any new, moved or renamed file shows."""
    monkeypatch.setattr("pyfix.mail.mailbox.reading.maildir._LARGE", 2)
    monkeypatch.setattr("pyfix.base.clock.now", lambda: time.time() + 10)
    for number in range(4):
        maildir.put(f"{'new' if number % 2 else 'cur'}/{number}.a,W={number}")
    listings: list[str] = []
    real = maildir_files.read_catalog
    monkeypatch.setattr(maildir_files, "read_catalog", lambda root, path: (listings.append(path), real(root, path))[1])

    def look() -> tuple[list[int], list[bytes]]:
        mailbox = maildir.session()
        seen = list(mailbox.octets(1, len(mailbox))), [read_message(mailbox, n + 1) for n in range(len(mailbox))]
        mailbox.close()
        return seen

    first = look()
    assert (first[0], len(listings)) == ([0, 1, 2, 3], 1)
    assert (look(), len(listings)) == (first, 1)
    maildir.put("new/4.a,W=4")
    assert look()[0] == [0, 1, 2, 3, 4]
    (maildir.root / "new/1.a,W=1").rename(maildir.root / "cur/1.a,W=1:2,S")
    assert look()[0] == [0, 1, 2, 3, 4]
    (maildir.root / "cur/0.a,W=0").unlink()
    assert look()[0] == [1, 2, 3, 4]
    assert len(listings) == 4


def test_a_listing_made_just_after_a_change_is_not_kept(maildir: MaildirSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next change might have the same time."""
    monkeypatch.setattr("pyfix.mail.mailbox.reading.maildir._LARGE", 0)
    maildir.put("new/1.a,W=1")
    maildir.session().close()
    maildir.put("new/2.a,W=2")
    assert list(maildir.session().octets(1, 2)) == [1, 2]

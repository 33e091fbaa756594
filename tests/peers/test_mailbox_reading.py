"""The same mailboxes read by Dovecot's POP3 server: sizes, contents, order and unique ids, whoever comes first."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from reading_site import MaildirSite, MboxSite, ask_dovecot, read_message

from pyfix.mail.mailbox.reading import ReadableMailbox

pytestmark = [pytest.mark.peer("/usr/lib/dovecot/pop3"), pytest.mark.root]

CONTENTS = (
    b"From: a@b\nSubject: lf\n\nbody\n",
    b"From: a@b\r\nSubject: crlf\r\n\r\nbody\r\n",
    b"From: a@b\nSubject: mixed\r\n\nbody\r\nwithout an end",
    b"Subject: only a header\n",
    b"\n\nno header\n",
    b"From: a@b\nStatus: RO\nX-UID: 5\nSubject: fields of mail readers\n\n.\n..dots\n\n\n",
    b"a\n" * 40000,
)


@pytest.fixture
def maildir(tmp_path: Path) -> Iterator[MaildirSite]:
    """Return a Maildir."""
    site = MaildirSite(tmp_path / "site" / "Maildir")
    yield site
    site.close()


@pytest.fixture
def mbox(tmp_path: Path) -> Iterator[MboxSite]:
    """Return an mbox."""
    (tmp_path / "site").mkdir()
    site = MboxSite(tmp_path / "site" / "inbox")
    yield site
    site.close()


def as_pop3(mailbox: ReadableMailbox) -> list[bytes]:
    """Return what a POP3 server says of the mailbox: STAT, LIST, UIDL, and each message."""
    numbers = range(1, len(mailbox) + 1)
    lines = [b"+OK %d %d" % (len(mailbox), mailbox.total_octets), b"+OK %d messages:" % len(mailbox)]
    lines += [b"%d %d" % pair for pair in zip(numbers, mailbox.octets(1, len(mailbox)), strict=True)]
    lines += [b".", b"+OK"]
    lines += [b"%d %s" % pair for pair in zip(numbers, mailbox.uidls(1, len(mailbox)), strict=True)]
    lines.append(b".")
    for number in numbers:
        lines.append(b"+OK %d octets" % mailbox.octets(number, number)[0])
        content = read_message(mailbox, number).replace(b"\r\n", b"\n")
        text = content.removesuffix(b"\n").split(b"\n") if content else []
        lines += [b"." + line if line.startswith(b".") else line for line in text]
        lines.append(b".")
    return lines


def asked(folder: Path, location: str, count: int) -> list[bytes]:
    """Return the same from Dovecot."""
    commands = ["STAT", "LIST", "UIDL", *(f"RETR {number}" for number in range(1, count + 1))]
    return ask_dovecot(folder, location, commands)[:-2]


def test_a_maildir_after_dovecot(maildir: MaildirSite, tmp_path: Path) -> None:
    """What it has numbered keeps its numbers, what came since gets the next, and Dovecot agrees."""
    for number, content in enumerate(CONTENTS):
        maildir.put(
            f"{'new' if number % 2 else 'cur'}/170000000{number}.M1P1.host{'' if number % 2 else ':2,'}", content
        )
    theirs = asked(tmp_path / "dovecot", maildir.location, len(CONTENTS))
    assert as_pop3(maildir.session()) == theirs
    maildir.put("new/1700000100.M2P1.host", CONTENTS[0])
    maildir.put("new/1700000099.M2P1.host,S=28,W=32", CONTENTS[0])
    ours = as_pop3(maildir.session())
    assert asked(tmp_path / "dovecot", maildir.location, len(CONTENTS) + 2) == ours
    assert ours[0].startswith(b"+OK %d " % (len(CONTENTS) + 2))


def test_an_mbox_after_dovecot(mbox: MboxSite, tmp_path: Path) -> None:
    """Its numbers are in the file; they stay when we remove a message, and Dovecot sees the same."""
    mbox.write(*CONTENTS)
    asked(tmp_path / "dovecot", mbox.location, len(CONTENTS))
    theirs = asked(tmp_path / "dovecot", mbox.location, len(CONTENTS))
    mailbox = mbox.session()
    assert as_pop3(mailbox) == theirs
    assert mailbox.expunge([1, 3]).messages == 2
    ours = as_pop3(mbox.session())
    assert asked(tmp_path / "dovecot", mbox.location, len(CONTENTS) - 2) == ours


def test_sizes_and_contents_of_an_mbox_that_nobody_has_numbered(mbox: MboxSite, tmp_path: Path) -> None:
    """All but the unique ids, which Dovecot keeps elsewhere until it writes to the file."""
    mbox.write(*CONTENTS)
    ours = as_pop3(mbox.session())
    theirs = asked(tmp_path / "dovecot", mbox.location, len(CONTENTS))
    ids = range(len(CONTENTS) + 4, 2 * len(CONTENTS) + 4)
    assert [line for at, line in enumerate(ours) if at not in ids] == [
        line for at, line in enumerate(theirs) if at not in ids
    ]


def test_a_line_that_we_add_is_one_that_dovecot_would(maildir: MaildirSite, tmp_path: Path) -> None:
    """Two new messages in a list that exists: the same file, whoever sees them first."""
    maildir.put("cur/1700000000.M1P1.host:2,")
    ask_dovecot(tmp_path / "dovecot", maildir.location, ["STAT"])
    for name in ("new/1700000002.M1P1.host", "new/1700000001.M1P1.host"):
        maildir.put(name)
    other = MaildirSite(tmp_path / "site" / "copy")
    shutil.copytree(maildir.root, other.root, dirs_exist_ok=True)
    maildir.session().close()
    ask_dovecot(tmp_path / "dovecot", other.location, ["UIDL"])
    entries = [(site.root / "dovecot-uidlist").read_text().splitlines()[1:] for site in (maildir, other)]
    assert [line.split(" ")[0] + line[line.index(":") :] for line in entries[0]] == [
        line.split(" ")[0] + line[line.index(":") :] for line in entries[1]
    ]

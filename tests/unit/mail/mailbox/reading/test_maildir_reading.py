"""Maildirs as readers see them."""

from __future__ import annotations

import os

import pytest
from reading_site import MESSAGE, MaildirSite, read_message

from pyfix.mail.mailbox.reading import MailboxInUse, MailboxUnavailable, MessageGone, open_mailbox


def test_messages_of_new_and_cur_are_numbered_in_the_order_of_their_names(maildir: MaildirSite) -> None:
    """A stable order, whichever directory a message is in."""
    maildir.put("new/1700000002.M1.host", b"two\n")
    maildir.put("cur/1700000001.M1.host:2,S", b"one\n")
    mailbox = maildir.session()
    assert [read_message(mailbox, number) for number in (1, 2)] == [b"one\n", b"two\n"]
    assert list(mailbox.uidls(1, 2)) == [b"1700000001.M1.host", b"1700000002.M1.host"]
    assert (mailbox.flags(1), mailbox.flags(2)) == ("S", "")


def test_octets_count_every_line_end_as_two(maildir: MaildirSite) -> None:
    """RFC 1939 section 11; what ends in CRLF already is not counted twice."""
    maildir.put("cur/1.a:2,", MESSAGE)
    maildir.put("cur/2.b:2,", b"a\r\nb\nc")
    maildir.put("cur/3.c,S=5,W=7:2,", b"a\nb\nc")
    mailbox = maildir.session()
    assert list(mailbox.octets(1, 3)) == [len(MESSAGE) + 4, 7, 7]
    assert mailbox.total_octets == len(MESSAGE) + 4 + 14


def test_what_is_no_regular_file_is_no_message(maildir: MaildirSite) -> None:
    """Directories, pipes, symbolic links and hidden files in new/ have no number."""
    maildir.put("new/1.a")
    maildir.put("new/.hidden")
    (maildir.root / "new/2.dir").mkdir()
    os.mkfifo(maildir.root / "new/3.fifo")
    (maildir.root / "new/4.link").symlink_to(maildir.root / "new/1.a")
    assert len(maildir.session()) == 1


def test_a_message_is_found_again_after_its_flags_changed(maildir: MaildirSite) -> None:
    """Another program moves it to cur/, then gives it flags."""
    path = maildir.put("new/1.a")
    mailbox = maildir.session()
    moved = path.rename(maildir.root / "cur/1.a:2,")
    assert read_message(mailbox, 1) == MESSAGE
    moved.rename(maildir.root / "cur/1.a:2,FRS")
    assert read_message(mailbox, 1) == MESSAGE


def test_a_message_that_was_removed_is_gone(maildir: MaildirSite) -> None:
    """The others stay where they are."""
    maildir.put("new/1.a")
    path = maildir.put("new/2.b")
    mailbox = maildir.session()
    path.unlink()
    with pytest.raises(MessageGone, match=r"2\.b"):
        mailbox.open(2)
    assert mailbox.expunge([2]).messages == 0
    mailbox.open(1).close()


def test_expunge_removes_and_marks_what_was_seen(maildir: MaildirSite) -> None:
    """What was retrieved goes to cur/ with S; what was not stays in new/."""
    for name in ("new/1.a", "new/2.b", "new/3.c", "cur/4.d:2,R"):
        maildir.put(name)
    mailbox = maildir.session()
    removed = mailbox.expunge([1], seen=[1, 2, 4])
    assert (removed.messages, removed.size, removed.failures) == (1, len(MESSAGE), ())
    assert sorted(os.listdir(maildir.root / "cur")) == ["2.b:2,S", "4.d:2,RS"]
    assert os.listdir(maildir.root / "new") == ["3.c"]


def test_a_second_session_finds_the_mailbox_in_use(maildir: MaildirSite) -> None:
    """Until the first ends; sessions without the lock are not kept out."""
    first = maildir.session(lock=True)
    with pytest.raises(MailboxInUse, match="another session"):
        open_mailbox(maildir.location)
    maildir.session(lock=False)
    first.close()
    maildir.session(lock=True)


def test_a_maildir_that_is_not_there_yet_is_empty(maildir: MaildirSite) -> None:
    """The first delivery makes it."""
    mailbox = open_mailbox(f"maildir:{maildir.root}/other/")
    assert mailbox.measure()
    assert (len(mailbox), mailbox.total_octets) == (0, 0)
    mailbox.close()


def test_symbolic_links_inside_a_maildir_are_not_followed(maildir: MaildirSite) -> None:
    """A link named cur leads nowhere."""
    (maildir.root / "cur").rmdir()
    (maildir.root / "cur").symlink_to("/etc")
    with pytest.raises(MailboxUnavailable, match="cur"):
        open_mailbox(maildir.location)


def test_a_link_out_of_the_base_is_refused(maildir: MaildirSite) -> None:
    """Where the administrator has said where mailboxes are."""
    base = maildir.root.parent / "base"
    base.mkdir()
    (base / "box").symlink_to(maildir.root)
    with pytest.raises(MailboxUnavailable, match="out of"):
        open_mailbox(f"maildir:{base}/box/", base=str(base))
    open_mailbox(f"maildir:{base}/box/").close()


def test_expunge_tells_the_quota(maildir: MaildirSite) -> None:
    """A line with what has gone; messages with the flag T did not count."""
    maildir.put("new/1.a")
    maildir.put("cur/2.b,S=1000:2,S", b"x\n")
    maildir.put("cur/3.c:2,T")
    path = maildir.put("maildirsize", b"100000S\n2000 3\n")
    maildir.session().expunge([1, 2, 3])
    lines = path.read_text().split("\n")
    assert [line.split() for line in lines[2:] if line] == [[str(-len(MESSAGE) - 1000), "-2"]]

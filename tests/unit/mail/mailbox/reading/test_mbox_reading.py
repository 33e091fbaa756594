"""mbox files as readers see them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from reading_site import FROM_LINE, MboxSite, read_message

from pyfix.mail.mailbox import LockPolicy, Mbox
from pyfix.mail.mailbox.reading import MailboxInUse, MailboxUnavailable, MessageGone, open_mailbox

ONE = b"From: a@b\nSubject: one\n\nfirst\n"
TWO = b"From: a@b\nSubject: two\n\nsecond\n>From there\n\nFrom nobody knows\n"
THREE = b"From: a@b\nSubject: three\n\n\nthird\n\n"


def test_messages_begin_at_from_lines_with_a_date(mbox: MboxSite) -> None:
    """Other lines that begin with From are text; marked ones stay as they are."""
    mbox.write(ONE, TWO, THREE)
    mailbox = mbox.session()
    assert [read_message(mailbox, number) for number in (1, 2, 3)] == [ONE, TWO, THREE]
    assert list(mailbox.octets(1, 3)) == [len(text) + text.count(b"\n") for text in (ONE, TWO, THREE)]
    assert mailbox.total_octets == sum(mailbox.octets(1, 3))


def test_fields_of_mail_readers_are_not_shown(mbox: MboxSite) -> None:
    """Nor counted; their flags are."""
    mbox.write(b"From: a@b\nStatus: RO\nX-Status: AF\nContent-Length: 1\n 2\nSubject: x\nX-UID: 7\n\nbody\n")
    mailbox = mbox.session()
    assert read_message(mailbox, 1) == b"From: a@b\nSubject: x\n\nbody\n"
    assert list(mailbox.octets(1, 1)) == [len(b"From: a@b\nSubject: x\n\nbody\n") + 4]
    assert mailbox.flags(1) == "FRS"


def test_unique_ids_are_those_that_the_file_keeps(mbox: MboxSite) -> None:
    """X-IMAPbase and X-UID make Dovecot's; a message without X-UID gets one of its header."""
    mbox.write(b"X-IMAPbase: 255 16\nX-UID: 9\n\n1\n", b"X-UID: 16\n\n2\n", ONE, b"X-UID: 4\n\nfrom elsewhere\n")
    uidls = mbox.session().uidls(1, 4)
    assert list(uidls[:2]) == [b"00000009000000ff", b"00000010000000ff"]
    assert len(set(uidls)) == 4
    assert len(uidls[2]) == 40


def test_unique_ids_outlive_flags_and_other_messages(mbox: MboxSite) -> None:
    """What a client has seen keeps its id when Status is written and an earlier message goes."""
    mbox.write(ONE, TWO, TWO, THREE)
    before = mbox.session().uidls(1, 4)
    assert len(set(before)) == 4
    mbox.write(TWO.replace(b"\n\n", b"\nStatus: RO\n\n", 1), TWO, THREE)
    assert list(mbox.session().uidls(1, 3)) == list(before[1:])


def test_the_message_of_an_imap_server_is_no_message(mbox: MboxSite) -> None:
    """It stays when all others go."""
    pseudo = b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 255 3\nStatus: RO\n\nmeta\n"
    mbox.write(pseudo, ONE)
    mailbox = mbox.session()
    assert (len(mailbox), read_message(mailbox, 1)) == (1, ONE)
    assert mailbox.expunge([1]).messages == 1
    assert mbox.path.read_bytes() == FROM_LINE + pseudo + b"\n"


@pytest.mark.parametrize(
    ("removed", "left"), [([1], [TWO, THREE]), ([2], [ONE, THREE]), ([3, 2], [ONE]), ([1, 2, 3], []), ([1, 3], [TWO])]
)
def test_expunge_leaves_the_others_as_they_were(mbox: MboxSite, removed: list[int], left: list[bytes]) -> None:
    """From the middle, the end, and all."""
    mbox.write(ONE, TWO, THREE)
    result = mbox.session().expunge(removed)
    assert (result.messages, result.failures) == (len(removed), ())
    assert mbox.path.read_bytes() == b"".join(FROM_LINE + text + b"\n" for text in left)
    assert os.listdir(mbox.path.parent) == ["mbox"]


def test_expunge_writes_what_was_seen_and_moves_the_base(mbox: MboxSite) -> None:
    """Status is replaced or added; the numbers of the mailbox go to the message that is now the first."""
    first = b"X-IMAPbase: 255 16\nX-UID: 9\n\n1\n"
    mbox.write(first, b"Subject: 2\nStatus: O\nX-UID: 12\n\n2\n", b"Subject: 3\nX-UID: 13\n\n3\n")
    mailbox = mbox.session()
    uidls = mailbox.uidls(2, 3)
    mailbox.expunge([1], seen=[1, 2, 3])
    again = mbox.session()
    assert (list(again.uidls(1, 2)), again.flags(1), again.flags(2)) == (list(uidls), "S", "S")
    assert b"X-IMAPbase: 255 0000000016\n" in mbox.path.read_bytes()


def test_mail_that_came_meanwhile_stays(mbox: MboxSite) -> None:
    """It has no number in this session, and is there in the next."""
    mbox.write(ONE, TWO)
    mailbox = mbox.session()
    with mbox.path.open("ab") as file:
        file.write(FROM_LINE + THREE + b"\n")
    mailbox.expunge([1, 2])
    again = mbox.session()
    assert (len(mailbox), len(again), read_message(again, 1)) == (2, 1, THREE)


def test_a_message_that_another_program_has_moved_is_gone(mbox: MboxSite) -> None:
    """A rewrite in place under the session; nothing else is read or removed in its place."""
    mbox.write(ONE, TWO, THREE)
    mailbox = mbox.session()
    mbox.write(TWO, THREE)
    with pytest.raises(MessageGone, match="changed"):
        mailbox.open(2)
    assert mailbox.expunge([1]).messages == 0
    assert mailbox.expunge([2]).messages == 1
    assert read_message(mbox.session(), 1) == THREE


@pytest.mark.parametrize(
    "content", [b"Subject: x\n\nno mbox\n", b"\nFrom a Thu Nov 29 22:33:52 2001\n\n", b"From me\n"]
)
def test_a_file_without_a_from_line_is_refused_as_it_is(mbox: MboxSite, content: bytes) -> None:
    """It may be anything; the error says so."""
    mbox.path.write_bytes(content)
    with pytest.raises(MailboxUnavailable, match="From_ line"):
        open_mailbox(mbox.location)
    assert mbox.path.read_bytes() == content


def test_what_is_no_plain_file_is_refused(mbox: MboxSite) -> None:
    """Links, pipes and directories are no mailboxes; nothing waits for them."""
    for make in (lambda p: p.symlink_to("/etc/passwd"), os.mkfifo, Path.mkdir):
        make(mbox.path)
        with pytest.raises(MailboxUnavailable):
            open_mailbox(mbox.location, lock=False)
        mbox.path.rmdir() if mbox.path.is_dir() else mbox.path.unlink()


def test_a_file_that_is_not_there_or_empty_has_no_messages(mbox: MboxSite) -> None:
    """The first delivery makes it."""
    assert len(mbox.session()) == 0
    mbox.path.write_bytes(b"")
    assert len(mbox.session()) == 0


def test_a_locked_file_is_in_use(mbox: MboxSite) -> None:
    """While a delivery writes, neither opening nor removing waits for long."""
    mbox.write(ONE, TWO)
    mailbox = mbox.session()
    content = mbox.path.read_bytes()
    with Mbox.open(str(mbox.path), LockPolicy()):
        quick = LockPolicy(attempts=1)
        pid = os.fork()  # the kernel's locks are between processes
        if pid == 0:
            os._exit(_raises_in_use(lambda: open_mailbox(mbox.location, lock=False, policy=quick)))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        with pytest.raises(MailboxInUse, match="try again"):
            mailbox.expunge([1])
    assert mbox.path.read_bytes() == content


def _raises_in_use(action: object) -> int:
    try:
        action()  # type: ignore[operator]
    except MailboxInUse:
        return 0
    return 1


def test_two_sessions_exclude_each_other(mbox: MboxSite) -> None:
    """The lock is beside the file."""
    mbox.write(ONE)
    first = mbox.session(lock=True)
    with pytest.raises(MailboxInUse, match="another session"):
        open_mailbox(mbox.location)
    first.close()
    mbox.session(lock=True)

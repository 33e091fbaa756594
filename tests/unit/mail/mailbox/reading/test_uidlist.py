"""dovecot-uidlist: read as it is, continued as Dovecot would."""

from __future__ import annotations

import os

import pytest
from reading_site import MaildirSite, read_message

from pyfix.mail.mailbox.reading import MailboxUnavailable, open_mailbox
from pyfix.mail.mailbox.reading.uidlist import complete, parse, read_uidlist

LIST = "3 V255 N8 G0123456789abcdef0123456789abcdef\n2 :2.b\n5 W77 S70 :1.a:2,S\n7 Pkept-from-another :3.c\n"


def test_ids_and_order_are_the_lists(maildir: MaildirSite) -> None:
    """UIDs in hexadecimal with UIDVALIDITY, saved ids as they are, sizes that Dovecot has counted."""
    for name in ("cur/1.a:2,S", "new/2.b", "cur/3.c:2,"):
        maildir.put(name, name.encode())
    maildir.put("dovecot-uidlist", LIST.encode())
    mailbox = maildir.session()
    assert list(mailbox.uidls(1, 3)) == [b"00000002000000ff", b"00000005000000ff", b"kept-from-another"]
    assert [read_message(mailbox, number) for number in (1, 2, 3)] == [b"new/2.b", b"cur/1.a:2,S", b"cur/3.c:2,"]
    assert list(mailbox.octets(1, 2)) == [7, 77]


def test_new_messages_are_added_to_the_list(maildir: MaildirSite) -> None:
    """In the order of their names, with the next numbers, and once."""
    for name in ("new/9.z", "new/8.y,S=4", "cur/1.a:2,S"):
        maildir.put(name)
    path = maildir.put("dovecot-uidlist", LIST.encode())
    assert list(maildir.session().uidls(1, 3)) == [b"00000005000000ff", b"00000008000000ff", b"00000009000000ff"]
    assert path.read_text() == f"{LIST}8 :8.y,S=4\n9 :9.z\n"
    assert list(maildir.session().uidls(1, 3)) == [b"00000005000000ff", b"00000008000000ff", b"00000009000000ff"]
    assert path.read_text() == f"{LIST}8 :8.y,S=4\n9 :9.z\n"
    assert "dovecot-uidlist.lock" not in os.listdir(maildir.root)


def test_places_come_before_numbers(maildir: MaildirSite) -> None:
    """O says where a message that came from another server stood there."""
    for name in ("cur/1.a:2,", "cur/2.b:2,", "cur/3.c:2,"):
        maildir.put(name)
    maildir.put("dovecot-uidlist", b"3 V1 N9\n1 :1.a\n2 O2 :2.b\n3 O1 :3.c\n")
    assert [uidl[:8] for uidl in maildir.session().uidls(1, 3)] == [b"00000003", b"00000002", b"00000001"]


def test_courier_s_format_is_understood(maildir: MaildirSite) -> None:
    """Version 1, which Dovecot goes on with."""
    maildir.put("cur/1.a:2,S")
    maildir.put("dovecot-uidlist", b"1 255 9\n3 1.a:2,S\n")
    assert list(maildir.session().uidls(1, 1)) == [b"00000003000000ff"]


@pytest.mark.parametrize("content", [b"garbage\n", b"4 V1 N2\n", b"3 N2\n", b"3 V0 N2\n", b"3 Vx Ny\n1 :1.a\n"])
def test_a_list_that_makes_no_sense_ends_the_session(maildir: MaildirSite, content: bytes) -> None:
    """Other ids would make every client fetch everything again."""
    maildir.put("new/1.a")
    maildir.put("dovecot-uidlist", content)
    with pytest.raises(MailboxUnavailable, match="first line"):
        open_mailbox(maildir.location)


def test_a_line_that_makes_no_sense_is_passed_over() -> None:
    """The others count."""
    found = parse("3 V1 N5\nfoo\n0 :a\n2 W1 Q :b/c\n9999999999 :d\n3 :e\n-1 :f\n4 \n")
    assert found is not None
    assert found.uids == {"e": 3}


def test_a_lock_that_is_kept_is_no_reason_to_wait_for_ever(maildir: MaildirSite) -> None:
    """Dovecot holds it for moments; one of two minutes is forgotten."""
    maildir.put("new/1.a")
    maildir.put("dovecot-uidlist", LIST.encode())
    lock = maildir.put("dovecot-uidlist.lock", b"")
    root = os.open(maildir.root, os.O_RDONLY)
    listed = read_uidlist(root, "box/")
    assert listed is not None
    waits: list[float] = []
    with pytest.raises(MailboxUnavailable, match="locked"):
        complete(root, "box/", ["9.z"], listed, waits.append)
    assert sum(waits) < 2
    os.utime(lock, (1, 1))
    assert complete(root, "box/", ["9.z"], listed, waits.append).uids["9.z"] == 8
    os.close(root)


def test_a_name_that_no_line_can_hold_gets_an_id_of_its_own(maildir: MaildirSite) -> None:
    """A line end in a file name."""
    maildir.put("new/1.a\n7 :2.b")
    path = maildir.put("dovecot-uidlist", LIST.encode())
    assert len(maildir.session().uidls(1, 1)[0]) == 40
    assert path.read_text() == LIST

"""Mailboxes against a model: whatever is in them and whatever others do, a session sees and removes its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from reading_site import FROM_LINE, MaildirSite, MboxSite, read_message

from pyfix.mail.mailbox.reading import MessageGone, ReadableMailbox, ReadingError
from pyfix.mail.mailbox.reading.mbox_format import header_length, private_fields, visible_ranges
from pyfix.mail.mailbox.reading.names import base_of, with_flag
from pyfix.mail.mailbox.reading.sizes import Sizes
from pyfix.mail.mailbox.reading.uidlist import parse

LINES = st.sampled_from(
    [
        b"\n",
        b"\r\n",
        b"a line\n",
        b"crlf\r\n",
        b"\r",
        b".\n",
        b">From x\n",
        b"From nobody\n",
        b"\x00\xff\n",
        b"X-UID: 3\n",
    ]
)
BODIES = st.lists(LINES, max_size=6).map(b"".join)
NAME_BYTES = st.binary(min_size=1, max_size=80).map(
    lambda data: data.replace(b"/", b"_").replace(b"\0", b"_").replace(b":", b";")
)
BASES = st.one_of(
    st.sampled_from([b"1.M1P1.host", b"1.M1P1.host,S=4", b"1.M1P1.host,S=4,W=9999", b"x\ny", b"\xff\xfe", b"1 2"]),
    NAME_BYTES.filter(lambda data: not data.startswith(b".")),
)
FLAGS = st.sampled_from([b"", b":2,", b":2,S", b":2,FRS", b":1,x", b":2,T"])
MESSAGES = st.dictionaries(BASES, st.tuples(FLAGS, st.booleans(), BODIES), max_size=6)


@contextmanager
def a_folder() -> Iterator[Path]:
    """Return a directory for one example."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def octets_of(content: bytes) -> int:
    """Count as RFC 1939 wants it."""
    return len(content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def lay_out(site: MaildirSite, messages: dict[bytes, tuple[bytes, bool, bytes]]) -> dict[str, bytes]:
    """Write the messages; return the content of each by base."""
    contents = {}
    for base, (flags, is_new, content) in messages.items():
        path = os.fsencode(site.root) + (b"/new/" + base if is_new else b"/cur/" + base + flags)
        with open(path, "wb") as file:
            file.write(content)
        contents[os.fsdecode(base)] = content
    return contents


def bases_in(site: MaildirSite) -> list[str]:
    """Return the base names of all files."""
    return sorted(base_of(name) for folder in ("new", "cur") for name in os.listdir(site.root / folder))


def check_ids(mailbox: ReadableMailbox) -> list[bytes]:
    """Return the ids, which are distinct and allowed."""
    uidls = list(mailbox.uidls(1, len(mailbox)))
    assert len(set(uidls)) == len(uidls)
    assert all(1 <= len(uidl) <= 70 and all(0x21 <= byte <= 0x7E for byte in uidl) for uidl in uidls)
    return uidls


@settings(max_examples=120)
@given(MESSAGES, st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_a_maildir_session_sees_and_removes_what_is_there(
    messages: dict[bytes, tuple[bytes, bool, bytes]], removed: set[int], seen: set[int]
) -> None:
    """Contents, sizes and ids are the files'; what was removed is gone, nothing else; ids are the same next time."""
    with a_folder() as folder:
        site = MaildirSite(folder / "box")
        contents = lay_out(site, messages)
        mailbox = site.session(lock=True)
        assert len(mailbox) == len(contents)
        order = sorted(contents, key=lambda base: next(n for n in _names(site) if base_of(n) == base))
        for number, base in enumerate(order, 1):
            assert read_message(mailbox, number) == contents[base]
            assert ",W=" in base or list(mailbox.octets(number, number)) == [octets_of(contents[base])]
        uidls = check_ids(mailbox)
        gone = {number for number in removed if 1 <= number <= len(order)}
        result = mailbox.expunge(gone, [number for number in seen if 1 <= number <= len(order)])
        mailbox.close()
        assert (result.messages, result.failures) == (len(gone), ())
        assert bases_in(site) == sorted(base for number, base in enumerate(order, 1) if number not in gone)
        again = site.session(lock=True)
        if not gone:
            assert sorted(check_ids(again)) == sorted(uidls)
        site.close()


def _names(site: MaildirSite) -> list[str]:
    return os.listdir(site.root / "new") + os.listdir(site.root / "cur")


@settings(max_examples=80)
@given(
    MESSAGES, st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["flag", "move", "remove", "deliver"])), max_size=8)
)
def test_a_maildir_that_changes_under_a_session(
    messages: dict[bytes, tuple[bytes, bool, bytes]], changes: list[tuple[int, str]]
) -> None:
    """A message is read as long as it is there under any name; one that was removed is gone; new mail is left alone."""
    with a_folder() as folder:
        site = MaildirSite(folder / "box")
        contents = lay_out(site, messages)
        mailbox = site.session()
        read = {number: read_message(mailbox, number) for number in range(1, len(mailbox) + 1)}
        for count, (which, change) in enumerate(changes):
            _change(site, which, change, count)
        left = {**contents}
        for base in set(contents) - set(bases_in(site)):
            del left[base]
        found = []
        for number in range(1, len(mailbox) + 1):
            try:
                found.append(read_message(mailbox, number))
                assert found[-1] == read[number]
            except MessageGone:
                continue
        assert sorted(found) == sorted(left.values())
        mailbox.expunge(range(1, len(mailbox) + 1))
        assert set(bases_in(site)).isdisjoint(contents)
        site.close()


def _change(site: MaildirSite, which: int, change: str, count: int) -> None:
    if change == "deliver":
        site.put(f"new/{count}.late")
        return
    files = [(folder, name) for folder in ("new", "cur") for name in sorted(os.listdir(site.root / folder))]
    if not files:
        return
    folder, name = files[which % len(files)]
    path = f"{site.root}/{folder}/{name}"
    if change == "remove":
        os.unlink(path)
    else:
        os.rename(path, f"{site.root}/cur/{with_flag(name, 'F' if change == 'flag' else 'R')}")


HEADERS = st.lists(
    st.sampled_from(
        [
            b"Subject: a\n", b"Subject: b\n", b"Status: RO\n", b"X-UID: 4\n", b"X-UID: 5\n", b"X-IMAPbase: 7 4\n",
            b"X-Keywords: a\n b\n", b"Content-Length: 999\n", b"Date: x\r\n", b"no colon\n",
        ]
    ),
    max_size=5,
).map(b"".join)  # fmt: skip
MAILS = st.lists(st.tuples(HEADERS, BODIES), min_size=1, max_size=6)


def shown(header: bytes, body: bytes) -> bytes:
    """Return what a client gets of a message."""
    content = header + b"\n" + body
    block = content[: header_length(content)]
    ranges = visible_ranges(private_fields(block), len(content))
    return b"".join(content[start : start + length] for start, length in ranges)


@settings(max_examples=150)
@given(MAILS, st.sets(st.integers(1, 6)), st.sets(st.integers(1, 6)), st.booleans())
def test_an_mbox_session_sees_and_removes_what_is_there(
    mails: list[tuple[bytes, bytes]], removed: set[int], seen: set[int], comes: bool
) -> None:
    """Contents, sizes and ids; after a removal the others are as they were, with their ids, and so is new mail."""
    with a_folder() as folder:
        site = MboxSite(folder / "mbox")
        mails = [(header, body if body.endswith(b"\n") or not body else body + b"\n") for header, body in mails]
        site.write(*(header + b"\n" + body for header, body in mails))
        mailbox = site.session(lock=True)
        wanted = [shown(header, body) for header, body in mails]
        assert [read_message(mailbox, number) for number in range(1, len(mailbox) + 1)] == wanted
        assert list(mailbox.octets(1, len(mailbox))) == [octets_of(content) for content in wanted]
        uidls = check_ids(mailbox)
        if comes:
            with site.path.open("ab") as file:
                file.write(FROM_LINE + b"Subject: late\n\nlate\n\n")
        numbers = range(1, len(wanted) + 1)
        mailbox.expunge(removed.intersection(numbers), seen.intersection(numbers))
        mailbox.close()
        again = site.session(lock=True)
        left = [number for number in numbers if number not in removed]
        found = [read_message(again, number) for number in range(1, len(again) + 1)]
        assert found == [wanted[number - 1] for number in left] + ([b"Subject: late\n\nlate\n"] if comes else [])
        _check_ids_after(uidls, left, check_ids(again), mails)
        site.close()


def _check_ids_after(
    before: list[bytes], left: list[int], after: list[bytes], mails: list[tuple[bytes, bytes]]
) -> None:
    """Ids stay, but where two messages have one header, or the file's numbers are lost with the first message."""
    kept = [before[number - 1] for number in left]
    if len({shown(header, b"") for header, _ in mails}) == len(mails) and 1 in left:
        assert after[: len(kept)] == kept


@given(st.binary(max_size=300))
def test_any_file_is_an_mbox_or_refused(data: bytes) -> None:
    """Nothing else is raised, and nothing is changed."""
    with a_folder() as folder:
        site = MboxSite(folder / "mbox")
        site.path.write_bytes(data)
        try:
            mailbox = site.session()
            check_ids(mailbox)
            for number in range(1, len(mailbox) + 1):
                assert octets_of(read_message(mailbox, number)) == mailbox.octets(number, number)[0]
        except ReadingError:
            pass
        assert site.path.read_bytes() == data
        site.close()


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_index_of_sizes_is_read_or_passed_over(head: bytes, tail: bytes) -> None:
    """A cache that lies about its own length, or is garbage, says nothing."""
    assert Sizes.decode(head + tail).octets is not None
    whole = b"".join(Sizes("a/b").encode())
    assert not Sizes.decode(whole[: len(head)] + tail).octets


@given(st.text(max_size=300), st.sampled_from(["", "3 V5 N9 Gx\n", "1 5 9\n", "3 N9\n"]))
def test_any_uidlist_is_read_or_refused(text: str, header: str) -> None:
    """Numbers are positive, and the next one is free."""
    found = parse(header + text)
    if found is not None:
        assert all(0 < uid < found.next_uid for uid in found.uids.values())

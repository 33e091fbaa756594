"""The pure parts of cleanup: header pass, missing headers, duplicates."""

import pytest

from pyfix.daemons.cleanup.headers import AddressHeaderResult, Findings, HeaderPass
from pyfix.daemons.cleanup.missing import Origin, make_missing_headers
from pyfix.daemons.cleanup.recipients import RecipientList
from pyfix.mail.ipc.messages import NOTIFY_FAILURE, NOTIFY_NEVER, NOTIFY_SUCCESS, Recipient
from pyfix.mail.message.header import parse_header_block
from pyfix.mail.rewrite.mapping import Use

DROPPED = frozenset((b"bcc", b"return-path"))
ORIGIN = Origin("ABCDEF1", "mail.example.test", 1795415178.0, "a@example.test", False, "")


def run(data: bytes, *, extract: bool = False, size_limit: int = 1000) -> Findings:
    """Pass over headers; every address header is rewritten to <new>."""

    def rewrite(name: bytes, value: bytes, use: Use) -> AddressHeaderResult:
        return AddressHeaderResult(b"new" if b"old" in value else None, [value.decode().strip()])

    header_pass = HeaderPass(dropped=DROPPED, size_limit=size_limit)
    return header_pass.run(data, parse_header_block(data), rewrite, extract)


# --- the pass


def test_headers_that_need_nothing_stay_byte_for_byte() -> None:
    """Order, spacing and case are the sender's."""
    data = b"Received: x\n\ty\nSUBJECT:z\nTo:  a@b\n\nbody"
    assert b"".join(run(data).segments) == b"Received: x\n\ty\nSUBJECT:z\nTo:  a@b\n"


def test_dropped_headers_go_and_count_as_seen() -> None:
    """Bcc is nobody's business, yet To need not be added for it."""
    findings = run(b"A: 1\nBcc: x\nReturn-Path: <y>\nB: 2\n\n")
    assert b"".join(findings.segments) == b"A: 1\nB: 2\n"
    assert b"bcc" in findings.seen


def test_address_headers_are_rewritten_under_their_own_name() -> None:
    """The case of the name stays."""
    assert b"".join(run(b"CC: old\nSubject: old\n\n").segments) == b"CC: new\nSubject: old\n"


def test_blanks_before_a_colon_go() -> None:
    """As Postfix does it."""
    assert b"".join(run(b"Cc : a@b\n\n").segments) == b"Cc: a@b\n"


def test_a_header_line_ends_at_a_nul() -> None:
    """As it does in Postfix; the lines that continue it stay."""
    findings = run(b"Subject: a\0b\n c\nMessage-Id: <x>\0y\nX-A:\0\n\nb\0\n")
    assert b"".join(findings.segments) == b"Subject: a\n c\nMessage-Id: <x>\nX-A:\n"
    assert findings.message_ids == [(False, b"<x>")]


def test_hops_and_message_ids_are_noted() -> None:
    """They end up in the log and in the decision."""
    findings = run(b"Received: a\nReceived: b\nMessage-ID:  <x@y> \nResent-Message-Id: <z>\n\n")
    assert findings.hops == 2
    assert findings.message_ids == [(False, b"<x@y> "), (True, b"<z>")]
    assert findings.is_resent


def test_recipients_are_extracted_from_bcc_too() -> None:
    """sendmail -t: a header that is dropped still names recipients."""
    findings = run(b"To: a\nFrom: f\nBcc: b\n\n", extract=True)
    assert findings.extracted() == ["a", "b"]
    assert run(b"To: a\n\n").extracted() == []


def test_resent_headers_name_the_recipients_when_there_are_any() -> None:
    """RFC 5322 section 3.6.6: the others are those of the first sending."""
    assert run(b"To: a\nResent-To: b\n\n", extract=True).extracted() == ["b"]


def test_a_header_is_cut_at_the_limit() -> None:
    """header_size_limit bytes stay, whole lines or not; what follows is untouched."""
    findings = run(b"X: " + b"1" * 50 + b"\n 2\nSubject: s\n\n", size_limit=10)
    assert b"".join(findings.segments) == b"X: 1111111\nSubject: s\n"


def test_a_header_that_was_cut_can_still_be_rewritten() -> None:
    """The two changes don't get in each other's way."""
    assert b"".join(run(b"To: old" + b"x" * 50 + b"\nA: b\n\n", size_limit=20).segments) == b"To: new\nA: b\n"


# --- missing headers


def test_all_missing_headers_are_added_in_the_order_of_postfix() -> None:
    """Message-Id, Date, From."""
    added = make_missing_headers(set(), False, ORIGIN)
    assert added.message_id == "<20261123062618.ABCDEF1@mail.example.test>"
    names = [line.split(":")[0] for line in added.lines.splitlines()]
    assert names == ["Message-Id", "Date", "From"]
    assert added.lines.endswith("From: a@example.test\n")


def test_headers_that_are_there_are_not_added() -> None:
    """Nothing is written twice."""
    assert make_missing_headers({b"message-id", b"date", b"from"}, False, ORIGIN).lines == ""


def test_a_resent_message_gets_resent_headers() -> None:
    """Even when the plain ones are there."""
    lines = make_missing_headers({b"message-id", b"date", b"from", b"resent-from"}, True, ORIGIN).lines
    assert [line.split(":")[0] for line in lines.splitlines()] == ["Resent-Message-Id", "Resent-Date"]


@pytest.mark.parametrize(
    ("seen", "expected"), [(set(), True), ({b"to"}, False), ({b"resent-cc"}, False), ({b"bcc"}, True)]
)
def test_undisclosed_recipients_are_said_when_no_destination_shows(seen: set[bytes], expected: bool) -> None:
    """undisclosed_recipients_header."""
    origin = Origin("A", "h", 1.0, "a@b", False, "To: undisclosed-recipients:;")
    assert ("undisclosed" in make_missing_headers(seen, False, origin).lines) is expected


def test_the_null_sender_has_a_name_in_from() -> None:
    """As Postfix writes it."""
    origin = Origin("A", "h", 1.0, "", False, "")
    assert "From: MAILER-DAEMON\n" in make_missing_headers(set(), False, origin).lines


# --- duplicates


def collect(keep_original: bool = True, limit: int = 1000) -> RecipientList:
    return RecipientList(expand=None, keep_original=keep_original, duplicate_limit=limit)


def test_the_same_recipient_in_another_case_is_a_duplicate() -> None:
    """The first one stays."""
    rcpts = collect()
    rcpts.add("u@x", "u@x")
    rcpts.add("U@X", "U@x")
    assert rcpts.recipients == [Recipient("u@x", "u@x")]


def test_the_original_address_distinguishes() -> None:
    """Unless enable_original_recipient = no."""
    for keep, count in ((True, 2), (False, 1)):
        rcpts = collect(keep)
        rcpts.add("u@x", "alias@x")
        rcpts.add("u@x", "u@x")
        assert len(rcpts.recipients) == count
    assert rcpts.recipients[0].original == ""


def test_what_is_beyond_the_filter_limit_is_not_remembered() -> None:
    """duplicate_filter_limit bounds memory; 0 is no bound."""
    for limit, count in ((1, 3), (0, 2)):
        rcpts = collect(limit=limit)
        for address in ("a", "b", "b"):
            rcpts.add(address, address)
        assert len(rcpts.recipients) == count


@pytest.mark.parametrize(
    ("notify", "left"), [(NOTIFY_SUCCESS, NOTIFY_NEVER), (NOTIFY_SUCCESS | NOTIFY_FAILURE, NOTIFY_FAILURE), (0, 0)]
)
def test_an_alias_for_several_takes_success_notices_upon_itself(notify: int, left: int) -> None:
    """RFC 3461 section 5.2.7.3: the sender hears "expanded", and no more of success."""
    rcpts = RecipientList(expand=lambda address: ["b", "c"], keep_original=True, duplicate_limit=0)
    rcpts.add("a", "a", "rfc822;a", notify)
    assert [recipient.notify for recipient in rcpts.recipients] == [left, left]
    assert rcpts.expanded == ([Recipient("a", "a", "rfc822;a", notify)] if notify & NOTIFY_SUCCESS else [])


def test_an_alias_for_one_keeps_its_notices() -> None:
    """It is none of the sender's business."""
    rcpts = RecipientList(expand=lambda address: ["b"], keep_original=True, duplicate_limit=0)
    rcpts.add("a", "a", "", NOTIFY_SUCCESS)
    assert rcpts.recipients == [Recipient("b", "a", "", NOTIFY_SUCCESS)]
    assert rcpts.expanded == []

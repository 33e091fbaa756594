"""Notices as programs read them, and what a stranger's text must not do to them."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import Message
from email.parser import BytesParser

from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.bounce.decide import Plan
from pyfix.daemons.bounce.notice import About, Notice
from pyfix.daemons.bounce.original import Original
from pyfix.daemons.bounce.recipient_log import Entry
from pyfix.mail.ipc.messages import NOTIFY_FAILURE, NOTIFY_NEVER, RET_FULL, RET_HDRS, Dsn, Envelope, Outcome, Recipient
from pyfix.mail.notices.template import BUILT_IN, Kind

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=120)


def original(content: bytes) -> Original:
    """Return a message that lies in memory."""
    return Original(lambda offset, size: content[offset : offset + size], len(content))


def entry(address: str = "x@else.test", reason: str = "no", notify: int = 0, **fields: str) -> Entry:
    """Return a recipient that failed."""
    recipient = Recipient(address, fields.get("original", ""), fields.get("orcpt", ""), notify, 0)
    dsn = Dsn(
        "5.1.1", reason, "smtp" if "diagnostic" in fields else "", fields.get("diagnostic", ""), fields.get("mta", "")
    )
    return Entry(recipient, Outcome(0, "bounced", dsn, address))


def compose(
    entries: Sequence[Entry],
    *,
    content: bytes = b"Subject: s\n\nbody\n",
    envelope: Envelope | None = None,
    returned: int = RET_FULL,
    size_limit: int = 50000,
    notify: int = NOTIFY_FAILURE,
) -> bytes:
    """Return a whole notice to the sender."""
    envelope = envelope or Envelope("a@x.test", 0.0, 0)
    about = About("ABC123", envelope, "mx.test", "Postfix", original(content), entries, 0.0, size_limit)
    plan = Plan(Kind.FAILURE, "", envelope.sender, "event", returned, notify)
    return b"".join(Notice(about, plan, BUILT_IN[Kind.FAILURE], 1000.0).pieces("DEF456"))


def parts(notice: bytes) -> list[Message]:
    """Return the three parts, and fail when there are others."""
    message = BytesParser().parsebytes(notice)
    assert message.get_content_type() == "multipart/report"
    found = message.get_payload()
    assert len(found) == 3
    return found


def test_only_recipients_that_asked_are_named() -> None:
    """NOTIFY=NEVER is left out; no NOTIFY counts as asking for failure."""
    notice = compose(
        [entry("never@x.test", notify=NOTIFY_NEVER), entry("asked@x.test", notify=4), entry("silent@x.test")]
    )
    assert b"never@x.test" not in notice
    assert notice.count(b"Final-Recipient: rfc822; asked@x.test\n") == 1
    assert notice.count(b"Final-Recipient: rfc822; silent@x.test\n") == 1


def test_message_above_the_limit_is_returned_as_headers() -> None:
    """Content of exactly the limit is returned whole."""
    content = b"Subject: s\n\n" + b"x" * 100 + b"\n"
    assert parts(compose([entry()], content=content, size_limit=len(content)))[2].get_content_type() == "message/rfc822"
    headers = parts(compose([entry()], content=content, size_limit=len(content) - 1))[2]
    assert headers.get_content_type() == "text/rfc822-headers"
    assert headers.get_payload() == "Return-Path: <a@x.test>\nSubject: s\n"


def test_content_without_final_line_end_does_not_swallow_the_boundary() -> None:
    """The closing boundary stands on a line of its own."""
    notice = compose([entry()], content=b"Subject: s\n\nno line end")
    assert notice.endswith(b"\nno line end\n\n--ABC123.1000/mx.test--\n")


def test_message_without_header_is_returned_as_no_headers() -> None:
    """RET=HDRS of a body alone: nothing but Return-Path."""
    headers = parts(compose([entry()], content=b"\nbody\n", returned=RET_HDRS))[2]
    assert headers.get_payload() == "Return-Path: <a@x.test>\n"


def test_header_without_body_is_returned_whole() -> None:
    """A message may end with its header."""
    headers = parts(compose([entry()], content=b"Subject: s\nX: y\n", returned=RET_HDRS))[2]
    assert headers.get_payload() == "Return-Path: <a@x.test>\nSubject: s\nX: y\n"


def test_threaded_notice_refers_to_the_message() -> None:
    """Folded and oddly cased Message-ID: headers are found; others are not."""
    for header in (b"Message-ID: <1@x>\n", b"MESSAGE-ID:\n <1@x>\n"):
        assert original(b"X: y\n" + header + b"\nbody\n").message_id() == "<1@x>"
    for content in (b"X: y\n\nMessage-ID: <1@x>\n", b"Message-ID: <1 @x>\n\n", b"", b"\nMessage-ID: <1@x>\n"):
        assert original(content).message_id() == ""


@given(address=TEXT, reason=TEXT, diagnostic=TEXT, mta=TEXT, orcpt=TEXT, envid=TEXT, sender=TEXT)
def test_no_text_of_a_stranger_makes_fields_or_parts(
    address: str, reason: str, diagnostic: str, mta: str, orcpt: str, envid: str, sender: str
) -> None:
    """Whatever the texts hold, the notice has three parts, and one recipient with the fields it always has."""
    envelope = Envelope(sender, 0.0, 0, envid=envid)
    notice = compose([entry(address, reason, diagnostic=diagnostic, mta=mta, orcpt=orcpt)], envelope=envelope)
    head = notice.split(b"\n\n", 1)[0]
    assert [line.split(b":")[0] for line in head.split(b"\n") if not line.startswith(b"\t")] == [
        b"Received", b"Date", b"From", b"Subject", b"To", b"Auto-Submitted", b"MIME-Version", b"Content-Type",
        b"Content-Transfer-Encoding",
    ]  # fmt: skip
    status = notice.split(b"\n--ABC123.1000/mx.test\n")[2].split(b"\n\n")
    names = [line.split(b":")[0] for line in status[2].split(b"\n") if line and not line.startswith(b" ")]
    expected = [b"Final-Recipient", b"Original-Recipient", b"Action", b"Status"]
    assert [name for name in names if name not in (b"Remote-MTA", b"Diagnostic-Code")] == expected
    assert notice.count(b"\n--ABC123.1000/mx.test") == 4


@given(content=st.binary(max_size=2000), size=st.integers(1, 50))
def test_returned_content_does_not_depend_on_how_it_is_read(content: bytes, size: int) -> None:
    """Short reads give the same bytes as long ones."""
    pieces = Original(lambda offset, wanted: content[offset : offset + min(size, wanted)], len(content))
    assert b"".join(pieces.whole()) == b"".join(original(content).whole())
    assert b"".join(pieces.header()) == b"".join(original(content).header())

"""Headers that pyfix makes: the expected lines were written by Postfix 3.7."""

import time
from collections.abc import Iterator

import pytest

from pyfix.mail.message import generated
from pyfix.mail.message.dates import format_date, format_utc_stamp

ARRIVAL = 1795415178.9


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Dates are in local time: fix it."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_date_is_that_of_postfix() -> None:
    """Seconds are cut, the zone is named; the day is padded with a blank."""
    assert format_date(ARRIVAL) == "Mon, 23 Nov 2026 06:26:18 +0000 (UTC)"
    assert format_date(1793521578) == "Sun,  1 Nov 2026 08:26:18 +0000 (UTC)"


@pytest.mark.parametrize(
    ("zone", "second", "expected"),
    [("EST5", 1, "-0500 (EST)"), ("XST-5:30", 2, "+0530 (XST)"), ("YST0:30", 3, "-0030 (YST)")],
)
def test_date_has_the_offset_of_the_zone(
    zone: str, second: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours and minutes, west is negative."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    assert format_date(1_000_000_000 + second).endswith(expected)


def test_received_from_a_user_is_that_of_postfix() -> None:
    """It tells the user id."""
    assert generated.received_from_user(
        hostname="mail.bench.test", mail_name="Postfix", uid=0, queue_id="5B78820C021", arrival=1795415710
    ) == (
        "Received: by mail.bench.test (Postfix, from userid 0)\n"
        "\tid 5B78820C021; Mon, 23 Nov 2026 06:35:10 +0000 (UTC)\n"
    )


def test_message_id_holds_time_and_queue_id() -> None:
    """A long queue id needs no time to be unique."""
    assert (
        generated.message_id("78C6120C3F4", "mail.bench.test", ARRIVAL) == "20261123062618.78C6120C3F4@mail.bench.test"
    )
    assert generated.message_id("4jXwv13HrkzJ9B2", "h.test", ARRIVAL, long_id=True) == "4jXwv13HrkzJ9B2@h.test"
    assert format_utc_stamp(ARRIVAL) == "20261123062618"


@pytest.mark.parametrize(
    ("sender", "name", "expected"),
    [
        ("root@bench.test", "John Q. Public", '"John Q. Public" <root@bench.test>'),
        ("root@bench.test", "John Public", "John Public <root@bench.test>"),
        ("root@bench.test", 'J"oh\\n (x) é', '"J\\"oh\\\\n (x) é" <root@bench.test>'),
        ("root@bench.test", "é b", "é b <root@bench.test>"),
        ("root@bench.test", "a  b", "a b <root@bench.test>"),
        ("root@bench.test", "' b", "' b <root@bench.test>"),
        ("root@bench.test", "a#$&'*+-/=?^_`{|}~b", "a#$&'*+-/=?^_`{|}~b <root@bench.test>"),
        ("root@bench.test", "a!b", '"a!b" <root@bench.test>'),
        ("root@bench.test", "", "root@bench.test"),
        ("", "x", "MAILER-DAEMON"),
    ],
)
def test_from_is_that_of_postfix(sender: str, name: str, expected: str) -> None:
    """The name is quoted when it has to be."""
    assert generated.from_value(sender, name) == expected


def test_obsolete_from_has_the_name_in_a_comment() -> None:
    """header_from_format = obsolete."""
    assert generated.from_value("a@b", "A B", "obsolete") == "a@b (A B)"


def test_a_line_break_in_a_name_makes_no_header() -> None:
    """A name comes from the command line of any user."""
    assert "\n" not in generated.from_value("a@b", "A\nBcc: x@y")

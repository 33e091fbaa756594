"""Quotas, sizes, days and names of accounts."""

from __future__ import annotations

from datetime import date

import pytest

from pyfix.mail.accounts import Quota, Refused, parse_size, show_size
from pyfix.mail.accounts.dates import check_span, day_after, parse_stored_day, parse_typed_day, stored_day
from pyfix.mail.accounts.names import (
    check_address,
    check_alias_address,
    check_domain,
    check_mailbox_address,
    check_maildir,
    check_targets,
    check_text,
)
from pyfix.mail.accounts.quota import parse_quota

TODAY = date(2026, 1, 31)


@pytest.mark.parametrize(
    ("text", "size", "messages"),
    [
        ("104857600S", 104857600, 0), ("104857600", 104857600, 0), ("1000C", 0, 1000), ("5S,3C", 5, 3), ("3C,5S", 5, 3),
        ("0", 0, 0), ("", 0, 0), ("0S", 0, 0),
    ],
)  # fmt: skip
def test_stored_quota_is_understood(text: str, size: int, messages: int) -> None:
    """As Courier, ExtMail and VDA write it; what is written again means the same."""
    quota = parse_quota(text)
    assert quota == Quota(size, messages)
    assert parse_quota(quota.stored()) == quota


@pytest.mark.parametrize("text", ["x", "-1", "5X", "1e9", "5S;3C", "9" * 30, " "])
def test_broken_quota_is_none(text: str) -> None:
    """It must not become an unlimited one."""
    with pytest.raises(ValueError, match="bad quota"):
        parse_quota(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("10K", 10240), ("5m", 5 << 20), ("2GB", 2 << 30), ("1T", 1 << 40), ("none", 0), ("0", 0)],
)
def test_size_is_typed_with_a_unit(text: str, size: int) -> None:
    """Powers of 1024."""
    assert parse_size(text) == size
    assert parse_size(show_size(size)) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5G", "00", "9" * 16, "999999999999999T"])
def test_bad_size_is_refused_with_the_remedy(text: str) -> None:
    """The message says what a size looks like."""
    with pytest.raises(ValueError, match="specify bytes or a number with K, M, G or T"):
        parse_size(text)


@pytest.mark.parametrize("text", [None, "", "0000-00-00", "1000-01-01", "0000-00-00 00:00:00", "1000-01-01 00:00:00"])
def test_never_has_many_spellings(text: str | None) -> None:
    """ExtMail's own, and the one of servers that refuse it."""
    assert parse_stored_day(text) is None


def test_days_are_kept() -> None:
    """Also one with a time of day, which an altered table has."""
    assert parse_stored_day("2010-11-08") == parse_stored_day("2010-11-08 00:00:00") == date(2010, 11, 8)
    assert stored_day(date(2010, 11, 8)) == "2010-11-08"
    assert stored_day(None) == "0000-00-00"


@pytest.mark.parametrize("text", ["x", "2010-13-01", "2010-02-30", "01.02.2010", "0"])
def test_broken_day_is_no_day(text: str) -> None:
    """It must not become never."""
    with pytest.raises(ValueError):
        parse_stored_day(text)
    with pytest.raises(ValueError):
        parse_typed_day(text, TODAY)


@pytest.mark.parametrize(
    ("span", "day"),
    [
        ("1y", date(2027, 1, 31)), ("1m", date(2026, 2, 28)), ("13m", date(2027, 2, 28)), ("2w", date(2026, 2, 14)),
        ("10d", date(2026, 2, 10)), ("", None), ("9999y", None), ("never", None),
    ],
)  # fmt: skip
def test_account_may_live_for_a_time(span: str, day: date | None) -> None:
    """default_expire; past the end of the calendar is never."""
    assert day_after(span, TODAY) == day
    assert parse_typed_day(span, TODAY) == day


def test_span_is_checked_when_it_is_set() -> None:
    """A domain whose default nobody understands would make accounts for ever."""
    assert check_span("3m") == "3m"
    assert check_span("never") == ""
    with pytest.raises(ValueError, match="specify a number and y, m, w or d"):
        check_span("soon")


NASTY = (
    "", "a", "@", "a@", "a@b c", "'; DROP TABLE mailbox; --@x.test", "a\\b@x.test", "a\0b@x.test", "a\nb@x.test",
    "\udcff@x.test", "a@\udcff.test", "a..b@x.test", ".a@x.test", "a b@x.test", '"a"@x.test', "a,b@x.test",
    "a@b@x.test", "a@-x.test", "a@x..test", "a" * 65 + "@x.test", "x" * 10_000_000, "a@" + "x" * 10_000_000,
    "a@1.2.3.4", "<a@x.test>", "a@x\u2028.test",
)  # fmt: skip


@pytest.mark.parametrize("name", NASTY, ids=lambda name: repr(name)[:30])
def test_name_that_is_none_is_refused_in_one_line(name: str) -> None:
    """Whatever is in it; the message stays short."""
    for check in (check_address, check_mailbox_address, check_alias_address):
        with pytest.raises(Refused, match=r"^bad (address|domain name)") as caught:
            check(name)
        assert str(caught.value).isprintable() and len(str(caught.value)) < 300


def test_names_are_folded() -> None:
    """Mail is not case sensitive here."""
    assert check_address("Alice@Example.TEST") == ("alice@example.test", "example.test")
    assert check_domain("BÜCHER.test") == "bücher.test"
    assert check_alias_address("@Example.test") == ("@example.test", "example.test")
    assert check_address("o'neil+x/y@x.test")[0] == "o'neil+x/y@x.test"


def test_mailbox_is_no_directory_tree() -> None:
    """Its name becomes a file name."""
    with pytest.raises(Refused, match='has no "/"'):
        check_mailbox_address("a/b@x.test")


@pytest.mark.parametrize("path", ["", "/etc", "../x", "a/../../b", "a//b", "./a", "a\nb", "x" * 300])
def test_maildir_stays_in_the_base(path: str) -> None:
    """Else one row could have mail written anywhere."""
    with pytest.raises(Refused, match="bad maildir"):
        check_maildir(path)


def test_targets_are_addresses() -> None:
    """Twice the same is once; a whole domain only goes where a whole domain comes from."""
    assert check_targets(("A@x.test", "a@x.test", "b@y.test"), "c@x.test") == ("a@x.test", "b@y.test")
    assert check_targets(("@y.test",), "@x.test") == ("@y.test",)
    for targets in ((), ("@y.test",), ("a,b@x.test",), ("|cmd",), ("/file",), (":include:/x",)):
        with pytest.raises(Refused):
            check_targets(targets, "c@x.test")


def test_text_is_one_line_that_a_column_holds() -> None:
    """Names of people, descriptions."""
    assert check_text("Bücher & Co.", "description") == "Bücher & Co."
    for text in ("a\nb", "x" * 256, "\x1b[31m"):
        with pytest.raises(Refused, match="bad description: specify at most 255 characters"):
            check_text(text, "description")

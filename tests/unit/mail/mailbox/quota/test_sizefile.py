"""maildirsize as bytes."""

from __future__ import annotations

import pytest

from pyfix.mail.accounts.quota import Quota
from pyfix.mail.mailbox.quota import Usage
from pyfix.mail.mailbox.quota.sizefile import MOST_BYTES, SizeFile, format_change, format_new, parse, parse_limit


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"1000000S,10C\n           0            0\n          18            1\n", (Quota(1000000, 10), 18, 1, 2)),
        (b"100S\n50 1\n-50 -1\n", (Quota(100), 0, 0, 2)),
        (b"10C,5S\n1 1\n", (Quota(5, 10), 1, 1, 1)),
        (b"0S\n0 0\n", (Quota(), 0, 0, 1)),
    ],
    ids=["Courier", "VDA", "count first", "unlimited"],
)
def test_what_others_write_is_read(data: bytes, expected: tuple[Quota, int, int, int]) -> None:
    """Padded or not, positive or negative."""
    limit, size, messages, lines = expected
    assert parse(data) == SizeFile(limit, Usage(size, messages), lines)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"100S",
        b"100S\n",
        b"100S\n1 1",
        b"100S\n1\n",
        b"100S\n1 1 1\n",
        b"100S\n1 1\n\n",
        b"100S\n1 x\n",
        b"100S\n\0\0\0\0",
        b"100S\n1 1\n\0",
        b"100\n1 1\n",
        b"100M\n1 1\n",
        b"-1S\n1 1\n",
        b"100S\n-1 -1\n",
        b"100S\n5 0\n",
        b"100S\n0 5\n",
        b"100S\n" + b"9" * 19 + b" 1\n",
        b"100S\n" + b"9" * 5000 + b" 1\n",
        b"9" * 19 + b"S\n1 1\n",
        b"100S\n" + b"1 1\n" * (MOST_BYTES // 4),
        b"\xff\xfe1S\n1 1\n",
    ],
)
def test_what_nobody_would_write_is_refused(data: bytes) -> None:
    """A recount decides then."""
    assert parse(data) is None


def test_lines_have_fourteen_bytes() -> None:
    """As the README says; a longer one stays whole."""
    assert format_change(Usage(1234, 1)) == b"       1234 1\n"
    assert format_change(Usage(-1234, -1)) == b"     -1234 -1\n"
    assert format_change(Usage(123456789012, 123)) == b"123456789012 123\n"
    assert format_new(Quota(10000000, 1000), Usage(0, 0)) == b"10000000S,1000C\n          0 0\n"
    assert format_new(Quota(0, 7), Usage(1, 1)) == b"7C\n          1 1\n"


def test_limit_of_the_first_line() -> None:
    """Any order; no other letters."""
    assert parse_limit(b"5C,7S") == Quota(7, 5)
    assert parse_limit(b"5X") is None

"""What the first lines of a message become."""

import time

import pytest

from pyfix.mail.message.opening import is_odd, mend_opening, part_from_header, skip_mbox_lines


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"From a\nA: b\n", b"X-Mailbox-Line: From a\nA: b\n"),
        (b"From a\n>>From b\nA: b\n", b"X-Mailbox-Line: From a\nX-Mailbox-Line: >>From b\nA: b\n"),
        (b"From a\n B\n", b"X-Mailbox-Line: From a\n\n B\n"),
        (b"From a", b"X-Mailbox-Line: From a"),
        (b"From \x0b\x85a\nA: b\n", b"X-Mailbox-Line: From \x0b\x85a\nA: b\n"),
        (b" a\nFrom b\n", b"\n a\nFrom b\n"),
        (b"\ta\n", b"\n\ta\n"),
    ],
)
def test_an_odd_opening_is_mended(data: bytes, expected: bytes) -> None:
    """mbox lines become headers; what would continue the header before it is parted from it."""
    assert is_odd(data)
    assert mend_opening(data) == expected


@pytest.mark.parametrize("data", [b"", b"A: b\n", b"\n", b"From\n", b"From: a\n", b">x\n", b"A: b\nFrom c\n", b"\0 a"])
def test_other_openings_stay(data: bytes) -> None:
    """Byte for byte."""
    assert mend_opening(data) == part_from_header(data) == data
    assert skip_mbox_lines(data) == 0


def test_mbox_lines_are_skipped() -> None:
    """With their quotes, and all of them."""
    assert skip_mbox_lines(b">>From x y\nFrom z\nA: b\n") == 18


@pytest.mark.parametrize("data", [b">" * 10**6, b"From " * 10**5, b"From a\n" * 10**5, b">From" * 10**5])
def test_mending_takes_time_in_proportion_to_size(data: bytes) -> None:
    """Half a megabyte of anything is a matter of fractions of a second."""
    start = time.process_time()
    mend_opening(data)
    assert time.process_time() - start < 2

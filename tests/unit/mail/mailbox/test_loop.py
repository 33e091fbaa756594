"""Delivered-To: headers."""

from collections.abc import Callable

import pytest

from pyfix.mail.delivery import Content
from pyfix.mail.mailbox import delivered_to

MakeContent = Callable[[bytes], Content]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"Subject: x\n\nDelivered-To: a@b\n", set()),
        (b"Delivered-To: A@b\nX: y\ndelivered-to:\tc@d\n\n", {"a@b", "c@d"}),
        (b"DELIVERED-TO: a@b\n\n", {"a@b"}),
        (b"Delivered-To:\n a@b\n\n", {"a@b"}),
        (b"X-Delivered-To: a@b\n\n", set()),
        (b"\nDelivered-To: a@b\n\n", set()),
        (b"", set()),
        (b"Delivered-To: a@b", {"a@b"}),
    ],
)
def test_addresses_of_the_header_block(make_content: MakeContent, data: bytes, found: set[str]) -> None:
    """Folded, in any case, never from the body."""
    assert delivered_to(make_content(data)) == found


def test_header_beyond_the_first_chunk_is_found(make_content: MakeContent) -> None:
    """A long header block is read on."""
    data = b"X: y\n" * 100_000 + b"Delivered-To: a@b\n\nbody\n"
    assert delivered_to(make_content(data)) == {"a@b"}

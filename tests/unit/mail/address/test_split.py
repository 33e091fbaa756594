"""Addresses and local parts come apart where Postfix cuts them."""

from __future__ import annotations

import pytest

from pyfix.mail.address.split import split_address, split_extension


@pytest.mark.parametrize(
    ("address", "parts"),
    [("u@d", ("u", "d")), ("u", ("u", None)), ("a@b@c", ("a@b", "c")), ("@d", ("", "d")), ("u@", ("u", ""))],
)
def test_last_at_separates(address: str, parts: tuple[str, str | None]) -> None:
    """Routing characters stay in the local part."""
    assert split_address(address) == parts


@pytest.mark.parametrize(
    ("local", "delimiters", "parts"),
    [
        ("u+x", "+", ("u", "x")),
        ("u+x+y", "+", ("u", "x+y")),
        ("u-x+y", "+-", ("u", "x+y")),
        ("u+", "+", ("u", "")),
        ("+x", "+", ("+x", None)),
        ("u", "+", ("u", None)),
        ("u+x", "", ("u+x", None)),
        ("MAILER-DAEMON", "-", ("MAILER-DAEMON", None)),
        ("double-bounce", "-", ("double-bounce", None)),
        ("owner-list", "-", ("owner-list", None)),
        ("list-Request", "-", ("list-Request", None)),
        ("owner-list", "+", ("owner-list", None)),
        ("owner+x", "+-", ("owner", "x")),
    ],
)
def test_extension_begins_at_the_first_delimiter(local: str, delimiters: str, parts: tuple[str, str | None]) -> None:
    """Names of the mail system and of lists stay whole."""
    assert split_extension(local, delimiters) == parts


def test_list_names_are_split_when_they_are_nothing_special() -> None:
    """owner_request_special = no."""
    assert split_extension("owner-list", "-", owner_request_special=False) == ("owner", "list")

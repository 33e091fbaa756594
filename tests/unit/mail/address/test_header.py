"""Addresses in headers are found, and replaced without touching the rest."""

from __future__ import annotations

import pytest

from pyfix.mail.address.parse import AddressHeader, header_addresses


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a@b", ["a@b"]),
        ("Fred <fred@x.org>, joe@y.org", ["fred@x.org", "joe@y.org"]),
        ('"Doe, John" <jd@x.org>', ["jd@x.org"]),
        ("(a, b) joe@x.org (work (really))", ["joe@x.org"]),
        ("Friends: ann@x.org, bob@x.org;, eve@x.org", ["ann@x.org", "bob@x.org", "eve@x.org"]),
        ("undisclosed-recipients:;", []),
        ("<@a,@b:u@x.org>", ["u@x.org"]),
        ("a . b @ c . d", ["a.b@c.d"]),
        ('"john doe"@x.org', ['"john doe"@x.org']),
        ("u@[1.2.3.4]", ["u@[1.2.3.4]"]),
        ("a@b,\n c@d", ["a@b", "c@d"]),
        ("<>", []),
        ("", []),
        ("(nobody", []),
        ("x <a@b> <c@d>", ["a@b", "c@d"]),
        ("user", ["user"]),
        ("a@b;c@d", ["a@b", "c@d"]),
        ('"=?utf-8?q?x?=" <a@b>', ["a@b"]),
    ],
)
def test_addresses_of_a_header(text: str, addresses: list[str]) -> None:
    """All of them, in order."""
    assert header_addresses(text) == addresses


def test_replacement_leaves_everything_else_alone() -> None:
    """Names, comments, groups and folding stay as they are."""
    text = '"A, B" <a>, (c) b,\n\tgroup: <@r:c>, d;'
    assert AddressHeader(text).replace(lambda address: address + "@x.org") == (
        '"A, B" <a@x.org>, (c) b@x.org,\n\tgroup: <@r:c@x.org>, d@x.org;'
    )


def test_text_without_changes_is_the_same_object() -> None:
    """The caller can tell that nothing happened."""
    text = "Fred <fred@x.org>"
    assert AddressHeader(text).replace(lambda address: address) is text


def test_limit_bounds_the_work() -> None:
    """What lies beyond it is left alone."""
    assert len(AddressHeader("a@b," * 100, limit=10).addresses) == 10

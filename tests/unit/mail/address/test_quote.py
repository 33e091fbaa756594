"""External and internal form of addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.mail.address.quote import normalize_quoting, quote_address, quote_local, unquote_address, unquote_local


@pytest.mark.parametrize(
    ("internal", "external"),
    [
        ("user", "user"),
        ("john smith", '"john smith"'),
        ("a.b", "a.b"),
        ("a..b", '"a..b"'),
        (".a", '".a"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("", '""'),
        ("a@b", '"a@b"'),
        ("jérôme", "jérôme"),
    ],
)
def test_local_part_is_quoted_when_it_must_be(internal: str, external: str) -> None:
    """And only then."""
    assert quote_local(internal) == external
    assert unquote_local(external) == internal


def test_address_is_quoted_before_its_last_at() -> None:
    """The domain is never quoted."""
    assert quote_address("a@b@c") == '"a@b"@c'
    assert unquote_address('"a@b"@c') == "a@b@c"
    assert quote_address("") == ""


def test_needless_quotes_go() -> None:
    """So that one address has one form."""
    assert normalize_quoting('"abc"@x.org') == "abc@x.org"
    assert normalize_quoting('a."b c"@x.org') == '"a.b c"@x.org'


@given(st.text())
def test_quoting_round_trip(local: str) -> None:
    """Whatever is quoted comes back."""
    assert unquote_local(quote_local(local)) == local


@given(st.text())
def test_normalizing_twice_changes_nothing_more(text: str) -> None:
    """The normal form is normal."""
    once = normalize_quoting(text)
    assert normalize_quoting(once) == once

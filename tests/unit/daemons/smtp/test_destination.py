"""Next hops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.smtp.destination import Destination, DestinationError, parse_destination, split_nexthops


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.test", Destination("a.test", 25, lookup_mx=True)),
        ("a.test:587", Destination("a.test", 587, lookup_mx=True)),
        ("a.test:submission", Destination("a.test", 587, lookup_mx=True)),
        ("[a.test]", Destination("a.test", 25)),
        ("[a.test]:2525", Destination("a.test", 2525)),
        ("[192.0.2.1]", Destination("192.0.2.1", 25)),
        ("[ipv6:2001:db8::1]:26", Destination("2001:db8::1", 26)),
        ("[2001:db8::1]", Destination("2001:db8::1", 25)),
    ],
)
def test_destination_is_read(text: str, expected: Destination) -> None:
    """Brackets forbid the MX lookup."""
    assert parse_destination(text, "smtp") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unix:/var/run/lmtp", Destination("", path="/var/run/lmtp")),
        ("unix:private/lmtp", Destination("", path="private/lmtp")),
        ("inet:a.test", Destination("a.test", 24)),
        ("inet:[192.0.2.1]:2003", Destination("192.0.2.1", 2003)),
        ("a.test:2003", Destination("a.test", 2003)),
    ],
)
def test_lmtp_destination_is_read(text: str, expected: Destination) -> None:
    """Sockets, and hosts without MX lookup."""
    assert parse_destination(text, "24", lmtp=True) == expected


@pytest.mark.parametrize("text", ["[a.test", "[]", "[a.test]25", ":25", "a.test:", "a.test:0", "a.test:65536", "a:b:c"])
def test_bad_destination_is_refused(text: str) -> None:
    """With a reason; never taken for something else."""
    with pytest.raises(DestinationError):
        parse_destination(text, "smtp")


@given(st.text(max_size=30), st.booleans())
def test_any_text_is_read_or_refused(text: str, lmtp: bool) -> None:
    """No other exception, whatever a table says."""
    try:
        found = parse_destination(text, "25", lmtp=lmtp)
    except DestinationError:
        return
    assert found.host or found.path or text == "unix:"


def test_list_is_split_at_commas_and_spaces() -> None:
    """As transport tables and relayhost write it."""
    assert split_nexthops("a, [b]:25\tc,,d ") == ["a", "[b]:25", "c", "d"]

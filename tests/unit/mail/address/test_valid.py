"""Host names, addresses and literals."""

from __future__ import annotations

import pytest

from pyfix.mail.address.valid import (
    is_valid_hostaddr,
    is_valid_hostname,
    is_valid_mailhost_literal,
    literal_address,
    parse_hostaddr,
)


@pytest.mark.parametrize(
    "name", ["a", "example.com", "a-b.c", "under_score.x", "1.example", "x" * 63, "bücher.example"]
)
def test_good_host_name(name: str) -> None:
    """What the network uses."""
    assert is_valid_hostname(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "a b", "x" * 64, "a." * 128, "1.2.3.4", "12", "a/b", "a\n", "a\0b"],
)
def test_bad_host_name(name: str) -> None:
    """Empty labels, dashes at the ends, too long, all digits."""
    assert not is_valid_hostname(name)


def test_addresses() -> None:
    """IPv4 in four decimal parts, IPv6 without brackets."""
    assert all(map(is_valid_hostaddr, ("1.2.3.4", "::1", "2001:db8::1", "::ffff:1.2.3.4")))
    assert not any(
        map(is_valid_hostaddr, ("1.2.3", "1.2.3.256", "1.2.3.4.5", "1.2.3.4\n", ":::", "[::1]", "", "::1%lo"))
    )
    assert parse_hostaddr("1.2.3.4") == bytes([1, 2, 3, 4])


def test_literals() -> None:
    """[1.2.3.4] and [IPv6:...]."""
    assert literal_address("[1.2.3.4]") == "1.2.3.4"
    assert literal_address("[ipv6:::1]") == "::1"
    assert not any(map(is_valid_mailhost_literal, ("[::1]", "[x]", "1.2.3.4", "[]", "[1.2.3.4", "[IPv6:1.2.3.4]")))

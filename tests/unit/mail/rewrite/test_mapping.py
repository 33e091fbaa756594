"""Canonical mapping and masquerading, without a table."""

from dataclasses import dataclass

import pytest

from pyfix.mail.maps import TableError
from pyfix.mail.rewrite.address_map import MapError
from pyfix.mail.rewrite.mapping import Mapper, Mappings, Masquerade, Use, Warn


def masquerade(address: str, *domains: str, exempt: str = "") -> str:
    """The address as masquerade_domains shows it."""
    return Masquerade(domains, lambda user: user == exempt)(address, print)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("u@a.b.test", "u@b.test"),
        ("u@x.y.A.B.test", "u@b.test"),
        ("u@b.test", "u@b.test"),
        ("u@ab.test", "u@ab.test"),
        ("u@keep.b.test", "u@keep.b.test"),
        ("u@a.keep.b.test", "u@a.keep.b.test"),
        ("u", "u"),
        ("", ""),
        ('"a@b"@x.b.test', '"a@b"@b.test'),
        ("root@a.b.test", "root@a.b.test"),
    ],
)
def test_hosts_of_the_domains_are_hidden(address: str, shown: str) -> None:
    """The first domain of the list that matches decides; !domain and excepted users keep their hosts."""
    assert masquerade(address, "!keep.b.test", "B.test", exempt="root") == shown


def test_a_list_of_exceptions_that_is_down_stops_the_message() -> None:
    """Postfix goes on and shows the host or not, as it comes."""

    def fail(user: str) -> bool:
        raise TableError("down")

    with pytest.raises(MapError, match="masquerade_exceptions lookup problem for u: down"):
        Masquerade(["b.test"], fail)("u@a.b.test", print)


@dataclass(frozen=True)
class Append:
    """A step that leaves a trace."""

    parameter: str

    def __call__(self, address: str, warn: Warn) -> str:
        return address + self.parameter


def test_each_class_of_addresses_has_its_own_steps() -> None:
    """In the order in which they are given."""
    mappings = Mappings([
        (Append("1"), ["envelope_sender", "header_sender"]),
        (Append("2"), ["envelope_sender"]),
    ])  # fmt: skip
    mapper = Mapper(mappings, print)
    assert mapper.map_all(Use.ENVELOPE_SENDER, ["a", "b"]) == ["a12", "b12"]
    assert mapper.map_all(Use.HEADER_SENDER, ["a"]) == ["a1"]
    assert mapper.map_all(Use.ENVELOPE_RECIPIENT, ["a"]) == ["a"]
    assert list(mappings.follow(Use.ENVELOPE_SENDER, "a", print)) == [("1", "a1"), ("2", "a12")]
    assert list(mappings.follow(Use.ENVELOPE_RECIPIENT, "a", print)) == []
    assert not Mappings([(Append("1"), [])])

"""Addresses are looked up in the order of the manual pages."""

from __future__ import annotations

from pyfix.mail.config import Config
from pyfix.mail.maps import ACCESS, MAPPING, TRANSPORT, Maps, Strategy, lookup_domain, lookup_network, open_maps
from pyfix.mail.maps.table import Table


class Recorder(Table):
    """A table that has nothing and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__("recorder:")
        self.asked: list[str] = []

    def lookup(self, key: str) -> str | None:
        self.asked.append(key)
        return None


def asked(address: str, strategy: Strategy | None = None, *, local: bool = False) -> list[str]:
    """Return the keys of a search that finds nothing."""
    table = Recorder()
    maps = Maps("test_maps", [table])
    if strategy is None:
        maps.lookup_address(address, "+", lambda domain: local)
    else:
        maps.lookup_address(address, "+", lambda domain: local, strategy)
    return table.asked


def test_alias_order_for_a_foreign_domain() -> None:
    """The bare user is not searched when the domain is not ours."""
    assert asked("u+x@d.org") == ["u+x@d.org", "u@d.org", "@d.org"]


def test_alias_order_for_our_domain() -> None:
    """user+ext and user come before @domain."""
    assert asked("u+x@d.org", local=True) == ["u+x@d.org", "u@d.org", "u+x", "u", "@d.org"]


def test_quoted_address_is_also_asked_without_quotes() -> None:
    """Step by step; but not where addresses are mapped."""
    assert asked('"a;b+x"@d.org', local=True) == [
        '"a;b+x"@d.org', "a;b+x@d.org", '"a;b"@d.org', "a;b@d.org", '"a;b+x"', "a;b+x", '"a;b"', "a;b", "@d.org",
    ]  # fmt: skip
    assert asked('"a;b"@d.org', MAPPING) == ['"a;b"@d.org', "@d.org"]


def test_transport_order_with_either_kind_of_parents() -> None:
    """Domain, then its parents, with or without the dot."""
    assert asked("u+x@a.b.c", TRANSPORT | Strategy.DOT_PARENT) == ["u+x@a.b.c", "u@a.b.c", "a.b.c", ".b.c", ".c"]
    assert asked("u@a.b.c", TRANSPORT | Strategy.PARENT) == ["u@a.b.c", "a.b.c", "b.c", "c"]


def test_access_order_ends_with_the_user() -> None:
    """user@ is last, with the extension and without."""
    keys = asked("u+x@a.b", ACCESS | Strategy.DOT_PARENT)
    assert keys == ["u+x@a.b", "u@a.b", "a.b", ".b", "u+x@", "u@"]


def test_address_without_domain_is_searched_as_it_is() -> None:
    """Only itself and without its extension."""
    assert asked("u+x") == ["u+x", "u"]


def test_match_tells_the_extension_that_the_key_left_out() -> None:
    """So that it can be appended to the result."""
    maps = open_maps("inline:{u@d.org=v, @e.org=w}", "test_maps", Config.from_text(""))
    assert maps.lookup_address("u+x@d.org", "+") == ("v", "u@d.org", "+x")
    assert maps.lookup_address("U@D.org", "+") == ("v", "U@D.org", "")
    assert maps.lookup_address("u+x@e.org", "+") == ("w", "@e.org", "")
    assert maps.lookup_address("u@f.org", "+") is None


def test_pattern_tables_see_whole_addresses_only() -> None:
    """A pattern without anchors would match every part."""
    maps = open_maps("regexp:{{/^u@d/ v}}", "test_maps", Config.from_text(""))
    assert maps.lookup_address("u+x@d.org", "+") is None
    assert maps.lookup_address("u@d.org", "+") == ("v", "u@d.org", "")


def test_domain_and_network_searches() -> None:
    """Host names by their parents, addresses by their networks."""
    maps = open_maps("inline:{b.c=1, .y.z=2, 10.1=3, 2001:db8=4}", "test_maps", Config.from_text(""))
    assert lookup_domain(maps, "a.b.c", parents=True) == ("1", "b.c")
    assert lookup_domain(maps, "a.b.c", parents=False) is None
    assert lookup_domain(maps, "x.y.z", parents=False) == ("2", ".y.z")
    assert lookup_network(maps, "10.1.2.3") == ("3", "10.1")
    assert lookup_network(maps, "2001:db8::1") == ("4", "2001:db8")
    assert lookup_network(maps, "9.9.9.9") is None

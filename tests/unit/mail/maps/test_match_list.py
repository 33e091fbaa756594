"""Lists of hosts, networks and domains match as postconf(5) says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import ADDRESS, DOMAIN, HOST, STRING, Kind, MatchList, TableError


def matches(value: str, name: str, address: str = "", *, kind: Kind = HOST, parents: bool = False) -> bool:
    """Ask a fresh list."""
    return MatchList(value, "mynetworks", Config.from_text(""), kind, parents=parents).matches(name, address)


@pytest.mark.parametrize(
    ("value", "address", "expected"),
    [
        ("127.0.0.0/8 [::1]/128", "127.1.2.3", True),
        ("127.0.0.0/8 [::1]/128", "::1", True),
        ("127.0.0.0/8 [::1]/128", "128.0.0.1", False),
        ("192.168.1.1", "192.168.1.1", True),
        ("[2001:db8::]/32", "2001:db8:1::5", True),
        ("!10.1.0.0/16, 10.0.0.0/8", "10.1.2.3", False),
        ("!10.1.0.0/16, 10.0.0.0/8", "10.2.2.3", True),
        ("10.0.0.0/8, !10.1.0.0/16", "10.1.2.3", True),
        ("!!10.0.0.0/8", "10.2.2.3", True),
        ("0.0.0.0/0", "1.2.3.4", True),
        ("0.0.0.0/0", "::1", False),
        ("cidr:{{10.0.0.0/8 x}}", "10.2.2.3", True),
        ("!cidr:{{10.0.0.0/8 x}} 0.0.0.0/0", "10.2.2.3", False),
        ("", "10.2.2.3", False),
        ("10.0.0.0/8", "unknown", False),
    ],
)
def test_networks(value: str, address: str, expected: bool) -> None:
    """Addresses against networks, in order, with negation."""
    assert matches(value, "unknown", address) is expected


@pytest.mark.parametrize(
    ("value", "name", "parents", "expected"),
    [
        ("example.com", "example.com", False, True),
        ("example.com", "EXAMPLE.com", False, True),
        ("Example.Com", "example.com", False, True),
        ("example.com", "sub.example.com", False, False),
        ("example.com", "sub.example.com", True, True),
        ("example.com", "notexample.com", True, False),
        (".example.com", "a.sub.example.com", False, True),
        (".example.com", "example.com", False, False),
        ("!bad.example.com .example.com", "bad.example.com", False, False),
        ("inline:{example.com=x}", "example.com", False, True),
        ("inline:{example.com=x}", "sub.example.com", True, True),
        ("inline:{.example.com=x}", "sub.example.com", False, True),
        ("inline:{example.com=x}", "sub.example.com", False, False),
        ("regexp:{{/^sub/ x}}", "a.sub.example.com", True, False),
    ],
)
def test_domains(value: str, name: str, parents: bool, expected: bool) -> None:
    """Names against names, their parents, and tables."""
    assert matches(value, name, kind=DOMAIN, parents=parents) is expected


def test_string_list_knows_no_parents() -> None:
    """mydestination: equal or not."""
    assert not matches("example.com .example.com", "sub.example.com", kind=STRING, parents=True)
    assert matches("example.com", "Example.com", kind=STRING)
    assert matches("inline:{example.com=x}", "example.com", kind=STRING)


def test_address_list_ignores_names() -> None:
    """A list of addresses only."""
    assert matches("10.0.0.0/8", "10.1.1.1", kind=ADDRESS)
    assert not matches("example.com", "example.com", kind=ADDRESS)


def test_parent_matching_follows_the_parameter() -> None:
    """parent_domain_matches_subdomains names the lists in which example.com holds sub.example.com."""
    config = Config.from_text("parent_domain_matches_subdomains = relay_domains\n")
    assert MatchList("example.com", "relay_domains", config).matches("sub.example.com")
    assert not MatchList("example.com", "other_domains", config).matches("sub.example.com")


def test_file_lists_more_patterns(tmp_path: Path) -> None:
    """/file/name is replaced by what it lists; `!` in front turns its verdicts over."""
    (tmp_path / "list").write_text("# comment\n10.0.0.0/8 !11.0.0.0/8\n  12.0.0.0/8\n")
    path = str(tmp_path / "list")
    assert matches(path, "", "12.1.1.1")
    assert not matches(f"!{path} 0.0.0.0/0", "", "10.1.1.1")
    assert matches(f"!{path}", "", "11.1.1.1")


def test_changed_file_is_noticed(tmp_path: Path) -> None:
    """The worker should give way to one that reads the new file."""
    path = tmp_path / "list"
    path.write_text("10.0.0.0/8\n")
    listed = MatchList(str(path), "mynetworks", Config.from_text(""), HOST)
    assert not listed.has_changed()
    path.write_text("10.0.0.0/8 11.0.0.0/8\n")
    assert listed.has_changed()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (
            "10.0.0.1/8",
            'non-null host address bits in "10.0.0.1/8", perhaps you should use "10.0.0.0/8" instead',
        ),
        ("10.0.0.0/40", 'bad mask length in "10.0.0.0/40"'),
        ("10.0.0.0/x", 'bad mask value in "10.0.0.0/x"'),
        ("[::1/128", "missing ']' character after \"[::1/128\""),
        ("300.1.1.1", 'bad address pattern: "300.1.1.1"'),
        ("/no/such/file", "open file /no/such/file: No such file or directory"),
        ("fail:x", 'table fail:x: query error for "8.8.8.8"'),
    ],
)
def test_unusable_pattern_makes_matches_fail(value: str, problem: str) -> None:
    """Neither everybody nor nobody is trusted by mistake; patterns in front still decide."""
    listed = MatchList(f"127.0.0.1 {value}", "mynetworks", Config.from_text(""), HOST)
    assert listed.matches("", "127.0.0.1")
    with pytest.raises(TableError) as caught:
        listed.matches("", "8.8.8.8")
    assert str(caught.value).removeprefix("mynetworks: ") == problem


@pytest.mark.parametrize("value", ["foo:/x", "!", "{a", "hash:"])
def test_bad_syntax_is_a_configuration_error(value: str) -> None:
    """No waiting mends it."""
    with pytest.raises(ConfigError, match="mynetworks"):
        matches(value, "x")

"""ldap: what entries hold, what URLs say, and how keys are quoted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import compile_filter, parse_filter

from pyfix.mail.maps.ldap_entries import (
    Attributes,
    Reference,
    Request,
    SearchUrl,
    is_url,
    parse_url,
    quote_in_filter,
    quote_in_name,
)

ALL = Attributes(("drop",), ("leaf",), ("mail", "Alias"), ("member",))


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"MAIL": [b"a", b"b"], "alias": [b"c"], "other": [b"d"]}, [b"a", b"b", b"c"]),
        ({"leaf": [b"a"], "mail": [b"b"]}, [b"a", b"b"]),
        ({"leaf": [b"a"], "Member": [b"x"], "mail": [b"b"]}, [Reference("Member", b"x"), b"b"]),
        ({"leaf": [b"a"], "member": []}, [b"a"]),
        ({"leaf": [b"a"], "member": [b"x"], "mail": [b"b"], "Drop": [b"c"]}, [b"c"]),
        ({"mail": [b"b"], "drop": []}, [b"b"]),
        ({}, []),
    ],
)
def test_attributes_of_an_entry(entry: dict[str, list[bytes]], found: list[bytes | Reference]) -> None:
    """In the order of the server; terminal ones alone, leaf ones where there is no reference."""
    assert list(ALL.read(entry)) == found


def test_attribute_of_two_kinds_is_the_first() -> None:
    """A name is a result where it is listed as one, too; leaves know that it is special."""
    both = Attributes((), ("leaf",), ("member",), ("member",))
    assert list(both.read({"member": [b"x"], "leaf": [b"a"]})) == [b"x"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ldap:///dc=test", SearchUrl("ldap://", "dc=test", (), "", "")),
        ("LDAPS://h:1/a=%2C?x,y;z?SUB?(b=%2a)", SearchUrl("LDAPS://h:1", "a=,", ("x", "y;z"), "sub", "(b=*)")),
        ("ldap://", SearchUrl("ldap://", "", (), "", "")),
        ("ldap:///??one??x=y", SearchUrl("ldap://", "", (), "one", "")),
    ],
)  # fmt: skip
def test_urls(url: str, said: SearchUrl) -> None:
    """What is left out is empty."""
    assert is_url(url)
    assert parse_url(url) == said


@pytest.mark.parametrize("url", ["ldap:///??tree", "ldap:///????!x", "ldap:///%ff", "ldap:///???%ff", "dc=test"])
def test_urls_that_are_wrong(url: str) -> None:
    """Also those with an extension that must be understood."""
    with pytest.raises(ValueError, match=r"no URL of a search|can't decode byte"):
        parse_url(url)


def test_what_a_url_does_not_say_stays_in_a_request() -> None:
    """Another server is asked the same question, but for what the reference says."""
    request = Request("dc=test", "sub", "(mail=x)", ("mail",))
    assert request.at(parse_url("ldap://other.test")) == request
    assert request.at(parse_url("ldap://o.test/dc=o??base?a=b")) == Request("dc=o", "base", "(a=b)", ("mail",))


def test_attributes_of_a_url() -> None:
    """Those of the table that it names, or all; options come from either side."""
    table = Attributes((), (), ("mail", "cn;lang-de"), ("Member",))
    said = SearchUrl("", "", ("MAIL;x", "cn", "member", "other"), "", "")
    assert table.wanted_by(said) == ("MAIL;x", "cn;lang-de", "Member")
    assert table.wanted_by(SearchUrl("", "", (), "", "")) == table.all
    assert table.wanted_by(SearchUrl("", "", ("cn;lang-fr", "other"), "", "")) == ()


@given(key=st.text(max_size=40))
def test_key_in_a_filter_is_one_value(key: str) -> None:
    """Whatever the key, the filter asks whether an attribute has just these bytes."""
    quoted = f"(&(mail={quote_in_filter(key)})(x=y))" if key else "(&(mail=)(x=y))"
    parsed = parse_filter(quoted, None, False, False, None, False)
    equality = compile_filter(parsed.elements[0])["and"][0]["equalityMatch"]
    assert bytes(equality["assertionValue"]) == key.encode()


@given(key=st.text(max_size=40))
def test_key_in_a_name_has_no_bare_separators(key: str) -> None:
    """All of RFC 4514's special characters are in hexadecimal."""
    assert not set(quote_in_name(key)) & set('"#+,;<=> \0')

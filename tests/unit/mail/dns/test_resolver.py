"""Lookups against a server of the test's own."""

import asyncio
from typing import Any

import pytest
from dns_server import DnsServer

from pyfix.mail.dns.resolver import AsyncResolver, Exchanger, LookupFailed, Problem, Resolver

ZONE: dict[tuple[str, str], list[str] | str] = {
    ("a.test", "MX"): ["20 m2.a.test.", "10 m1.a.test."],
    ("a.test", "A"): ["192.0.2.1", "192.0.2.2"],
    ("a.test", "AAAA"): ["2001:db8::1"],
    ("null.test", "MX"): ["0 ."],
    ("alias.test", "CNAME"): ["a.test."],
    ("loop.test", "CNAME"): ["pool.test."],
    ("pool.test", "CNAME"): ["loop.test."],
    ("broken.test", "MX"): "SERVFAIL",
    ("refused.test", "MX"): "REFUSED",
    ("silent.test", "MX"): "SILENCE",
    ("1.2.0.192.in-addr.arpa", "PTR"): ["a.test."],
}


def both(method: str, *arguments: str) -> Any:
    """The sorted result, or the failure, of the blocking resolver; that of the other one must be equal."""
    with DnsServer(ZONE) as server:
        results: list[object] = []
        try:
            results.append(sorted(getattr(Resolver(server.settings), method)(*arguments), key=str))
        except LookupFailed as failed:
            results.append((failed.problem, failed.reason))
        try:
            results.append(sorted(asyncio.run(getattr(AsyncResolver(server.settings), method)(*arguments)), key=str))
        except LookupFailed as failed:
            results.append((failed.problem, failed.reason))
    assert results[0] == results[1]
    return results[0]


def test_records_are_found() -> None:
    """Addresses of both families, exchangers, names, and through an alias."""
    assert both("addresses", "a.test", "A") == ["192.0.2.1", "192.0.2.2"]
    assert both("addresses", "a.test", "AAAA") == ["2001:db8::1"]
    assert both("addresses", "alias.test", "AAAA") == ["2001:db8::1"]
    assert both("names", "192.0.2.1") == ["a.test"]
    assert Exchanger(10, "m1.a.test") in both("exchangers", "a.test")


def test_null_mx_is_an_exchanger_without_host() -> None:
    """RFC 7505."""
    assert both("exchangers", "null.test") == [Exchanger(0, "")]


@pytest.mark.parametrize(
    ("name", "kind", "problem"),
    [
        ("nowhere.test", "A", Problem.NOT_FOUND),
        ("null.test", "A", Problem.NO_DATA),
        ("broken.test", "MX", Problem.RETRY),
        ("refused.test", "MX", Problem.RETRY),
        ("silent.test", "MX", Problem.RETRY),
    ],
)
def test_failure_has_postfix_words(name: str, kind: str, problem: Problem) -> None:
    """The text names the query; the problem says whether to try again."""
    result = both("exchangers", name) if kind == "MX" else both("addresses", name, kind)
    text = f"Host or domain name not found. Name service error for name={name} type={kind}: {problem.value}"
    assert result == (problem, text)


def test_circle_of_aliases_is_no_host() -> None:
    """Trying again would not help."""
    assert both("addresses", "loop.test", "A") == (Problem.NOT_FOUND, "Name server loop for loop.test")


@pytest.mark.parametrize("name", ["", "-x.test", "a..test", "x" * 64 + ".test", "192.0.2.1", "sp ace.test"])
def test_bad_name_is_not_asked_for(name: str) -> None:
    """It can't exist."""
    with DnsServer(ZONE) as server, pytest.raises(LookupFailed) as caught:
        Resolver(server.settings).addresses(name, "A")
    assert caught.value.problem is Problem.NOT_FOUND
    assert caught.value.reason == f"Name service error for {name}: invalid host or domain name"
    assert server.queries == []


def test_answer_is_kept_for_its_time_to_live() -> None:
    """The second question costs no packet."""
    with DnsServer(ZONE) as server:
        resolver = Resolver(server.settings)
        resolver.addresses("a.test", "A")
        resolver.addresses("a.test", "A")
        assert server.queries == [("a.test", "A")]

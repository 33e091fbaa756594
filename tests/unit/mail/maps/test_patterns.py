"""regexp:, pcre: and cidr: tables match as their manual pages say."""

from __future__ import annotations

import re

import pytest

from pyfix.mail.config import Config
from pyfix.mail.maps import Maps, open_maps
from pyfix.mail.maps.ere import BadExpression, translate


def table(kind: str, *rules: str) -> Maps:
    """Open a table of rules."""
    text = ", ".join("{" + rule + "}" for rule in rules)
    return open_maps([f"{kind}:{{{text}}}"], "test_maps", Config.from_text(""))


@pytest.mark.parametrize(
    ("rule", "key", "value"),
    [
        ("/^a(.*)b$/ <${1}>", "aHELLOb", "<HELLO>"),
        ("/^a(.*)b$/ <$(1)>", "aHELLOb", "<HELLO>"),
        ("/^(x)?(y)/ <$1$2>", "y", "<y>"),
        ("/a/ cost $$5", "a", "cost $5"),
        ("/CASE/ found", "case", "found"),
        ("/CASE/i found", "case", None),
        ("!/a/ found", "b", "found"),
        ("!/a/ found", "a", None),
        ("|a/b| found", "a/b", "found"),
        (r"/a\/b/ found", "a/b", "found"),
        ("/[[:digit:]]+x/ found", "12x", "found"),
        ("/[]a]b/ found", "]b", "found"),
        (r"/[\d]/ found", "5", None),
        (r"/\<word\>/ found", "a word here", "found"),
        (r"/\d/ found", "d", "found"),
        ("/a++/ found", "aa", "found"),
        ("/^*a/ found", "*a", "found"),
        ("/a{2,3}$/ found", "aaa", "found"),
        ("/a$/ found", "a\n", None),
        ("/a$/m found", "a\nb", "found"),
        ("/a.b/ found", "a\nb", "found"),
        ("/a.b/m found", "a\nb", None),
    ],
)
def test_regexp_rule(rule: str, key: str, value: str | None) -> None:
    """One rule against one key."""
    assert table("regexp", rule).lookup(key) == value


@pytest.mark.parametrize(
    ("rule", "key", "value"),
    [
        (r"/^(\w+)@(\w+)$/ $2:$1", "user@host", "host:user"),
        ("/b/A found", "ab", None),
        ("/a  b/x found", "ab", "found"),
        ("/a.b/s found", "a\nb", None),
        ("/(?!a)b/ found", "b", "found"),
        ("/[[a]/ found", "[", "found"),
        ("/(?u)a/ found", "a", None),
    ],
)
def test_pcre_rule(rule: str, key: str, value: str | None) -> None:
    """Flags and Perl's syntax."""
    assert table("pcre", rule).lookup(key) == value


def test_if_and_endif_guard_rules() -> None:
    """Rules inside count only when the condition holds; blocks nest."""
    rules = ("if /^a/", "if !/z$/", "/b/ both", "endif", "/c/ one", "endif", "/d/ none")
    found = table("regexp", *rules)
    assert [found.lookup(key) for key in ("ab", "abz", "ac", "bc", "bd", "ad")] == [
        "both", None, "one", None, "none", "none",
    ]  # fmt: skip


def test_key_beyond_the_limit_is_cut() -> None:
    """The time of a match is bounded by what the pattern gets to see."""
    assert table("regexp", "/x$/ found").lookup("a" * 100_000 + "x") is None
    assert table("regexp", "/^a+$/ found").lookup("a" * 100_000) == "found"


@pytest.mark.parametrize("pattern", ["a[", "[[:x:]]", "a{3,1}", "a\\", "a**{2}", "[[.xx.]]"])
def test_bad_expression_is_refused(pattern: str) -> None:
    """What POSIX refuses is refused with a reason."""
    with pytest.raises(BadExpression):
        translate(pattern)


def test_brace_that_begins_no_interval_stands_for_itself() -> None:
    """As in the C library."""
    assert re.fullmatch(translate("a{x"), "a{x")


def test_cidr_blocks_in_order() -> None:
    """The first block that holds the address gives the value; a negated IPv4 block holds no IPv6 address."""
    found = table("cidr", "10.1.0.0/16 inner", "10.0.0.0/8 outer", "!0.0.0.0/1 high", "[2001:db8::]/32 six", "::1 self")
    keys = ("10.1.2.3", "10.2.3.4", "200.1.1.1", "2001:db8::5", "::1", "::2", "name", "1.2.3.4")
    assert [found.lookup(key) for key in keys] == ["inner", "outer", "high", "six", "self", None, None, None]


def test_cidr_if_guards_rules() -> None:
    """if and endif as in regexp tables."""
    found = table("cidr", "if 10.0.0.0/8", "10.1.1.1 one", "endif", "10.1.1.2 two")
    assert [found.lookup(key) for key in ("10.1.1.1", "10.1.1.2", "1.1.1.1")] == ["one", "two", None]

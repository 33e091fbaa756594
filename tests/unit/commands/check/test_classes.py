"""Domains in two classes, and catch-alls."""

from __future__ import annotations

from pyfix.commands.check.classes import check_classes, find_overlaps, find_swallowed
from pyfix.mail.config import Config

MAILBOXES = (
    "virtual_mailbox_domains = example.net\nvirtual_mailbox_maps = inline:{{a@example.net=a/}, {b@example.net=b/}}\n"
)


def told(main_cf: str) -> list[str]:
    return [str(finding) for finding in check_classes(Config.from_text(f"mydestination = example.com\n{main_cf}"))]


def test_classes_of_their_own_are_passed_over() -> None:
    """With a catch-all of a domain without mailboxes, and one that leaves the addresses as they are."""
    aliases = "{@example.org=c@example.net}, {@example.net=@example.net}, {postmaster@example.net=a@example.net}"
    assert told(f"{MAILBOXES}virtual_alias_domains = example.org\nvirtual_alias_maps = inline:{{{aliases}}}\n") == []


def test_domain_in_two_classes() -> None:
    """In Postfix's words, with the place."""
    assert told("relay_domains = example.org\nvirtual_alias_domains = example.org\n") == [
        "warning: /etc/pyfix/main.cf, line 2: do not list domain example.org in BOTH virtual_alias_domains and"
        " relay_domains; take it out of virtual_alias_domains or relay_domains"
    ]


def test_overlap_is_found_by_a_table_too() -> None:
    """What one list has as a word, the other may have as a key."""
    claims = {"a": lambda domain: domain == "x.test", "b": lambda domain: True}
    assert list(find_overlaps([("a", "b")], {"a": {"x.test", "y.test"}, "b": set()}, claims)) == [("x.test", "a", "b")]


def test_catch_all_takes_the_mail_of_mailboxes() -> None:
    """Those without an entry of their own; how many, and one by name."""
    aliases = "virtual_alias_maps = inline:{{@example.net=all@example.org}, {b@example.net=b@example.net}}\n"
    expected = (
        "warning: /etc/pyfix/main.cf, line 4: virtual_alias_maps: @example.net takes the mail of a@example.net, which"
        " virtual_mailbox_maps has; add an entry for each: a@example.net a@example.net"
    )
    assert told(f"{MAILBOXES}{aliases}") == [expected]
    (line,) = told(f"{MAILBOXES}canonical_maps = inline:{{{{@example.net=@example.org}}}}\n")
    assert "canonical_maps: @example.net takes the mail of a@example.net and 1 more, which" in line


def test_catch_all_takes_the_mail_of_unix_users() -> None:
    """The domain is in mydestination: nobody there gets mail."""
    assert told("virtual_alias_maps = inline:{{@example.com=all@example.org}}\n") == [
        "warning: /etc/pyfix/main.cf, line 2: virtual_alias_maps: @example.com takes the mail of all Unix users, since"
        " mydestination has example.com; take example.com out of mydestination, or @example.com out"
    ]


def test_keys_that_are_catch_alls_themselves_are_no_mailboxes() -> None:
    """A mailbox for a whole domain is meant so."""
    assert find_swallowed({"@a.test": "b@b.test"}, ["@a.test", "x@A.test", "x@b.test"]) == {"@a.test": ["x@A.test"]}

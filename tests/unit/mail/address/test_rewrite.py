"""Addresses take standard form; the expected values are what Postfix 3.7 answers."""

from __future__ import annotations

import pytest

from pyfix.mail.address.rewrite import RewriteContexts, rewrite

CONTEXTS = RewriteContexts.make(myorigin="origin.test", mydomain="domain.test")


@pytest.mark.parametrize(
    ("address", "local", "remote"),
    [
        ("user@host.test", "user@host.test", "user@host.test"),
        ("user", "user@origin.test", "user"),
        ("user@host", "user@host.domain.test", "user@host"),
        ("user@host.", "user@host", "user@host"),
        ("user@x.y.", "user@x.y", "user@x.y"),
        ("user@x.y..", "user@x.y..", "user@x.y.."),
        ("user@.", "user@.", "user@."),
        ("user@", "user@", "user@"),
        ("@", '""', '""'),
        ("@x", '""@x.domain.test', '""@x'),
        ("@a.b,@c.d:u@e.f", "u@e.f", "u@e.f"),
        ("a!b", "b@a.domain.test", "b@a"),
        ("a!b!c", "b!c@a.domain.test", "b!c@a"),
        ("a%b%c", "a%b@c.domain.test", "a%b@c"),
        ("a!b%c", "b%c@a.domain.test", "b%c@a"),
        ("a%b@c", "a%b@c.domain.test", "a%b@c"),
        ('"a b"@c', '"a b"@c.domain.test', '"a b"@c'),
        ('"ab"@c.d', "ab@c.d", "ab@c.d"),
        ("a b@c.d", '"a b"@c.d', '"a b"@c.d'),
        ("a..b@c.d", '"a..b"@c.d', '"a..b"@c.d'),
        ("a@[1.2.3.4]", "a@[1.2.3.4]", "a@[1.2.3.4]"),
        ("a@b@c", '"a@b"@c.domain.test', '"a@b"@c'),
        ("a,b@c.d", '"a, b"@c.d', '"a, b"@c.d'),
        ("a@b .c", "a@b.c", "a@b.c"),
        ("u!", '""@u.domain.test', '""@u'),
        ("é@x.y", "é@x.y", "é@x.y"),
        ('"a@b"', '"a@b"@origin.test', "a@b"),
        ("@a.b:", '@a.b:""', '@a.b:""'),
        ("a|b", "a|b@origin.test", "a|b"),
        ("<<a", '"< <a"@origin.test', '"< <a"'),
        ('a\\"b', '"a\\"b"@origin.test', '"a\\"b"'),
        ("", "", ""),
    ],
)
def test_standard_form(address: str, local: str, remote: str) -> None:
    """In the local and in the remote context."""
    assert rewrite(address, CONTEXTS.of("local")) == local
    assert rewrite(address, CONTEXTS.of("remote")) == remote


def test_operators_can_be_turned_off() -> None:
    """swap_bangpath = no, allow_percent_hack = no."""
    rules = RewriteContexts.make(myorigin="o.test", mydomain="d.test", swap_bangpath=False, percent_hack=False).local
    assert rewrite("a!b", rules) == "a!b@o.test"
    assert rewrite("a%b", rules) == "a%b@o.test"


def test_completion_can_be_turned_off() -> None:
    """append_at_myorigin = no, append_dot_mydomain = no."""
    rules = RewriteContexts.make(
        myorigin="o.test", mydomain="d.test", append_at_myorigin=False, append_dot_mydomain=False
    ).local
    assert rewrite("user", rules) == "user"
    assert rewrite("user@host", rules) == "user@host"


def test_remote_domain_completes_addresses_of_remote_clients() -> None:
    """remote_header_rewrite_domain = domain.invalid."""
    rules = RewriteContexts.make(myorigin="o.test", mydomain="d.test", remote_domain="domain.invalid").remote
    assert rewrite("user", rules) == "user@domain.invalid"
    assert rewrite("user@host", rules) == "user@host.domain.invalid"

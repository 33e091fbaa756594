"""Recipients get transport, next hop and class; the expected values are what Postfix 3.7 answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.address.params import TrivialRewriteParameters
from pyfix.mail.address.resolve import Resolver
from pyfix.mail.address.routing import make_resolver
from pyfix.mail.config import Config

MAIN_CF = """\
compatibility_level = 3.7
myhostname = mail.origin.test
mydomain = origin.test
myorigin = origin.test
mydestination = local.test, localhost
append_dot_mydomain = yes
recipient_delimiter = +
inet_interfaces = 127.0.0.1
proxy_interfaces = 192.0.2.1
virtual_alias_domains = alias.test
virtual_mailbox_domains = virtual.test
relay_domains = relay.test
parent_domain_matches_subdomains = relay_domains
"""
TRANSPORT = (
    "{ user@t.test = foo: } { t.test = :hop } { e.test = error: } { e2.test = error:5.1.1 no } { .sub.test = x:y } "
    "{ n.test = : } { r.test = retry: } { plain.test = plain } { alias.test = smtp:z } { local2.test = local: }"
)


def resolver(extra: str = "", warnings: list[str] | None = None) -> Resolver:
    """Make a resolver from parameters."""
    config = Config.from_text(MAIN_CF + extra)
    sink = [] if warnings is None else warnings
    return make_resolver(config, config.read(TrivialRewriteParameters), sink.append)


@pytest.mark.parametrize(
    ("address", "transport", "nexthop", "recipient", "address_class"),
    [
        ("user@local.test", "local", "mail.origin.test", "user@local.test", "local"),
        ("user@LOCAL.test.", "local", "mail.origin.test", "user@LOCAL.test", "local"),
        ("user@virtual.test", "virtual", "virtual.test", "user@virtual.test", "virtual"),
        ("u@alias.test", "error", "5.1.1 User unknown in virtual alias table", "u@alias.test", "alias"),
        ("user@relay.test", "relay", "relay.test", "user@relay.test", "relay"),
        ("user@sub.relay.test", "relay", "sub.relay.test", "user@sub.relay.test", "relay"),
        ("user@other.test", "smtp", "other.test", "user@other.test", "default"),
        ("user", "smtp", "mail.origin.test", "user@mail.origin.test", "default"),
        ("", "smtp", "mail.origin.test", "MAILER-DAEMON@mail.origin.test", "default"),
        ('""@local.test', "local", "mail.origin.test", "MAILER-DAEMON@local.test", "local"),
        ("u@[127.0.0.1]", "local", "mail.origin.test", "u@[127.0.0.1]", "local"),
        ("u@[192.0.2.1]", "local", "mail.origin.test", "u@[192.0.2.1]", "local"),
        ("u@[1.2.3.4]", "smtp", "[1.2.3.4]", "u@[1.2.3.4]", "default"),
        ("a%b.c@local.test", "smtp", "b.c", "a@b.c", "default"),
        ("a!b@local.test", "smtp", "a.origin.test", "b@a.origin.test", "default"),
        ('"a@b.c"@local.test', "smtp", "b.c", "a@b.c", "default"),
        ('"x y@c.d"@local.test', "smtp", "c.d", '"x y"@c.d', "default"),
        ("a%local.test@local.test", "local", "mail.origin.test", "a@local.test", "local"),
        ('"a@local.test"@local.test', "local", "mail.origin.test", "a@local.test", "local"),
        ("a%b@c.d", "smtp", "c.d", "a%b@c.d", "default"),
        ('"a b"@local.test', "local", "mail.origin.test", '"a b"@local.test', "local"),
    ],
)
def test_class_and_route(address: str, transport: str, nexthop: str, recipient: str, address_class: str) -> None:
    """Without any table that overrides."""
    found = resolver().resolve("sender@x.y", address)
    assert (found.transport, found.nexthop, found.recipient, found.address_class) == (
        transport, nexthop, recipient, address_class,
    )  # fmt: skip


@pytest.mark.parametrize(
    "address", ["u@", "@", "u@x..y", "u@-x.y", "u@1.2.3.4", "u@[x]", "u@a b", "-u@local.test", "u@local.test.."]
)
def test_address_that_is_none_is_bad_syntax(address: str) -> None:
    """Permanent, with a status of its own."""
    found = resolver().resolve("", address)
    assert (found.transport, found.nexthop) == ("error", "5.1.3 bad address syntax")
    assert (found.address_class, found.status) == ("error", "5.1.3")


@pytest.mark.parametrize(
    ("address", "transport", "nexthop"),
    [
        ("x@t.test", "smtp", "hop"),
        ("user@t.test", "foo", "t.test"),
        ("user+ext@t.test", "foo", "t.test"),
        ("x@a.t.test", "smtp", "a.t.test"),
        ("x@e.test", "error", "Address is undeliverable"),
        ("x@e2.test", "error", "5.1.1 no"),
        ("x@r.test", "retry", "Address is undeliverable"),
        ("x@n.test", "smtp", "n.test"),
        ("x@plain.test", "plain", "plain.test"),
        ("x@b.sub.test", "x", "y"),
        ("x@sub.test", "smtp", "sub.test"),
        ("x@local2.test", "local", "local2.test"),
        ("x@alias.test", "error", "5.1.1 User unknown in virtual alias table"),
    ],
)
def test_transport_table_overrides(address: str, transport: str, nexthop: str) -> None:
    """All but the alias class."""
    found = resolver(f"transport_maps = inline:{{ {TRANSPORT} }}\n").resolve("", address)
    assert (found.transport, found.nexthop) == (transport, nexthop)


@pytest.mark.parametrize(
    ("parameter", "domain", "nexthop"),
    [
        ("local_transport", "local.test", "local.test"),
        ("virtual_transport", "virtual.test", "virtual.test"),
        ("relay_transport", "relay.test", "relay.test"),
        ("default_transport", "other.test", "other.test"),
    ],
)
def test_each_class_has_its_transport(parameter: str, domain: str, nexthop: str) -> None:
    """The transport, with a next hop or without, for its own class alone."""
    others = [name for name in ("local.test", "virtual.test", "relay.test", "other.test") if name != domain]
    named, routed = resolver(f"{parameter} = filter\n"), resolver(f"{parameter} = filter:[inner.test]:26\n")
    assert routes(named, domain) == [("filter", nexthop)]
    assert routes(routed, domain) == [("filter", "[inner.test]:26")]
    assert routes(routed, *others) == routes(resolver(), *others)


def routes(resolver: Resolver, *domains: str) -> list[tuple[str, str]]:
    """Transport and next hop of a user in each domain."""
    found = [resolver.resolve("", f"user@{domain}") for domain in domains]
    return [(resolved.transport, resolved.nexthop) for resolved in found]


def test_relay_transport_and_relayhost() -> None:
    """The transport is relay_transport's; its next hop wins over relayhost, and relayhost over the domain."""
    assert routes(resolver("relayhost = [out.test]\n"), "relay.test") == [("relay", "[out.test]")]
    text = "relayhost = [out.test]\nrelay_transport = lmtp:[inner.test]\n"
    assert routes(resolver(text), "relay.test", "other.test") == [("lmtp", "[inner.test]"), ("smtp", "[out.test]")]


def test_wildcard_is_the_last_resort() -> None:
    """`*` in the transport table catches what no other entry has."""
    routes = resolver("transport_maps = inline:{ { a.test = one: } { * = all:hub } }\n")
    assert routes.resolve("", "u@a.test").transport == "one"
    found = routes.resolve("", "u@b.test")
    assert (found.transport, found.nexthop) == ("all", "hub")


def test_relayhost_is_for_mail_that_leaves() -> None:
    """Not for local and virtual recipients."""
    routes = resolver("relayhost = [gate.test]:587\n")
    assert routes.resolve("", "u@other.test").nexthop == "[gate.test]:587"
    assert routes.resolve("", "u@relay.test").nexthop == "[gate.test]:587"
    assert routes.resolve("", "u@virtual.test").nexthop == "virtual.test"


def test_relayhost_by_sender() -> None:
    """DUNNO means the recipient's domain; the null sender has a key of its own."""
    routes = resolver(
        "relayhost = gate.test\n"
        "sender_dependent_relayhost_maps = inline:{ a@x.y=hub.test, @d.y=DUNNO, { <>=null.test } }\n"
    )
    assert routes.resolve("a@x.y", "u@o.test").nexthop == "hub.test"
    assert routes.resolve("a+ext@x.y", "u@o.test").nexthop == "hub.test"
    assert routes.resolve("b@d.y", "u@o.test").nexthop == "o.test"
    assert routes.resolve("", "u@o.test").nexthop == "null.test"
    assert routes.resolve("c@x.y", "u@o.test").nexthop == "gate.test"


def test_transport_by_sender() -> None:
    """Only in place of default_transport."""
    routes = resolver("sender_dependent_default_transport_maps = inline:{ { a@x.y = slow:hop } }\n")
    found = routes.resolve("a@x.y", "u@o.test")
    assert (found.transport, found.nexthop) == ("slow", "hop")
    assert routes.resolve("a@x.y", "u@relay.test").transport == "relay"
    assert routes.resolve("b@x.y", "u@o.test").transport == "smtp"


def test_key_of_the_null_sender_is_a_parameter() -> None:
    """empty_address_relayhost_maps_lookup_key, empty_address_default_transport_maps_lookup_key."""
    routes = resolver(
        "sender_dependent_relayhost_maps = inline:{ nobody=null.test }\n"
        "sender_dependent_default_transport_maps = inline:{ { nothing = slow } }\n"
        "empty_address_relayhost_maps_lookup_key = nobody\n"
        "empty_address_default_transport_maps_lookup_key = nothing\n"
    )
    found = routes.resolve("", "u@o.test")
    assert (found.transport, found.nexthop) == ("slow", "null.test")
    assert routes.resolve("a@x.y", "u@o.test").transport == "smtp"


@pytest.mark.parametrize(
    ("setting", "transport", "recipient"), [("yes", "smtp", "a@b.c"), ("no", "local", '"a@b.c"@local.test')]
)
def test_quoted_local_part_may_be_left_alone(setting: str, transport: str, recipient: str) -> None:
    """resolve_dequoted_address = no: what is quoted holds no route."""
    found = resolver(f"resolve_dequoted_address = {setting}\n").resolve("", '"a@b.c"@local.test')
    assert (found.transport, found.recipient) == (transport, recipient)


def test_recipient_that_has_moved_is_told_where() -> None:
    """relocated_maps, in any class, with or without the extension."""
    routes = resolver("relocated_maps = inline:{ moved@relay.test=new@place.test }\n")
    found = routes.resolve("", "moved+x@relay.test")
    assert (found.transport, found.nexthop) == ("error", "5.1.6 User has moved to new@place.test")


@pytest.mark.parametrize(
    "parameter",
    [
        "mydestination",
        "virtual_alias_domains",
        "virtual_mailbox_domains",
        "relay_domains",
        "transport_maps",
        "relocated_maps",
        "sender_dependent_relayhost_maps",
        "sender_dependent_default_transport_maps",
    ],
)
def test_table_out_of_order_is_a_temporary_problem(parameter: str) -> None:
    """Nothing is decided, and the reason is for the log."""
    found = resolver(f"{parameter} = fail:now\n").resolve("s@x.y", "u@other.test")
    assert (found.transport, found.status) == ("", "4.3.0")
    assert "fail:now" in found.problem


@pytest.mark.parametrize(
    ("extra", "address", "warning"),
    [
        (
            "virtual_alias_domains = local.test\n",
            "u@local.test",
            "do not list domain local.test in BOTH mydestination and virtual_alias_domains",
        ),
        (
            "virtual_mailbox_domains = local.test\n",
            "u@local.test",
            "do not list domain local.test in BOTH mydestination and virtual_mailbox_domains",
        ),
        (
            "relay_domains = alias.test\n",
            "u@alias.test",
            "do not list domain alias.test in BOTH virtual_alias_domains and relay_domains",
        ),
        (
            "relay_domains = virtual.test\n",
            "u@virtual.test",
            "do not list domain virtual.test in BOTH virtual_mailbox_domains and relay_domains",
        ),
    ],
)
def test_domain_in_two_classes_is_warned_about(extra: str, address: str, warning: str) -> None:
    """In Postfix's words."""
    warnings: list[str] = []
    resolver(extra, warnings).resolve("", address)
    assert warnings == [warning]
    warnings.clear()
    resolver(extra + "helpful_warnings = no\n", warnings).resolve("", address)
    assert warnings == []


def test_settings_of_the_resolver() -> None:
    """Each of the smaller parameters does what it says."""
    assert resolver("allow_min_user = yes\n").resolve("", "-u@local.test").transport == "local"
    assert resolver("resolve_numeric_domain = yes\n").resolve("", "u@1.2.3.4").nexthop == "1.2.3.4"
    assert resolver("resolve_null_domain = yes\nmydestination = $myhostname\n").resolve("", "u@").transport == "local"
    assert resolver("empty_address_recipient = nobody\n").resolve("", "").recipient == "nobody@mail.origin.test"
    found = resolver("show_user_unknown_table_name = no\n").resolve("", "u@alias.test")
    assert found.nexthop == "5.1.1 User unknown"


def test_changed_table_is_noticed(tmp_path: Path) -> None:
    """So that the process can give way to one that reads it."""
    (tmp_path / "t").write_text("a.test x:y\n")
    routes = resolver(f"transport_maps = texthash:{tmp_path}/t\n")
    assert [*routes.find_changed()] == []
    (tmp_path / "t").write_text("a.test x:yy\n")
    assert [*routes.find_changed()] == ["transport_maps"]


@pytest.mark.parametrize(
    "name", ["transport_maps", "sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps"]
)
def test_no_part_of_an_address_becomes_a_transport_or_a_host(tmp_path: Path, name: str) -> None:
    """Who sends must not choose which server gets the mail (postconf(5), transport(5))."""
    table = tmp_path / "table"
    table.write_text("/@(.*)$/ smtp:$1\n")
    config = Config.from_text(f"{MAIN_CF}{name} = regexp:{table}\n")
    make_resolver(config, config.read(TrivialRewriteParameters), [].append)
    assert config.warnings == [
        f"regexp map {table}, line 1: regular expression substitution is not allowed: skipping this rule"
    ]

"""Defaults that depend on the machine: names, networks, interfaces."""

from __future__ import annotations

import ipaddress

import pytest

from pyfix.mail.config import Config, ConfigError, CoreParameters
from pyfix.mail.config.defaults import own_interfaces
from pyfix.mail.config.host import Host, this_host
from pyfix.mail.config.interfaces import Interface
from pyfix.mail.config.maincf import parse
from pyfix.mail.config.networks import literal_address

INTERFACES = [
    Interface("127.0.0.1", 8),
    Interface("192.168.7.9", 20),
    Interface("10.1.2.3", 30),
    Interface("::1", 128),
    Interface("fd00::7:1", 64),
]


def config(text: str, name: str = "box") -> Config:
    """Return a configuration on a machine with known interfaces."""
    host = Host(name, lambda: INTERFACES, literal_address)
    return Config(parse(text, "main.cf"), "/etc/pyfix", host)


@pytest.mark.parametrize(
    ("host", "text", "myhostname", "mydomain"),
    [
        ("mail.example.com", "", "mail.example.com", "example.com"),
        ("box", "", "box.localdomain", "localdomain"),
        ("box", "mydomain = example.com\n", "box.example.com", "example.com"),
        ("mail.example.com", "mydomain = other.com\n", "mail.example.com", "other.com"),
        ("box", "myhostname = a.b.c\n", "a.b.c", "b.c"),
        ("box", "myhostname = single\n", "single", "localdomain"),
        ("box", "myhostname = $mydomain\n", "localdomain", "localdomain"),
    ],
)
def test_names_of_the_machine(host: str, text: str, myhostname: str, mydomain: str) -> None:
    """A single label gets a domain; the domain is the name without its first label."""
    params = config(text, host).read(CoreParameters)
    assert (params.myhostname, params.mydomain) == (myhostname, mydomain)


@pytest.mark.parametrize(
    ("style", "networks"),
    [
        ("host", "127.0.0.1/32 192.168.7.9/32 10.1.2.3/32 [::1]/128 [fd00::7:1]/128"),
        ("subnet", "127.0.0.0/8 192.168.0.0/20 10.1.2.0/30 [::1]/128 [fd00::]/64"),
        ("class", "127.0.0.0/8 192.168.7.0/24 10.0.0.0/8 [::1]/128 [fd00::]/64"),
    ],
)
def test_networks_follow_the_style(style: str, networks: str) -> None:
    """IPv6 has no classes."""
    assert config(f"mynetworks_style = {style}\n").read(CoreParameters).mynetworks == networks


def test_oldest_compatibility_level_trusts_the_subnet() -> None:
    """From level 2 on only the machine itself is trusted."""
    assert "10.1.2.0/30" in config("").read(CoreParameters).mynetworks
    assert "10.1.2.3/32" in config("compatibility_level = 3.6\n").read(CoreParameters).mynetworks


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("", [item.address for item in INTERFACES]),
        ("inet_protocols = ipv4\n", ["127.0.0.1", "192.168.7.9", "10.1.2.3"]),
        ("inet_protocols = IPv6\n", ["::1", "fd00::7:1"]),
        ("inet_interfaces = loopback-only\n", ["127.0.0.1", "::1"]),
        ("inet_interfaces = 10.1.2.3, [fd00::7:1]\n", ["10.1.2.3", "fd00::7:1"]),
        ("inet_interfaces =\n", []),
    ],
)
def test_own_interfaces_are_those_that_are_left(text: str, addresses: list[str]) -> None:
    """inet_interfaces and inet_protocols both choose."""
    assert [item.address for item in own_interfaces(config(text))] == addresses


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inet_interfaces = 10.9.9.9\n", "parameter inet_interfaces: no local interface found for 10.9.9.9; "),
        ("inet_interfaces = mail.example\n", "config variable inet_interfaces: host not found: mail.example; "),
        ("inet_protocols = ipx\n", 'unknown inet_protocols value "ipx"; '),
    ],
)
def test_foreign_interface_is_refused(text: str, message: str) -> None:
    """The wording is Postfix's, the place is added."""
    with pytest.raises(ConfigError) as caught:
        own_interfaces(config(text))
    assert str(caught.value).startswith(f"main.cf, line 1: {message}")


def test_names_and_networks_that_refer_to_each_other_end() -> None:
    """Computed defaults in a circle are no endless loop."""
    assert config("mydomain = $myhostname\n").read(CoreParameters).mydomain == "box."
    with pytest.raises(ConfigError, match="mynetworks_style"):
        config("mynetworks_style = $mynetworks\n").read(CoreParameters)


def test_this_machine_has_a_loopback_interface() -> None:
    """What the kernel says is understood."""
    found = this_host().interfaces()
    assert Interface("127.0.0.1", 8) in found
    assert all(ipaddress.ip_interface(f"{item.address}/{item.prefix}") for item in found)


def test_host_names_resolve() -> None:
    """localhost is known everywhere; nonsense has no address."""
    resolve = this_host().resolve
    assert any(address.is_loopback for address in resolve("localhost"))
    assert resolve("[::1]") == (ipaddress.ip_address("::1"),)
    assert resolve("no such host") == ()

"""local_header_rewrite_clients, each kind of entry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.daemons.smtpd.tables import Tables
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.interfaces import Interface
from pyfix.mail.config.networks import literal_address
from pyfix.mail.restrictions.tables import Opened

MAIN_CF = """
compatibility_level = 3.7
inet_interfaces = 192.0.2.25, 2001:db8::25
inet_protocols = all
proxy_interfaces = 192.0.2.99
mynetworks = 10.0.0.0/8
"""


def configure(value: str) -> Config:
    """Return a configuration of a host with three addresses."""
    config = Config.from_text(f"{MAIN_CF}local_header_rewrite_clients = {value}\n")
    addresses = [Interface("192.0.2.25", 24), Interface("192.0.2.26", 24), Interface("2001:db8::25", 64)]
    config.host = replace(config.host, interfaces=lambda: addresses, resolve=literal_address)
    return config


def matches(value: str, address: str, name: str = "client.example") -> bool:
    """Return whether a client's headers are rewritten."""
    config = configure(value)
    return Tables(config, config.read(SmtpdParameters), Opened()).standing(name, address).is_ours


@pytest.mark.parametrize(
    ("value", "address", "expected"),
    [
        ("", "192.0.2.25", False),
        ("permit_inet_interfaces", "192.0.2.25", True),
        ("permit_inet_interfaces", "2001:db8::25", True),
        ("permit_inet_interfaces", "192.0.2.26", False),
        ("permit_inet_interfaces", "192.0.2.99", False),
        ("permit_mynetworks", "10.1.2.3", True),
        ("permit_mynetworks", "192.0.2.25", False),
        ("permit_inet_interfaces, PERMIT_MYNETWORKS", "10.1.2.3", True),
        ("static:all", "198.51.100.1", True),
        ("check_address_map inline:{198.51.100.1=x}", "198.51.100.1", True),
        ("check_address_map inline:{198.51.100.1=x}", "198.51.100.2", False),
        ("check_address_map inline:{198.51.100=x, client.example=x}", "198.51.100.2", False),
        ("inline:{198.51.100.1=x}", "198.51.100.1", True),
        ("inline:{198.51.100.1=x} permit_mynetworks", "10.0.0.1", True),
        ("cidr:{{198.51.100.0/24 x}}", "198.51.100.9", True),
        ("permit_sasl_authenticated", "10.1.2.3", False),
        ("permit_tls_clientcerts", "10.1.2.3", False),
        ("permit_tls_all_clientcerts", "192.0.2.25", False),
        ("permit_sasl_authenticated permit_tls_clientcerts permit_mynetworks", "10.1.2.3", True),
        ("fail:always static:all", "198.51.100.1", False),
    ],
)
def test_client_is_ours_when_an_entry_says_so(value: str, address: str, expected: bool) -> None:
    """By address alone; what needs SASL or TLS matches nobody; a table that fails rewrites nothing."""
    assert matches(value, address) is expected


@pytest.mark.parametrize("value", ["permit_nobody", "check_address_map", "10.0.0.0/8", "nosuchtype:x"])
def test_other_words_are_an_error_that_names_them(value: str) -> None:
    """Better than to rewrite too little or too much."""
    with pytest.raises(ConfigError, match="local_header_rewrite_clients"):
        matches(value, "10.1.2.3")


def test_change_of_a_table_is_noticed(tmp_path: Path) -> None:
    """As of every other table."""
    path = f"{tmp_path}/clients"
    with open(path, "w", encoding="utf-8") as file:
        file.write("198.51.100.1 x\n")
    config = configure(f"texthash:{path}")
    opened = Opened()
    Tables(config, config.read(SmtpdParameters), opened)
    assert not [*opened.find_changed()]
    with open(path, "w", encoding="utf-8") as file:
        file.write("198.51.100.2 x\n198.51.100.3 x\n")
    assert [*opened.find_changed()]

"""The default of mynetworks: the machine itself, its subnetworks, or their historical classes.

Pure: addresses and settings in, text out, in Postfix's form ("127.0.0.0/8 [::1]/128"), each network once.
See: mynetworks, mynetworks_style, inet_interfaces, inet_protocols in postconf(5).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from pyfix.mail.config.interfaces import Interface

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_CLASSES: Final = ((0x80000000, 8), (0xC0000000, 16), (0xE0000000, 24), (0xF0000000, 4))
"""First number past the class, and its prefix: A, B, C, and D which is not divided."""


def trusted_networks(style: str, interfaces: Iterable[Interface]) -> str:
    """Return the networks of the interfaces for a mynetworks_style: "host", "subnet" or "class"."""
    return " ".join(dict.fromkeys(_network(style, interface) for interface in interfaces))


def _network(style: str, interface: Interface) -> str:
    """Return the network of one address, as mynetworks writes it."""
    address = ipaddress.ip_address(interface.address)
    prefix = _prefix(style, address, interface.prefix)
    network = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    text = str(network.network_address)
    return f"{text}/{prefix}" if address.version == 4 else f"[{text}]/{prefix}"


def _prefix(style: str, address: Address, subnet: int) -> int:
    """Return the length of the network prefix that the style asks for."""
    if style == "host":
        return address.max_prefixlen
    if style == "subnet" or address.version == 6:
        return subnet
    return next((prefix for past, prefix in _CLASSES if int(address) < past), 32)


def select_interfaces(
    interfaces: Iterable[Interface], wanted: Iterable[str], protocols: Iterable[str]
) -> list[Interface]:
    """Return the interfaces that inet_interfaces and inet_protocols leave."""
    words = [word.lower() for word in wanted]
    versions = {4 if protocol == "ipv4" else 6 for protocol in protocols}
    return [
        interface
        for interface in interfaces
        if ipaddress.ip_address(interface.address).version in versions and _is_wanted(interface, words)
    ]


def _is_wanted(interface: Interface, words: list[str]) -> bool:
    """Return whether a word of inet_interfaces names this address."""
    address = ipaddress.ip_address(interface.address)
    if "all" in words or ("loopback-only" in words and address.is_loopback):
        return True
    return any(_as_address(word) == address for word in words)


def _as_address(word: str) -> Address | None:
    """Return the address that a word of inet_interfaces is, None for a host name."""
    try:
        return ipaddress.ip_address(word.strip("[]"))
    except ValueError:
        return None

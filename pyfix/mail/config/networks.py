"""The default of mynetworks: the machine itself, its subnetworks, or their historical classes.

Pure: addresses and settings in, text out, in Postfix's form ("127.0.0.0/8 [::1]/128"), each network once.
See: mynetworks, mynetworks_style, inet_interfaces, inet_protocols in postconf(5).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from pyfix.mail.config.interfaces import Interface
from pyfix.mail.config.values import ValueRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str], Sequence[Address]]
"""A host name or address to addresses, none when it is not known."""

ALL: Final = "all"
LOOPBACK_ONLY: Final = "loopback-only"
STYLES: Final = ("class", "subnet", "host")
_VERSIONS: Final[Mapping[str, set[int]]] = {"all": {4, 6}, "ipv4": {4}, "ipv6": {6}}
_CLASSES: Final = ((0x80000000, 8), (0xC0000000, 16), (0xE0000000, 24), (0xF0000000, 4))
"""First number past the class, and its prefix: A, B, C, and D which is not divided."""


def literal_address(word: str) -> Sequence[Address]:
    """Return the address that a word is, nothing for a host name."""
    try:
        return (ipaddress.ip_address(word.removeprefix("[").removesuffix("]")),)
    except ValueError:
        return ()


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
    interfaces: Iterable[Interface], wanted: Iterable[str], protocols: Iterable[str], resolve: Resolve = literal_address
) -> list[Interface]:
    """Return the interfaces that inet_interfaces and inet_protocols leave; what names none of them is passed over."""
    words = list(wanted)
    versions = protocol_versions(protocols)
    found = [item for item in interfaces if ipaddress.ip_address(item.address).version in versions]
    if words == [ALL]:
        return found
    if words == [LOOPBACK_ONLY]:
        return [item for item in found if ipaddress.ip_address(item.address).is_loopback]
    addresses = {address for word in words for address in resolve(word)}
    return [item for item in found if ipaddress.ip_address(item.address) in addresses]


def check_interfaces(
    interfaces: Sequence[Interface], wanted: Sequence[str], protocols: Sequence[str], resolve: Resolve
) -> None:
    """Refuse words of inet_interfaces and inet_protocols that mean nothing on this machine."""
    versions = protocol_versions(protocols)
    own = {ipaddress.ip_address(item.address) for item in interfaces}
    for word in () if list(wanted) in ([ALL], [LOOPBACK_ONLY]) else wanted:
        addresses = resolve(word)
        if not addresses:
            raise ValueRefused(f"config variable inet_interfaces: host not found: {word}; specify an address")
        for address in addresses:
            if address.version in versions and address not in own:
                raise ValueRefused(
                    f"parameter inet_interfaces: no local interface found for {address};"
                    " specify addresses of this machine, or all"
                )


def protocol_versions(protocols: Iterable[str]) -> set[int]:
    """Return the IP versions that inet_protocols names."""
    versions: set[int] = set()
    for protocol in protocols:
        if protocol.lower() not in _VERSIONS:
            raise ValueRefused(f'unknown inet_protocols value "{protocol}"; specify all, ipv4 or ipv6')
        versions |= _VERSIONS[protocol.lower()]
    return versions

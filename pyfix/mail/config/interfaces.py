"""The addresses of the network interfaces, from /proc/net and an ioctl.

A machine without IPv6, or without /proc, has the addresses that are left; nothing here fails.
See: netdevice(7).
"""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from array import array
from dataclasses import dataclass
from typing import Final

_SIOCGIFCONF: Final = 0x8912
_SIOCGIFNETMASK: Final = 0x891B
_IFREQ: Final = struct.Struct("16sH2x4s16x")
_IF_INET6: Final = "/proc/net/if_inet6"


@dataclass(frozen=True, slots=True)
class Interface:
    """An address of this machine and the length of its network prefix."""

    address: str
    prefix: int


def local_interfaces() -> list[Interface]:
    """Return the addresses of all interfaces that are up, IPv4 first."""
    return _ipv4_interfaces() + _ipv6_interfaces()


def _ipv4_interfaces() -> list[Interface]:
    """Ask the kernel for the IPv4 addresses and their masks."""
    found: list[Interface] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for name, address in _ifconf(probe):
            request = _IFREQ.pack(name, socket.AF_INET, address)
            try:
                mask = _IFREQ.unpack(fcntl.ioctl(probe, _SIOCGIFNETMASK, request))[2]
            except OSError:
                mask = b"\xff\xff\xff\xff"
            found.append(Interface(socket.inet_ntoa(address), int.from_bytes(mask, "big").bit_count()))
    return found


def _ifconf(probe: socket.socket) -> list[tuple[bytes, bytes]]:
    """Return (interface name, IPv4 address) of each configured address."""
    room = array("B", bytes(_IFREQ.size * 1024))
    address, size = room.buffer_info()
    reply = fcntl.ioctl(probe, _SIOCGIFCONF, struct.pack("iP", size, address))
    used: int = struct.unpack("iP", reply)[0]
    entries = (_IFREQ.unpack_from(room, offset) for offset in range(0, used, _IFREQ.size))
    return [(name, ip) for name, _, ip in entries]


def _ipv6_interfaces() -> list[Interface]:
    """Read the IPv6 addresses: address, index, prefix, scope, flags, name. The file has them in the order of a hash;
    getifaddrs(3), which Postfix asks, gives them by interface, global addresses before those of the link."""
    try:
        with open(_IF_INET6, encoding="ascii") as file:
            rows = [line.split() for line in file]
    except OSError:
        return []
    rows.sort(key=lambda row: (int(row[1], 16), int(row[3], 16)))
    return [Interface(str(ipaddress.IPv6Address(int(row[0], 16))), int(row[2], 16)) for row in rows]

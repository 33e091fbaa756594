"""Decide whether a host name, an address or an address literal is well formed, as Postfix decides it.

Syntax only, nothing is looked up. An underscore is tolerated, because real names have it; a name made of nothing but
digits and dots is refused, because it would be taken for an address. Names with non-ASCII letters are judged by the
length of their labels (RFC 6531); whether they convert to IDNA is for the DNS code to find out.
See: RFC 1123 section 2.1, RFC 5321 section 4.1.3.
"""

from __future__ import annotations

import re
import socket
from functools import lru_cache
from typing import Final

HOSTNAME_LIMIT: Final = 255

_LABEL = r"(?!-)[A-Za-z0-9_\-\u0080-\U0010ffff]{1,63}(?<!-)"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_NUMERIC = re.compile(r"[0-9.]*\Z")


@lru_cache(maxsize=1024)
def is_valid_hostname(name: str) -> bool:
    """True for a well-formed host or domain name, without trailing dot."""
    if not name or len(name) > HOSTNAME_LIMIT:
        return False
    return _HOSTNAME.match(name) is not None and _NUMERIC.match(name) is None


def is_valid_ipv4(address: str) -> bool:
    """True for four decimal octets."""
    return parse_ipv4(address) is not None


def is_valid_ipv6(address: str) -> bool:
    """True for an IPv6 address without brackets, prefix or zone."""
    return parse_ipv6(address) is not None


def is_valid_hostaddr(address: str) -> bool:
    """True for an IPv4 or IPv6 address."""
    return parse_hostaddr(address) is not None


def is_valid_mailhost_literal(literal: str) -> bool:
    """True for [1.2.3.4] or [IPv6:::1]."""
    return literal_address(literal) is not None


def literal_address(literal: str) -> str | None:
    """Return the address inside [1.2.3.4] or [IPv6:addr]; None when it is no valid literal."""
    if not (literal.startswith("[") and literal.endswith("]")):
        return None
    inner = literal[1:-1]
    if inner[:5].lower() == "ipv6:":
        return inner[5:] if is_valid_ipv6(inner[5:]) else None
    return inner if is_valid_ipv4(inner) else None


def parse_ipv4(address: str) -> bytes | None:
    """Return the four bytes of an IPv4 address, or None."""
    try:
        return socket.inet_pton(socket.AF_INET, address)
    except (OSError, ValueError):
        return None


def parse_ipv6(address: str) -> bytes | None:
    """Return the sixteen bytes of an IPv6 address, or None."""
    try:
        return socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return None


def parse_hostaddr(address: str) -> bytes | None:
    """Return the bytes of an IPv4 (4) or IPv6 (16) address, or None."""
    return parse_ipv6(address) if ":" in address else parse_ipv4(address)

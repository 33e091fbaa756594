"""Read a next hop: where mail goes, as transport tables and relayhost write it.

    domain          domain:port         look up mail exchangers
    [host]          [host]:port         look up the host itself
    [1.2.3.4]       [ipv6:::1]:port     an address
    unix:path                           a socket (LMTP)
    inet:host:port                      the same as host:port without mail exchangers (LMTP)

Raises DestinationError with the reason; that is a mistake of the configuration, so mail waits.
See: smtp(8), lmtp destination syntax.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Final

_SEPARATORS: Final = re.compile(r"[, \t\r\n]+")
_KNOWN_PORTS: Final = {"lmtp": 24, "smtp": 25, "smtps": 465, "submissions": 465, "submission": 587}
_PORT_LIMIT: Final = 65535
SMTP_PORT: Final = 25


class DestinationError(Exception):
    """A next hop that has no meaning; str() says why."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One next hop."""

    host: str
    """Domain, host name or address without brackets; "" for a socket."""
    port: int = 0
    lookup_mx: bool = False
    path: str = ""
    """Of a Unix-domain socket."""


def split_nexthops(text: str) -> list[str]:
    """Return the single next hops of a list."""
    return [word for word in _SEPARATORS.split(text) if word]


def parse_destination(text: str, default_port: str, *, lmtp: bool = False) -> Destination:
    """Return what one next hop means; `default_port` is a number or a service name."""
    if lmtp:
        if text.startswith("unix:"):
            return Destination("", path=text[5:])
        text = text.removeprefix("inet:")
    if text.startswith("["):
        host, port = _bracketed(text)
        return Destination(host, port_number(port or default_port))
    host, port = _plain(text)
    return Destination(host, port_number(port or default_port), lookup_mx=not lmtp)


def port_number(service: str) -> int:
    """Return the number of a port or of a service name."""
    if service.isascii() and service.isdigit():
        number = int(service) if len(service) < 7 else 0
        if not 0 < number <= _PORT_LIMIT:
            raise DestinationError(f"bad network port: {service}")
        return number
    if service in _KNOWN_PORTS:
        return _KNOWN_PORTS[service]
    try:
        return socket.getservbyname(service, "tcp")
    except (OSError, ValueError):  # ValueError: a null character, or no text that UTF-8 has
        raise DestinationError(f"unknown service: {service}/tcp") from None


def _bracketed(text: str) -> tuple[str, str]:
    host, closed, rest = text[1:].partition("]")
    if not closed or (rest and not rest.startswith(":")):
        raise DestinationError(f"malformed destination: {text}")
    if host[:5].lower() == "ipv6:":
        host = host[5:]
    if not host:
        raise DestinationError(f"missing host in destination: {text}")
    return host, rest[1:]


def _plain(text: str) -> tuple[str, str]:
    host, colon, port = text.partition(":")
    if not host or (colon and not port):
        raise DestinationError(f"malformed destination: {text}")
    return host, port

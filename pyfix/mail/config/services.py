"""The names of services in master.cf: where an inet service listens, what a path may look like.

Pure but for the names of ports, which services(5) knows; the common mail ports are known without that file.
See: master(5), known_tcp_ports in postconf(5).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config.values import ValueRefused

_KNOWN_PORTS: Final = {"lmtp": 24, "smtp": 25, "smtps": 465, "submissions": 465, "submission": 587}
_PORT_MAX: Final = 65535


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an inet service listens; an empty host stands for the addresses of inet_interfaces."""

    host: str
    port: int


_FOR_OTHERS: Final = ("auth", "authdaemond", "saslauthd")
"""Programs that serve other mail systems, too, whose sockets may be anywhere: in the jail of a Postfix, say."""


def inet_endpoint(name: str) -> Endpoint:
    """Return the endpoint that the name of an inet service means; raises ValueRefused."""
    if name.startswith("["):
        host, bracket, rest = name[1:].partition("]")
        if not bracket:
            raise ValueRefused(f'missing "]" in "{name}"; specify [host]:port')
        if not rest.startswith(":"):
            raise ValueRefused(f'missing service information in "{name}"; specify [host]:port')
        port = rest[1:]
    else:
        host, colon, port = name.rpartition(":")
        if colon and ":" in host:
            raise ValueRefused(f"bad hostname or network address: {name}; specify [address]:port for IPv6")
    if not port:
        raise ValueRefused(f'missing service information in "{name}"; specify host:port')
    if host == "*":
        raise ValueRefused(f'valid hostname or network address required in "{name}"; omit "*:" to listen on all')
    return Endpoint(host, port_number(port, name))


def port_number(port: str, name: str) -> int:
    """Return the number of a port; name is the whole service name, for the message."""
    if port.isascii() and port.isdigit():
        number = int(port) if len(port) <= 5 else _PORT_MAX + 1
        if not 0 < number <= _PORT_MAX:
            raise ValueRefused(f"bad hostname or network address: {name}; specify a port from 1 to {_PORT_MAX}")
        return number
    try:
        return _KNOWN_PORTS.get(port) or socket.getservbyname(port, "tcp")
    except (OSError, UnicodeError):
        raise ValueRefused(f"unknown port name in {name}; specify a number or a name of services(5)") from None


def check_path(name: str, program: str) -> None:
    """Refuse the name of a service that is no path inside the queue directory, or one that another mail system asks."""
    path = name.removeprefix("/") if program in _FOR_OTHERS else name
    if not path.isprintable() or any(part in ("", ".", "..") for part in path.split("/")):
        raise ValueRefused(f'bad service name: "{name}"; specify a path relative to private/ or public/')

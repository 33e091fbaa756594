"""What the defaults take from the machine: its name and the networks that it is on.

The values of Config.from_text are fixed, so that a test does not depend on the machine it runs on.
See: myhostname, mydomain, mynetworks_style in postconf(5).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyfix.mail.config.interfaces import Interface, local_interfaces
from pyfix.mail.config.networks import Address, Resolve, literal_address


@dataclass(frozen=True, slots=True)
class Host:
    """The machine as the defaults see it; all but the name is only asked when a default needs it."""

    name: str
    interfaces: Callable[[], list[Interface]]
    resolve: Resolve


def this_host() -> Host:
    """Return the machine that this runs on."""
    return Host(socket.gethostname(), local_interfaces, _resolve)


def fixed_host() -> Host:
    """Return a machine that is the same everywhere: mail.example.test with a loopback interface."""
    return Host("mail.example.test", lambda: [Interface("127.0.0.1", 8), Interface("::1", 128)], literal_address)


def _resolve(name: str) -> Sequence[Address]:
    """Return the addresses of a host name or an address."""
    literal = literal_address(name)
    if literal:
        return literal
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]

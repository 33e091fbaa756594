"""What the defaults take from the machine: its name and the networks that it is on.

The values of Config.from_text are fixed, so that a test does not depend on the machine it runs on.
See: myhostname, mydomain, mynetworks_style in postconf(5).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from pyfix.mail.config.interfaces import Interface, local_interfaces


@dataclass(frozen=True, slots=True)
class Host:
    """The machine as the defaults see it; `interfaces` is only asked when a default needs it."""

    name: str
    interfaces: Callable[[], list[Interface]]


def this_host() -> Host:
    """Return the machine that this runs on."""
    return Host(socket.gethostname(), local_interfaces)


def fixed_host() -> Host:
    """Return a machine that is the same everywhere: mail.example.test with a loopback interface."""
    return Host("mail.example.test", lambda: [Interface("127.0.0.1", 8), Interface("::1", 128)])

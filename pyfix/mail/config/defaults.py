"""Defaults that are computed: from the machine, from the process, from other parameters.

Each function gives the text that `postconf -d` prints. They ask the configuration only when they are called.
See: postconf(5).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from pyfix.mail.config.interfaces import Interface
from pyfix.mail.config.networks import STYLES, check_interfaces, select_interfaces, trusted_networks
from pyfix.mail.config.values import ValueRefused, choice, words

if TYPE_CHECKING:
    from pyfix.mail.config.config import Config

DEFAULT_DOMAIN: Final = "localdomain"
COMPUTED_FROM: Final[Mapping[str, str]] = {
    "myhostname": "$mydomain",
    "mydomain": "$myhostname",
    "mynetworks": "$mynetworks_style $inet_interfaces $inet_protocols",
}
"""What a computed default is made of, as references."""


def computed(config: Config) -> Mapping[str, Callable[[], str]]:
    """Return the computed defaults by name."""
    return {
        "myhostname": lambda: _hostname(config),
        "mydomain": lambda: _domain(config),
        "mynetworks": lambda: _networks(config),
        "config_directory": lambda: config.directory,
        "process_id": lambda: str(os.getpid()),
        "process_name": lambda: config.program,
        "service_name": lambda: config.service,
    }


def _hostname(config: Config) -> str:
    """Return the machine's name, with mydomain when it is a single label."""
    name = config.host.name
    if "." in name:
        return name
    domain = config.evaluate("mydomain", "") if config.is_set("mydomain") else DEFAULT_DOMAIN
    return f"{name}.{domain}"


def _domain(config: Config) -> str:
    """Return myhostname without its first label."""
    return config.evaluate("myhostname", "").partition(".")[2] or DEFAULT_DOMAIN


def _networks(config: Config) -> str:
    """Return the networks that mynetworks_style chooses of those that the machine is on."""
    try:
        style = choice(config.expand("$mynetworks_style"), "mynetworks_style", STYLES)
    except ValueRefused as refused:
        raise config.refuse("mynetworks_style", str(refused)) from None
    return trusted_networks(style, own_interfaces(config))


def own_interfaces(config: Config) -> list[Interface]:
    """Return the addresses that mail is received on: inet_interfaces, inet_protocols; raises ConfigError."""
    protocols = words(config.expand("$inet_protocols"), "inet_protocols")
    wanted = words(config.expand("$inet_interfaces"), "inet_interfaces")
    interfaces = config.host.interfaces()
    try:
        check_interfaces(interfaces, wanted, protocols, config.host.resolve)
        return select_interfaces(interfaces, wanted, protocols, config.host.resolve)
    except ValueRefused as refused:
        name = "inet_protocols" if "inet_protocols" in str(refused) else "inet_interfaces"
        raise config.refuse(name, str(refused)) from None

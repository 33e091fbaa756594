"""Where the services of master.cf listen: two on one port, ports out of reach, ports of another protocol. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from pyfix.commands.findings import Finding, Severity
from pyfix.mail.config import Config
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.mail.config.services import inet_endpoint

_SMTP: Final = 25
_SMTPS: Final = 465
_PLAIN: Final = {25: "smtp", 587: "submission"}


@dataclass(frozen=True, slots=True)
class Listener:
    """A service of type inet."""

    name: str
    place: str
    host: str
    """"" for the addresses of inet_interfaces."""
    port: int
    program: str
    is_wrapped: bool
    """smtpd_tls_wrappermode: clients begin with TLS."""


def read_listeners(config: Config, entries: Sequence[ServiceEntry]) -> list[Listener]:
    """Return the services that listen on the network."""
    return [_listener(config, entry) for entry in entries if entry.type is ServiceType.INET]


def _listener(config: Config, entry: ServiceEntry) -> Listener:
    endpoint = inet_endpoint(entry.name)
    mode = dict(entry.overrides).get("smtpd_tls_wrappermode", config.get("smtpd_tls_wrappermode") or "no")
    return Listener(entry.name, entry.place, endpoint.host, endpoint.port, entry.program, mode.strip().lower() == "yes")


def judge_ports(listeners: Sequence[Listener], lowest: int, *, receives: bool) -> Iterator[Finding]:
    """Yield what is wrong with the ports.

    `lowest` is the first port that the caller may listen on; `receives` whether other servers should find us.
    """
    for first, second in combinations(listeners, 2):
        if first.port == second.port and (first.host == second.host or not first.host or not second.host):
            text = f"service {second.name}: port {second.port} is that of service {first.name}, {first.place}"
            yield Finding(Severity.ERROR, second.place, text, "give one of them another port, or comment it out")
    for item in listeners:
        if item.port < lowest:
            text = f"service {item.name}: port {item.port} is out of reach for other users than root"
            yield Finding(Severity.ERROR, item.place, text, f"start as root, or specify a port from {lowest} on")
        if item.program == "smtpd":
            yield from _protocol(item)
    if receives and not any(item.port == _SMTP for item in listeners):
        text = "no service listens on port 25: other servers find nobody to give mail for mydestination to"
        yield Finding(Severity.NOTE, "", text, 'add "smtp inet n - n - - smtpd" to master.cf')


def _protocol(item: Listener) -> Iterator[Finding]:
    if item.port == _SMTPS and not item.is_wrapped:
        text = f"service {item.name}: clients of port {_SMTPS} begin with TLS, and this service does not"
        yield Finding(Severity.WARNING, item.place, text, "add -o smtpd_tls_wrappermode=yes, or use port 587")
    if item.port in _PLAIN and item.is_wrapped:
        text = f"service {item.name}: clients of port {item.port} ({_PLAIN[item.port]}) do not begin with TLS"
        yield Finding(Severity.WARNING, item.place, text, "take smtpd_tls_wrappermode=yes out, or use port 465")

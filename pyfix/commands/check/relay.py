"""Who may send mail to anywhere: networks that are too wide, lists that permit before they refuse.

Two ways to find an open relay: the settings are judged one by one, and the whole is asked what it would answer to two
strangers, as `pyfix explain` does.
See: SMTPD_ACCESS_README, SMTPD_RELAY_README.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.commands.check.entries import list_entries
from pyfix.commands.findings import Finding, Severity
from pyfix.mail.maps.table import Table
from pyfix.mail.restrictions.access import Verb, parse_action
from pyfix.mail.restrictions.parse import Kind, Restriction

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

STRANGERS: Final = ("8.8.8.8", "193.0.6.139")
"""Addresses that are in nobody's network but their owners'."""
FAR_DOMAIN: Final = "relay-check.invalid"

_GUARDS: Final = (Kind.REJECT_UNAUTH_DESTINATION, Kind.DEFER_UNAUTH_DESTINATION, Kind.REJECT, Kind.DEFER)
_FORGEABLE: Final = {
    Kind.CHECK_SENDER_ACCESS: "sender",
    Kind.CHECK_HELO_ACCESS: "HELO name",
}
_V4_NETWORK: Final = 16
_V6_NETWORK: Final = 32
"""A prefix shorter than this is no site's."""
_V4_INTERNET: Final = 8
_V6_INTERNET: Final = 16


def judge_networks(words: Iterable[str], place: str) -> Iterator[Finding]:
    """Yield the networks of mynetworks that hold strangers. Pure."""
    for word in words:
        network = _parse_network(word)
        if network is None or _is_ours(network):
            continue
        internet, site = (_V4_INTERNET, _V4_NETWORK) if network.version == 4 else (_V6_INTERNET, _V6_NETWORK)
        remedy = "list the networks of your own machines alone"
        if network.prefixlen < internet:
            text = f"mynetworks: {word}: open relay: strangers on the Internet may send mail to anywhere"
            yield Finding(Severity.ERROR, place, text, remedy)
        elif network.prefixlen < site:
            text = f"mynetworks: {word}: everybody in this large public network may send mail to anywhere"
            yield Finding(Severity.WARNING, place, text, remedy)


def _is_ours(network: Network) -> bool:
    """Networks for private use, and IPv4 in IPv6."""
    mapped = network.version == 6 and network.subnet_of(ipaddress.IPv6Network("::ffff:0:0/96"))
    return network.is_private or network.is_loopback or network.is_link_local or mapped


def judge_style(style: str, networks: str, place: str) -> Iterator[Finding]:
    """Yield what mynetworks_style trusts, where mynetworks is its default. Pure."""
    if style == "class":
        text = f"mynetworks_style=class: everybody in {networks} may send mail to anywhere"
        yield Finding(Severity.WARNING, place, text, "set mynetworks_style = host, or mynetworks")
    elif style == "subnet":
        for network in filter(_has_neighbours, map(_parse_network, networks.split())):
            text = f"mynetworks_style=subnet: {network}: everybody in this public network may send mail to anywhere"
            yield Finding(Severity.WARNING, place, text, "set mynetworks_style = host, or mynetworks")


def _has_neighbours(network: Network | None) -> bool:
    return network is not None and network.num_addresses > 1 and not _is_ours(network)


def _parse_network(word: str) -> Network | None:
    """Return the network that a word is; None for a name, a table, a file, an exclusion."""
    try:
        return ipaddress.ip_network(re.sub(r"^\[([^\]]*)\]", r"\1", word), strict=False)
    except ValueError:
        return None


def judge_relay_domains(words: Iterable[str], place: str, *, holds_all: bool) -> Iterator[Finding]:
    """Yield that relay_domains has every domain; `holds_all` when it has one that nobody can have meant. Pure."""
    if holds_all:
        text = f"relay_domains={' '.join(words)}: open relay: it has every domain"
        yield Finding(Severity.ERROR, place, text, "list the domains that you relay for, or nothing")


@dataclass(frozen=True, slots=True)
class Lists:
    """The two lists of which one must keep strangers from relaying."""

    place: str
    relay: Sequence[Restriction]
    recipient: Sequence[Restriction]


def judge_lists(lists: Lists) -> Iterator[Finding]:
    """Yield what permits before anything refuses, unless the other list refuses all the same. Pure but for tables."""
    named = {"smtpd_relay_restrictions": lists.relay, "smtpd_recipient_restrictions": lists.recipient}
    found = [list(_permits_early(name, steps, lists)) for name, steps in named.items() if _is_guarded(steps)]
    if all(found):
        for findings in found:
            yield from findings


def _is_guarded(steps: Sequence[Restriction]) -> bool:
    return any(step.kind in _GUARDS and not step.only_warns for step in steps)


def _permits_early(name: str, steps: Sequence[Restriction], lists: Lists) -> Iterator[Finding]:
    for step in steps:
        if step.only_warns:
            continue
        if step.kind in _GUARDS:
            return
        if step.kind is Kind.PERMIT:
            text = f"{name}: open relay: permit stands before what refuses strangers"
            yield Finding(Severity.ERROR, lists.place, text, "move reject_unauth_destination before it")
        elif step.kind in _FORGEABLE and step.maps is not None:
            for key in _keys_with_ok(step.maps.tables):
                what = _FORGEABLE[step.kind]
                text = f"{name}: {step.maps.name}: {key} OK: everybody who says that this is the {what} may relay"
                yield Finding(Severity.ERROR, lists.place, text, _move(step))
        elif step.kind is Kind.CHECK_CLIENT_ACCESS and step.maps is not None:
            for key in filter(is_wide_client, _keys_with_ok(step.maps.tables)):
                text = f"{name}: {step.maps.name}: {key} OK: too many clients may relay"
                yield Finding(Severity.ERROR, lists.place, text, _move(step))


def _move(step: Restriction) -> str:
    return f"move {step.name} behind reject_unauth_destination"


def is_wide_client(key: str) -> bool:
    """Return whether a key of a table of clients stands for more than a site: a top-level domain, a large network."""
    network = _parse_network(_as_network(key))
    if network is None:
        return not key.strip(".").count(".") and ":" not in key and key.strip(".").isalpha()
    return any(finding for finding in judge_networks([str(network)], ""))


def _as_network(key: str) -> str:
    """Return the network of a key like "192.0"."""
    octets = key.split(".")
    if len(octets) < 4 and all(octet.isdigit() for octet in octets):
        return f"{'.'.join([*octets, *['0'] * (4 - len(octets))])}/{8 * len(octets)}"
    return key


def _keys_with_ok(tables: Iterable[Table]) -> Iterator[str]:
    for key, value in list_entries(tables):
        if parse_action(value).verb is Verb.OK:
            yield key

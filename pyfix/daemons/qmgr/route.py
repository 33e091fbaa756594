"""From trivial-rewrite's answer to the transport and destination that a recipient is queued for. Pure.

What overrides the answer: a content filter of the message (Envelope.filter), whatever the answer was; mail to the
sender of double bounces (discarded: it can only be a notice about an undeliverable notice); a transport that the
administrator put off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyfix.daemons.qmgr.message import Message
from pyfix.mail.ipc.messages import TRACE_VERIFY, Dsn, Resolved

RETRY: Final = "retry"
"""The service that defers what it gets, with the reason that the nexthop gives."""
ERROR: Final = "error"
DISCARDED: Final = Dsn("2.0.0", "undeliverable postmaster notification discarded")


@dataclass(frozen=True, slots=True)
class Route:
    """Where one recipient goes."""

    transport: str
    """"" to discard it here."""
    nexthop: str
    recipient: str


@dataclass(frozen=True, slots=True)
class RouteRules:
    """The parameters."""

    defer_transports: frozenset[str] = frozenset()
    default_filter_nexthop: str = ""
    double_bounce_sender: str = "double-bounce"


def explain(dsn: Dsn) -> str:
    """Return the nexthop by which the error and retry services know status and reason."""
    return f"{dsn.status} {dsn.reason}"


def route(message: Message, address: str, resolved: Resolved, rules: RouteRules) -> Route:
    """Return where the recipient goes."""
    found = _resolved(address, resolved)
    if found.transport not in (ERROR, RETRY) and is_double_bounce(found.recipient, resolved.address_class, rules):
        return Route("", "", found.recipient)
    if message.envelope.filter and not message.envelope.trace & TRACE_VERIFY and address:
        found = _filtered(message.envelope.filter, address, rules)
    if found.transport in rules.defer_transports and not message.flushed:
        return Route(RETRY, "4.3.2 deferred transport", found.recipient)
    return found


def _resolved(address: str, resolved: Resolved) -> Route:
    recipient = resolved.recipient or address
    if not address:
        return Route(ERROR, "5.1.3 null recipient address", address)
    if resolved.problem:
        return Route(RETRY, "4.3.0 address resolver failure", address)
    if not resolved.transport:
        return Route(ERROR, "5.1.3 bad address syntax", address)
    return Route(resolved.transport, resolved.nexthop, recipient)


def is_double_bounce(recipient: str, address_class: str, rules: RouteRules) -> bool:
    """Tell whether this is the address that undeliverable notices to the postmaster are sent from."""
    if address_class != "local":
        return False
    return recipient.rpartition("@")[0].lower() == rules.double_bounce_sender.lower() != ""


def _filtered(spec: str, recipient: str, rules: RouteRules) -> Route:
    transport, _, nexthop = spec.partition(":")
    if not transport:
        return Route(RETRY, f"4.3.5 content filter without transport: {spec}", recipient)
    return Route(transport, nexthop or rules.default_filter_nexthop or recipient.rpartition("@")[2], recipient)

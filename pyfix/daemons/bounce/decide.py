"""Decide who is told what about a message. Pure.

A failure is told to the sender, and to the postmaster where notify_classes asks for copies. A failed notice (null
sender) is a double bounce: it goes to the postmaster as a whole, from an address of its own. When that fails too,
nobody is left. The same ladder serves delay warnings and reports.
See: notify_classes; RFC 3461 section 6, RFC 3834 section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never

from pyfix.mail.ipc.messages import (
    NOTIFY_DELAY,
    NOTIFY_FAILURE,
    RET_FULL,
    RET_HDRS,
    TRACE_RECORD,
    TRACE_VERIFY,
    Envelope,
)
from pyfix.mail.notices.template import Kind


class Role(Enum):
    """What a process is for; the value is the folder of its logs, whatever the name of the service."""

    BOUNCE = "bounce"
    DEFER = "defer"
    TRACE = "trace"


class Withheld(Enum):
    """Why nobody is told."""

    NOT_WANTED = ""
    DOUBLE_BOUNCE = "double-bounce"
    SINGLE_BOUNCE = "single-bounce"


@dataclass(frozen=True, slots=True)
class Plan:
    """One notice to send."""

    kind: Kind
    sender: str
    """Envelope sender: empty, or the double-bounce address."""
    recipient: str
    event: str
    """How the log calls it."""
    returned: int
    """RET_FULL or RET_HDRS."""
    notify: int = 0
    """Only recipients whose NOTIFY asks for this; 0: all."""
    is_postmaster_copy: bool = False
    is_optional: bool = False
    """A failure to send it is no reason to do everything again."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Who gets what."""

    double_bounce_sender: str
    bounce: str
    double_bounce: str
    delay: str


ANY_BOUNCE: Final = frozenset(("bounce", "2bounce"))


def plan_notices(
    role: Role, envelope: Envelope, addresses: Addresses, classes: frozenset[str]
) -> list[Plan] | Withheld:
    """Return the notices that SendNotice has to produce."""
    if envelope.sender.lower() == addresses.double_bounce_sender.lower():
        return Withheld.DOUBLE_BOUNCE
    match role:
        case Role.BOUNCE:
            return _plan_failure(envelope, addresses, classes)
        case Role.DEFER:
            return _plan_delay(envelope, addresses, classes)
        case Role.TRACE:
            return _plan_report(envelope, addresses, classes)
    assert_never(role)


def _plan_failure(envelope: Envelope, addresses: Addresses, classes: frozenset[str]) -> list[Plan] | Withheld:
    event = "postmaster non-delivery notification"
    sender = addresses.double_bounce_sender
    if not envelope.sender:
        if not classes & ANY_BOUNCE:
            return Withheld.NOT_WANTED
        return [Plan(Kind.FAILURE, sender, addresses.double_bounce, event, RET_FULL, is_postmaster_copy=True)]
    returned = envelope.ret or RET_FULL
    plans = [
        Plan(Kind.FAILURE, "", envelope.sender, "sender non-delivery notification", returned, notify=NOTIFY_FAILURE)
    ]
    if "bounce" in classes:
        plans.append(
            Plan(
                Kind.FAILURE, sender, addresses.bounce, event, RET_HDRS, is_postmaster_copy=True, is_optional=True
            )
        )  # fmt: skip
    return plans


def _plan_delay(envelope: Envelope, addresses: Addresses, classes: frozenset[str]) -> list[Plan] | Withheld:
    plans: list[Plan] = []
    if envelope.sender:
        event = "sender delay notification"
        plans.append(Plan(Kind.DELAY, "", envelope.sender, event, RET_HDRS, notify=NOTIFY_DELAY))
    if "delay" in classes:
        sender, event = addresses.double_bounce_sender, "postmaster delay notification"
        plans.append(
            Plan(Kind.DELAY, sender, addresses.delay, event, RET_HDRS, is_postmaster_copy=True, is_optional=True)
        )
    return plans or Withheld.NOT_WANTED


def _plan_report(envelope: Envelope, addresses: Addresses, classes: frozenset[str]) -> list[Plan] | Withheld:
    kind = Kind.VERIFY if envelope.trace & (TRACE_VERIFY | TRACE_RECORD) else Kind.SUCCESS
    event = "sender delivery status notification"
    if envelope.sender:
        return [Plan(kind, "", envelope.sender, event, RET_HDRS)]
    if not classes & ANY_BOUNCE:
        return Withheld.SINGLE_BOUNCE
    return [Plan(kind, addresses.double_bounce_sender, addresses.double_bounce, event, RET_HDRS)]

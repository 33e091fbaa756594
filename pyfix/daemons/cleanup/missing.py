"""Headers that a message of ours must have and lacks, in Postfix's order. Pure.

A resent message (RFC 5322 section 3.6.6) gets the Resent- forms, and is complete without the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyfix.mail.message import generated
from pyfix.mail.message.dates import format_date

_DESTINATIONS: Final = frozenset((b"to", b"cc", b"resent-to", b"resent-cc"))


@dataclass(frozen=True, slots=True)
class Origin:
    """What the new headers are made of."""

    queue_id: str
    hostname: str
    arrival: float
    sender: str
    long_id: bool
    undisclosed: str
    """undisclosed_recipients_header, or ""."""


@dataclass(frozen=True, slots=True)
class Added:
    """Lines to append to the header block, and the message id in them ("" when there was one)."""

    lines: str
    message_id: str


def make_missing_headers(seen: set[bytes], is_resent: bool, origin: Origin) -> Added:
    """Return the headers to add to a block in which `seen` occurred."""
    prefix = "Resent-" if is_resent else ""

    def lacks(name: str) -> bool:
        return (prefix + name).lower().encode() not in seen

    lines = []
    message_id = ""
    if lacks("Message-Id"):
        made = generated.message_id(origin.queue_id, origin.hostname, origin.arrival, long_id=origin.long_id)
        message_id = f"<{made}>"
        lines.append(f"{prefix}Message-Id: {message_id}\n")
    if lacks("Date"):
        lines.append(f"{prefix}Date: {format_date(origin.arrival)}\n")
    if lacks("From"):
        lines.append(f"{prefix}From: {generated.from_value(origin.sender, '')}\n")
    if origin.undisclosed and not seen & _DESTINATIONS:
        lines.append(origin.undisclosed + "\n")
    return Added("".join(lines), message_id)

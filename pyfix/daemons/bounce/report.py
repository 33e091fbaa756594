"""The two parts of a notice that tell about recipients: one for people, one for programs. Pure.

What a stranger's server or address says is printed with control characters masked, so that nothing it contains can
become a header or a MIME boundary.
See: RFC 3464 (delivery-status fields), RFC 6533 (UTF-8 addresses).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyfix.base.log import sanitize
from pyfix.daemons.bounce.recipient_log import Entry
from pyfix.mail.message.dates import format_date
from pyfix.mail.message.wrap import fold
from pyfix.mail.notices.template import Kind

_REPORTED_VERBS: Final = {"bounced": "failed", "deferred": "delayed"}


def explain(entry: Entry) -> str:
    """Return the paragraph for people: address, colon, reason."""
    address, original = entry.outcome.address, entry.recipient.original
    expanded = f" (expanded from <{original}>)" if original and original.lower() != address.lower() else ""
    return fold(sanitize(f"<{address}>{expanded}: {entry.outcome.dsn.reason}")) + "\n"


@dataclass(frozen=True, slots=True)
class MessageFields:
    """What the fields about the message as a whole are made of."""

    hostname: str
    mail_name: str
    queue_id: str
    envid: str
    sender: str
    arrival: float


def message_fields(about: MessageFields) -> str:
    """Return the per-message fields (RFC 3464 section 2.2)."""
    name = about.mail_name.replace(" ", "-")
    envid = f"Original-Envelope-Id: {sanitize(about.envid)}\n" if about.envid else ""
    return (
        f"Reporting-MTA: dns; {about.hostname}\n{envid}"
        f"X-{name}-Queue-ID: {about.queue_id}\n"
        f"X-{name}-Sender: {address_type(about.sender)}; {sanitize(about.sender)}\n"
        f"Arrival-Date: {format_date(about.arrival)}\n"
    )


def recipient_fields(entry: Entry, kind: Kind, retry_until: float) -> str:
    """Return the fields of one recipient (RFC 3464 section 2.3)."""
    address, dsn = entry.outcome.address, entry.outcome.dsn
    original = entry.recipient.orcpt or f"rfc822;{entry.recipient.original or address}"
    fields = [
        f"Final-Recipient: {address_type(address)}; {sanitize(address)}",
        f"Original-Recipient: {sanitize(original)}",
        f"Action: {_action(entry, kind)}",
        f"Status: {dsn.status}",
    ]
    if dsn.mta:
        fields.append(f"Remote-MTA: dns; {sanitize(dsn.mta)}")
    diagnostic = f"{dsn.diagnostic_type}; {dsn.diagnostic}" if dsn.diagnostic else f"X-Postfix; {dsn.reason}"
    fields.append(fold(f"Diagnostic-Code: {sanitize(diagnostic)}"))
    if kind is Kind.DELAY:
        fields.append(f"Will-Retry-Until: {format_date(retry_until)}")
    return "".join(f"{field}\n" for field in fields)


def address_type(address: str) -> str:
    """Return the type name of an address (RFC 6533 section 3)."""
    return "rfc822" if address.isascii() else "utf-8"


def _action(entry: Entry, kind: Kind) -> str:
    """A recipient that waited too long comes to the bounce log as it was, deferred: it has failed now."""
    match kind:
        case Kind.FAILURE:
            return "failed"
        case Kind.DELAY:
            return "delayed"
        case _:
            return _REPORTED_VERBS.get(entry.outcome.verb, entry.outcome.verb)

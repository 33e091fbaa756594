"""Find out whether a server can have a message: what it offers, and that it is not this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyfix.base.log import Log
from pyfix.daemons.smtp import verdict
from pyfix.daemons.smtp.connection import Connection
from pyfix.daemons.smtp.destination import SMTP_PORT
from pyfix.daemons.smtp.settings import ClientSettings
from pyfix.mail.delivery import Content
from pyfix.mail.ipc.messages import Deliver, Dsn, Recipient

_HEADER_LIMIT: Final = 256 * 1024


def check_greeting(
    connection: Connection, settings: ClientSettings, log: Log, nexthop: str, *, is_best: bool
) -> Dsn | None:
    """Return why the server is this machine, which only a wrong DNS or route can cause; None when it is not."""
    if connection.endpoint.port != SMTP_PORT or settings.session.lmtp:
        return None
    me = settings.myhostname.lower()
    relay = connection.endpoint.relay
    if connection.greeting_name.lower() == me:
        log.warning(f"host {relay} greeted me with my own hostname {settings.myhostname}")
    if connection.session.features.server_name.lower() == me:
        log.warning(f"host {relay} replied to HELO/EHLO with my own hostname {settings.myhostname}")
        return verdict.loops(nexthop, best=is_best)
    return None


def check_features(
    connection: Connection, request: Deliver, content: Content, recipients: Sequence[Recipient]
) -> Dsn | None:
    """Return why the server can't take this message at all, None when it can."""
    features = connection.session.features
    envelope = request.envelope
    peer = connection.endpoint.peer
    if envelope.smtputf8 and not features.smtputf8 and _requires_smtputf8(request, content, recipients):
        return verdict.needs_smtputf8(peer)
    if features.size_limit and features.size_limit < envelope.size:
        return verdict.too_big(envelope.size, features.size_limit, peer)
    return None


def _requires_smtputf8(request: Deliver, content: Content, recipients: Sequence[Recipient]) -> bool:
    """True when an address or a header needs more than ASCII; a flag alone is no obstacle."""
    if not request.envelope.sender.isascii() or not all(rcpt.address.isascii() for rcpt in recipients):
        return True
    head = content.read_range(0, _HEADER_LIMIT)
    end = head.find(b"\n\n")
    return not (head if end < 0 else head[:end]).isascii()

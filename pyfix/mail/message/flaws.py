"""What must not stand in an envelope, however it came in.

Addresses and ids end up in lines: of the log, of SMTP commands, of Return-Path: and X-Original-To:, of mbox files. A
line end in one of them would forge the next line, and a lone surrogate can't be written at all. So control characters
are refused at every way in (sendmail, pickup, cleanup), not quoted at every way out.

An address is as long as Postfix lets a record of pickup's input be, and smtpd a command line: the default of
line_length_limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from pyfix.mail.ipc.messages import Envelope, LocalSubmit, Recipient

LENGTH_LIMIT: Final = 2048
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ENCODINGS: Final = ("", "7bit", "8bit")
_CONTEXTS: Final = ("local", "remote")


class Flaw(Enum):
    """What is wrong, with the status of RFC 3463 and Postfix's text."""

    SENDER = ("5.1.7", "Bad sender address syntax")
    RECIPIENT = ("5.1.3", "Bad recipient address syntax")
    ENVELOPE = ("5.5.4", "Bad envelope parameter syntax")
    NAME = ("5.5.4", "Bad full name syntax")

    def __init__(self, status: str, reason: str) -> None:
        self.status = status
        self.reason = reason


def is_clean(text: str) -> bool:
    """True for a text of one line, of bearable length, that UTF-8 can express."""
    if len(text) > LENGTH_LIMIT:
        return False
    if text.isascii():
        return text.isprintable()
    return _FORBIDDEN.search(text) is None and len(text.encode()) <= LENGTH_LIMIT


def find_flaw(envelope: Envelope, recipients: Iterable[Recipient]) -> Flaw | None:
    """Return what is wrong with an envelope, None for nothing."""
    if not is_clean(envelope.sender):
        return Flaw.SENDER
    for recipient in recipients:
        if not (is_clean(recipient.address) and is_clean(recipient.original) and is_clean(recipient.orcpt)):
            return Flaw.RECIPIENT
    others = (envelope.envid, envelope.filter, envelope.redirect)
    is_known = envelope.encoding in _ENCODINGS and envelope.rewrite_context in _CONTEXTS
    return None if is_known and all(map(is_clean, others)) else Flaw.ENVELOPE


def find_flaw_in_request(request: LocalSubmit) -> Flaw | None:
    """Return what is wrong with what a local user asks for, None for nothing."""
    if request.sender is not None and not is_clean(request.sender):
        return Flaw.SENDER
    if not all(map(is_clean, request.recipients)) or not all(is_clean(option.orcpt) for option in request.options):
        return Flaw.RECIPIENT
    if request.options and len(request.options) != len(request.recipients):
        return Flaw.ENVELOPE
    if not is_clean(request.full_name):
        return Flaw.NAME
    is_known = request.encoding in _ENCODINGS and request.rewrite_context in _CONTEXTS
    return None if is_known and is_clean(request.envid) else Flaw.ENVELOPE

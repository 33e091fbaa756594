"""Why cleanup does not take a message, with the reply that smtpd gives for it."""

from __future__ import annotations

import errno
from typing import Final

from pyfix.mail.message.flaws import Flaw

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class Refusal(Exception):
    """The message is not accepted: SMTP code, RFC 3463 status and the text behind them."""

    def __init__(self, code: int, status: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.status = status
        self.reason = reason

    @property
    def is_permanent(self) -> bool:
        return self.status.startswith("5")


def too_many_hops() -> Refusal:
    return Refusal(554, "5.4.0", "Error: too many hops")


def too_big() -> Refusal:
    return Refusal(552, "5.3.4", "Error: message file too big")


def no_recipients() -> Refusal:
    return Refusal(550, "5.1.0", "Error: no recipients specified")


def write_error(error: OSError | None = None) -> Refusal:
    """The queue file could not be written; a full disk has its own code (RFC 5321 section 4.2.3, 452)."""
    if error is not None and error.errno in _FULL:
        return Refusal(452, "4.3.1", "Insufficient system storage")
    return Refusal(451, "4.3.0", "Error: queue file write error")


def bad_request() -> Refusal:
    return Refusal(451, "4.3.0", "Error: internal protocol error")


def bad_envelope(flaw: Flaw) -> Refusal:
    """An address or another text that must not get into a line."""
    return Refusal(501, flaw.status, flaw.reason)


def expansion_error() -> Refusal:
    return Refusal(451, "4.6.0", "Alias expansion error")

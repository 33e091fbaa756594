"""The lines that a delivery puts before the message.

From_ (mbox and commands), Return-Path:, X-Original-To: and Delivered-To:, in this order; virtual and local write the
same ones. Addresses are in external form already and are written as they are. The original address is empty, and its
header left out, when cleanup did not keep it (enable_original_recipient).
See: local(8), virtual(8), prepend_delivered_header.
"""

from __future__ import annotations

import time


def from_line(sender: str, now: float) -> bytes:
    """Return the "From sender time" line that starts a message in an mbox."""
    return f"From {sender or 'MAILER-DAEMON'}  {time.asctime(time.localtime(now))}\n".encode()


def delivery_headers(sender: str | None, original: str, delivered: str) -> bytes:
    """Return the header lines; an `original` or `delivered` that is empty, or a sender None, gives no line."""
    path = "" if sender is None else f"Return-Path: <{sender}>\n"
    original_to = f"X-Original-To: {original}\n" if original else ""
    delivered_to = f"Delivered-To: {delivered}\n" if delivered else ""
    return f"{path}{original_to}{delivered_to}".encode()

"""Put a message of our own into a Maildir, past its quota: it counts, and has room in any case."""

from __future__ import annotations

import os

from pyfix.mail.delivery.content import Content
from pyfix.mail.mailbox.maildir import MaildirWriter
from pyfix.mail.mailbox.quota.account import Account


def deliver_notice(maildir: str, account: Account, message: bytes) -> str:
    """Deliver, durably, and return the path; raises MailboxError, OSError."""
    fd = os.memfd_create("notice", os.MFD_CLOEXEC)
    try:
        os.write(fd, message)
        writer = MaildirWriter(Content(fd, 0, len(message)), names_sizes=True)
        return writer.finish(writer.begin(maildir, b"Return-Path: <>\n"), account, is_forced=True)
    finally:
        os.close(fd)

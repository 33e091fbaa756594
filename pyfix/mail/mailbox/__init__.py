"""Mailboxes: how a message gets into a Maildir or an mbox file, durably, or not at all.

Both writers act with the rights in force (the caller has become the recipient), take the content from the queue file,
and return only when the message is on stable storage. Failures are `MailboxError` with the status that Postfix gives.
"""

from pyfix.mail.mailbox.errors import MailboxError
from pyfix.mail.mailbox.lock import LockParameters, LockPolicy
from pyfix.mail.mailbox.loop import delivered_to
from pyfix.mail.mailbox.maildir import Draft, MaildirWriter
from pyfix.mail.mailbox.mbox import Mbox, Owner
from pyfix.mail.mailbox.params import MailboxParameters, check_limit
from pyfix.mail.mailbox.prepend import delivery_headers, from_line

__all__ = [
    "Draft",
    "LockParameters",
    "LockPolicy",
    "MailboxError",
    "MailboxParameters",
    "MaildirWriter",
    "Mbox",
    "Owner",
    "check_limit",
    "delivered_to",
    "delivery_headers",
    "from_line",
]

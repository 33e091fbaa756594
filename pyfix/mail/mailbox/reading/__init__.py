"""Mailboxes as readers see them: messages with sizes, unique ids and flags, their bytes, and their removal.

`open_mailbox` lists the messages once, `measure` learns the sizes that nothing has kept; both forms of mailboxes are
the same to the caller. Nothing here changes a mailbox but `expunge`, with these exceptions: a Maildir gets
`pyfix-sizes` (sizes.py), a lock file for the session (session_lock.py), and lines in a `dovecot-uidlist` that is there
(uidlist.py).

Every call blocks for as long as the disk takes, and acts with the rights in force. Failures are ReadingError.
"""

from pyfix.mail.mailbox.reading.errors import MailboxInUse, MailboxUnavailable, MessageGone, ReadingError
from pyfix.mail.mailbox.reading.location import open_mailbox
from pyfix.mail.mailbox.reading.protocol import ReadableMailbox, Removed
from pyfix.mail.mailbox.reading.stream import MessageStream

__all__ = [
    "MailboxInUse",
    "MailboxUnavailable",
    "MessageGone",
    "MessageStream",
    "ReadableMailbox",
    "ReadingError",
    "Removed",
    "open_mailbox",
]

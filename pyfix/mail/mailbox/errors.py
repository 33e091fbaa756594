"""What goes wrong with a mailbox, and the status that says whose fault it is."""

from __future__ import annotations

import errno
import os

_FULL_MAILBOX = (errno.EDQUOT, errno.EFBIG)
_TRY_AGAIN = (errno.EAGAIN, errno.ESTALE, errno.ETIMEDOUT)


class MailboxError(Exception):
    """Delivery to a mailbox failed; `status` is the RFC 3463 code, `number` the system's error or 0."""

    def __init__(self, status: str, reason: str, number: int = 0) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.number = number

    @property
    def is_access_problem(self) -> bool:
        """True when the recipient's own rights did not suffice."""
        return self.number == errno.EACCES


def status_of(number: int, otherwise: str) -> str:
    """Return the status for a system error: a busy file 4.2.0, a full disk 4.3.0, a full mailbox 5.2.2."""
    if number in _TRY_AGAIN:
        return "4.2.0"
    if number == errno.ENOSPC:
        return "4.3.0"
    return "5.2.2" if number in _FULL_MAILBOX else otherwise


def system_error(what: str, error: OSError, otherwise: str) -> MailboxError:
    """Return the error for a system call that failed while doing `what`."""
    number = error.errno or 0
    return MailboxError(status_of(number, otherwise), f"{what}: {os.strerror(number)}", number)


def too_large(otherwise: str = "5.2.2") -> MailboxError:
    """Return what the kernel says of a file that would exceed its limit."""
    return MailboxError(otherwise, f"error writing message: {os.strerror(errno.EFBIG)}", errno.EFBIG)

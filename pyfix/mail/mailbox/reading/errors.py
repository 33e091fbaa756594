"""What keeps a reader from a mailbox, a message, or the only session: the text names the path and the remedy."""

from __future__ import annotations

import errno
import os


class ReadingError(Exception):
    """Something is wrong with a mailbox; the text is for the log, never for a client."""


class MailboxUnavailable(ReadingError):
    """The mailbox cannot be read or changed now, or as it is; nothing has been changed."""


class MailboxInUse(ReadingError):
    """Another session has the mailbox, or another program has locked it."""


class MessageGone(ReadingError):
    """The message is not there any more: another program has removed it."""


_REMEDIES = {
    errno.EACCES: "give its owner the right to it",
    errno.EPERM: "give its owner the right to it",
    errno.ENOENT: "create it, or correct the location of the mailbox",
    errno.ENOTDIR: "correct the location of the mailbox",
    errno.ELOOP: "replace the symbolic link by what it points to",
    errno.ENOSPC: "make room on its file system",
    errno.EDQUOT: "raise the disk quota of its owner",
    errno.EROFS: "mount its file system for writing",
    errno.EMFILE: "raise the limit of open files of the process",
    errno.ENFILE: "raise fs.file-max of the system",
}


def unavailable(what: str, path: str, error: OSError) -> MailboxUnavailable:
    """Return the error for a system call that failed while doing `what` with `path`."""
    number = error.errno or 0
    remedy = _REMEDIES.get(number)
    return MailboxUnavailable(f"{what} {path!r}: {os.strerror(number)}" + (f" ({remedy})" if remedy else ""))

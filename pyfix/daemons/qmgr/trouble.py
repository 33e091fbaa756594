"""A queue file that can't be used: one of them must not stop all other mail.

    gone                        somebody took it away: whatever may lie there now is left alone
    damaged, or somebody else's to corrupt/, for a person to look at
    any other error             may pass (a disk, memory, descriptors): deferred, and tried again like other mail

In each case no more is read of it, and the recipients that are in work come to their end first.
"""

from __future__ import annotations

import errno
from typing import Final

from pyfix.base.log import Log
from pyfix.daemons.qmgr import log as events
from pyfix.daemons.qmgr.message import Message
from pyfix.mail.queue import CorruptFile

_NOT_OURS: Final = (errno.EACCES, errno.EPERM)


def lasting_fault(queue_id: str, error: OSError | CorruptFile) -> str:
    """Return why the file is of no use to anybody before a person has looked at it; empty where that may pass."""
    if isinstance(error, CorruptFile):
        return error.reason
    return f"queue file active/{queue_id}: {error.strerror}" if error.errno in _NOT_OURS else ""


def give_up_file(log: Log, message: Message, error: OSError | CorruptFile) -> None:
    """Read no more of an active message, and note what is to become of its file."""
    message.next_start = None
    if isinstance(error, FileNotFoundError):
        message.gone = True
    elif fault := lasting_fault(message.id, error):
        message.corrupt = fault
    else:
        assert isinstance(error, OSError)
        events.file_failed(log, message.id, error)
        message.deferred = True

"""The mail queue on disk: the only code that opens a queue file.

One message is one file: a preamble of fixed size, the content as one contiguous range, one status byte a recipient, the
envelope, the recipients in blocks (`format.py`). A file bears its final name from the start; the owner's execute bit
says that it is complete, and is set before the one fsync. What lacks the bit is debris of a sender that never got an
answer. Moves between queues are renames.

Failures: OSError as the kernel gives it (a full disk, say); `CorruptFile` with the reason for anything that does not
hold together. Who meets a corrupt file gives it to `Queue.quarantine`.
"""

from pyfix.mail.queue.disk import Disk
from pyfix.mail.queue.file import QueueFile
from pyfix.mail.queue.format import CorruptFile
from pyfix.mail.queue.gather import MEMORY_LIMIT, gather
from pyfix.mail.queue.newfile import NewFile, QueueFileInfo
from pyfix.mail.queue.queue import LOG_NAMES, QUEUE_NAMES, Queue
from pyfix.mail.queue.scan import Entry, scan_problem

__all__ = [
    "LOG_NAMES",
    "MEMORY_LIMIT",
    "QUEUE_NAMES",
    "CorruptFile",
    "Disk",
    "Entry",
    "NewFile",
    "Queue",
    "QueueFile",
    "QueueFileInfo",
    "gather",
    "scan_problem",
]

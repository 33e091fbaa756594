"""The listing of the queue: what showq sends, and what postqueue makes itself when the mail system is down.

Files that vanish while the listing is made are passed over; so are unreadable ones, after `warn` was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pyfix.base.accounts import shown_login_name
from pyfix.base.failure import words_for
from pyfix.mail.ipc.messages import QueueEntry
from pyfix.mail.queue.delays import read_delay_reasons
from pyfix.mail.queue.format import CorruptFile
from pyfix.mail.queue.maildrop import BadDropFile, DropFile, open_drop_file
from pyfix.mail.queue.queue import Queue
from pyfix.mail.queue.scan import Entry, scan_problem

LISTED: Final = ("maildrop", "active", "incoming", "deferred", "hold")
NULL_SENDER: Final = "MAILER-DAEMON"


def list_queue(queue: Queue, warn: Callable[[str], None]) -> Iterator[QueueEntry]:
    """Yield every complete message, one queue after the other."""
    for name in LISTED:
        for entry in _complete_files(queue, name, warn):
            try:
                yield _describe(queue, name, entry.id)
            except FileNotFoundError:
                continue
            except (OSError, CorruptFile, BadDropFile) as error:
                warn(f"{name}/{entry.id}: {words_for(error)}")


def _complete_files(queue: Queue, name: str, warn: Callable[[str], None]) -> Iterator[Entry]:
    entries = queue.scan(name, lambda error: warn(scan_problem(name, error)))
    return (entry for entry in entries if entry.complete)


def _describe(queue: Queue, name: str, queue_id: str) -> QueueEntry:
    if name == "maildrop":
        file = open_drop_file(queue.path(name, queue_id))
        try:
            if not file.is_queue_file:
                return _describe_drop(queue_id, file)
        finally:
            file.close()
    return _describe_message(queue, name, queue_id)


def _describe_drop(queue_id: str, file: DropFile) -> QueueEntry:
    submit = file.read_submission()
    sender = submit.sender if submit.sender is not None else shown_login_name(file.uid, f"uid {file.uid}")
    recipients = [(address, "") for address in submit.recipients]
    return QueueEntry("maildrop", queue_id, file.mtime, file.size, sender or NULL_SENDER, recipients)


def _describe_message(queue: Queue, name: str, queue_id: str) -> QueueEntry:
    with queue.open(name, queue_id) as file:
        recipients, _ = file.read_recipients()
        envelope = file.envelope
    reasons = read_delay_reasons(queue, queue_id) if name in ("deferred", "hold") else {}
    return QueueEntry(
        name,
        queue_id,
        envelope.arrival,
        envelope.size,
        envelope.sender or NULL_SENDER,
        [(recipient.address, reasons.get(recipient.position, "")) for recipient in recipients],
    )

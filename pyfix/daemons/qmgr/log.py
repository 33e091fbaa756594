"""The log lines of qmgr, one function an event, in Postfix's words."""

from __future__ import annotations

from pyfix.base import clock
from pyfix.base.log import Log
from pyfix.daemons.qmgr.message import Message
from pyfix.mail.ipc.messages import Dsn, Recipient
from pyfix.mail.maillog import Stages, delivery_status
from pyfix.mail.queue import scan_problem


def opened(log: Log, message: Message) -> None:
    """A message entered the active queue."""
    envelope = message.envelope
    log.info(
        f"{message.id}: from=<{envelope.sender}>, size={envelope.size}, nrcpt={envelope.recipient_count} (queue active)"
    )


def removed(log: Log, message: Message) -> None:
    """Nothing is left to do."""
    log.info(f"{message.id}: removed")


def expired(log: Log, message: Message) -> None:
    """What remained of an old message was given up."""
    log.info(f"{message.id}: from=<{message.envelope.sender}>, status=expired, returned to sender")


def still_delivered(log: Log, queue_id: str) -> None:
    """An agent that outlived the last qmgr still works on the file."""
    log.info(f"{queue_id}: skipped, still being delivered")


def vanished(log: Log, message: Message) -> None:
    """Somebody took the file away while it was active: postsuper, say."""
    log.warning(f"{message.id}: no longer in queue active")


def recovered(log: Log, queue_id: str) -> None:
    """At start: the message was active when the last qmgr ended."""
    log.debug(f"{queue_id}: moved from active to incoming")


def debris_removed(log: Log, name: str) -> None:
    """A file that its writer never completed, and nobody was promised anything about."""
    log.info(f"{name}: removed incomplete file from queue incoming")


def corrupt(log: Log, queue_id: str, reason: str, action: str) -> None:
    """A queue file does not hold together; `action` is what Queue.quarantine said."""
    log.warning(f"{queue_id}: {reason}")
    log.warning(action)


def file_failed(log: Log, queue_id: str, error: OSError) -> None:
    """A queue file can't be read or written; the message waits."""
    log.warning(f"{queue_id}: queue file active/{queue_id}: {error.strerror}")


def scan_failed(log: Log, name: str, error: OSError) -> None:
    """A file or directory of a queue can't be looked at; the next scan tries again."""
    log.warning(scan_problem(name, error))


def rename_failed(log: Log, queue_id: str, old: str, new: str, error: OSError) -> None:
    """The file system refused; it is tried again."""
    log.warning(f"{queue_id}: rename from {old} to {new}: {error.strerror}")


def remove_failed(log: Log, queue_id: str, error: OSError) -> None:
    """The file system refused; it is tried again."""
    log.warning(f"{queue_id}: remove {queue_id} from active: {error.strerror}")


def service_failed(log: Log, queue_id: str, service: str, error: Exception) -> None:
    """The bounce, defer or trace service could not do what it was asked to."""
    log.warning(f"{queue_id}: {service} service failure: {error}")


def resolver_failed(log: Log, error: Exception) -> None:
    """No address can be resolved for now; all mail waits."""
    log.warning(f"problem talking to service rewrite: {error}")


def transport_unreachable(log: Log, path: str, reason: str) -> None:
    """Nobody listens for a transport."""
    log.warning(f"connect to transport {path}: {reason}")


def transport_failed(log: Log, transport: str) -> None:
    """An agent ended without answering."""
    log.warning(
        f"transport {transport} failure"
        " -- see a previous warning/fatal/panic logfile record for the problem description"
    )


def deferred(log: Log, message: Message, recipient: Recipient, dsn: Dsn) -> None:
    """A recipient that no agent could take, not even the one that only says so."""
    _status(log, message, recipient, dsn, "deferred")


def discarded(log: Log, message: Message, recipient: Recipient, dsn: Dsn) -> None:
    """Mail to the sender of double bounces ends here."""
    _status(log, message, recipient, dsn, "sent")


def _status(log: Log, message: Message, recipient: Recipient, dsn: Dsn, status: str) -> None:
    delays = Stages(message.envelope.arrival, message.active_since).text(clock.now(), 2)
    delivery_status(
        log, message.id, recipient.address, recipient.original, "none", delays, dsn.status, status, dsn.reason
    )

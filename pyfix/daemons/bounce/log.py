"""The log lines that only the bounce daemon writes."""

from __future__ import annotations

from pyfix.base.log import Log


def notice_sent(log: Log, queue_id: str, what: str, notice_id: str) -> None:
    """A notice about `queue_id` is in the queue: "sender non-delivery notification" and its kin."""
    log.info(f"{queue_id}: {what}: {notice_id}")


def postmaster_notice_discarded(log: Log, queue_id: str) -> None:
    """Mail from the double-bounce address failed: there is nobody left to tell."""
    log.warning(f"{queue_id}: undeliverable postmaster notification discarded")


def report_withheld(log: Log, queue_id: str, bounce: str) -> None:
    """No report on the delivery of a bounce; `bounce` is "single-bounce" or "double-bounce"."""
    log.info(f"{queue_id}: not sending trace/success notification for {bounce} message")


def postmaster_copy_failed(log: Log, queue_id: str, sender: str, reason: str) -> None:
    """The sender has been told, the postmaster has not; no reason to tell the sender again."""
    log.warning(f"{queue_id}: postmaster notice failed while bouncing to {sender}: {reason}")


def record_damaged(log: Log, path: str, offset: int) -> None:
    """A crash tore a record, or somebody edited the file."""
    log.warning(f"{path}: damaged record at offset {offset} ignored")


def message_unreadable(log: Log, queue_id: str, reason: str) -> None:
    """The notice goes out without the message that it is about."""
    log.warning(f"{queue_id}: cannot read the message for its notice: {reason}")


def request_failed(log: Log, queue_id: str, reason: str) -> None:
    """qmgr will ask again."""
    log.warning(f"{queue_id}: {reason}")

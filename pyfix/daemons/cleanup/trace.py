"""The success notice for a recipient that was expanded: cleanup knows of it, and nobody after it will.

The trace log is written before the message is complete, so that whoever finds the message finds the log; qmgr turns it
into a notice when the message ends (qmgr/finish.py). A log that can't be written costs the notice, not the mail.
See: RFC 3461 section 5.2.7.3.
"""

from __future__ import annotations

from typing import Final

from pyfix.base.log import Log
from pyfix.mail.ipc.client import Channel, IpcError
from pyfix.mail.ipc.messages import Done, DropLog, Dsn, LogRecipient, Message, Outcome, Recipient

_EXPANDED: Final = Dsn("2.0.0", "aliased to multiple recipients")


class TraceLog:
    """Writes through the trace service; never raises."""

    def __init__(self, service: Channel, log: Log) -> None:
        self._service = service
        self._log = log

    def record(self, queue_id: str, recipients: list[Recipient]) -> None:
        """Note that these recipients became several."""
        for recipient in recipients:
            outcome = Outcome(-1, "expanded", _EXPANDED, recipient.address)
            self._call(queue_id, LogRecipient(queue_id, recipient, outcome))

    def drop(self, queue_id: str) -> None:
        """Forget a message that did not come to be."""
        self._call(queue_id, DropLog(queue_id))

    def _call(self, queue_id: str, request: Message) -> None:
        try:
            self._service.call(request, Done)
        except IpcError as error:
            self._log.warning(f"{queue_id}: trace logfile update error: {error}")

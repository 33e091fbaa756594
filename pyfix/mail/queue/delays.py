"""Why recipients of a queued message were delayed, as the defer service recorded it. Reading only, and never failing:
a log that is not there, or a record that can't be read, just tells nothing.

A log holds one JSON record a line; the last one about a recipient counts.
"""

from __future__ import annotations

import msgspec

from pyfix.mail.ipc.messages import Outcome, Recipient
from pyfix.mail.queue.queue import Queue


class _Record(msgspec.Struct):
    recipient: Recipient
    outcome: Outcome


_decode = msgspec.json.Decoder(_Record).decode


def read_delay_reasons(queue: Queue, queue_id: str) -> dict[int, str]:
    """Return position of recipient -> reason."""
    try:
        with open(queue.path("defer", queue_id), "rb") as file:
            lines = file.readlines()
    except OSError:
        return {}
    reasons: dict[int, str] = {}
    for line in lines:
        try:
            record = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        reasons[record.recipient.position] = record.outcome.dsn.reason
    return reasons

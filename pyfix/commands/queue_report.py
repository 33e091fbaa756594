"""The listing of the queue as text and as JSON, exactly as Postfix's postqueue prints it. Pure.

A queue id is marked `*` in the active queue and `!` on hold. Recipients with one reason for their delay stand below it.
See: postqueue(1), JSON OBJECT FORMAT.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from typing import Final

from pyfix.mail.ipc.messages import QueueEntry

_MARKS: Final = {"active": "*", "hold": "!"}
_REASON_COLUMN: Final = 76


def list_text(entries: Iterable[QueueEntry], *, long_ids: bool) -> Iterator[str]:
    """Yield the report line by line, with line ends; "Mail queue is empty" for an empty queue."""
    count = 0
    size = 0
    for entry in entries:
        if not count:
            yield _heading(long_ids)
        count += 1
        size += entry.size
        yield from _describe(entry, long_ids)
    if count:
        yield f"-- {size // 1024} Kbytes in {count} Request{'s' if count != 1 else ''}.\n"
    else:
        yield "Mail queue is empty\n"


def _heading(long_ids: bool) -> str:
    if long_ids:
        return "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n"
    return "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n"


def _describe(entry: QueueEntry, long_ids: bool) -> Iterator[str]:
    queue_id = entry.queue_id + _MARKS.get(entry.queue_name, "")
    date = time.ctime(entry.arrival)
    if long_ids:
        yield f"{queue_id:<17} {entry.size:8} {date[:19]} {entry.sender}\n"
    else:
        yield f"{queue_id:<11} {entry.size:7} {date[:20]} {entry.sender}\n"
    indent = " " * (47 if long_ids else 41)
    last_reason = ""
    for address, reason in entry.recipients:
        if reason and reason != last_reason:
            yield f"{' ' * max(0, _REASON_COLUMN - len(reason))}({reason})\n"
        last_reason = reason
        yield f"{indent}{address}\n"
    yield "\n"


def list_json(entries: Iterable[QueueEntry]) -> Iterator[str]:
    """Yield one JSON object a line."""
    for entry in entries:
        yield json.dumps(_as_object(entry), ensure_ascii=False) + "\n"


def _as_object(entry: QueueEntry) -> dict[str, object]:
    return {
        "queue_name": entry.queue_name,
        "queue_id": entry.queue_id,
        "arrival_time": int(entry.arrival),
        "message_size": entry.size,
        "forced_expire": False,
        "sender": entry.sender,
        "recipients": [
            {"address": address, "delay_reason": reason} if reason else {"address": address}
            for address, reason in entry.recipients
        ],
    }

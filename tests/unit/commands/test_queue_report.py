"""The listing of the queue: the expected text was printed by Postfix 3.7."""

import json
import time
from collections.abc import Iterator

import pytest

from pyfix.commands.queue_report import list_json, list_text
from pyfix.mail.ipc.messages import QueueEntry

REASON = "deferred transport"
ENTRIES = [
    QueueEntry("maildrop", "DC11220C25C", 1795416346.9, 79, "root", [("u3@bench.test", "")]),
    QueueEntry(
        "deferred",
        "D1C1620C25D",
        1795416346.0,
        341,
        "a" * 65 + "@bench.test",
        [("b@bench.test", REASON), ("u@bench.test", REASON)],
    ),
    QueueEntry(
        "hold", "B0D7320C25B", 1795416345.0, 5271, "MAILER-DAEMON", [("u9@bench.test", REASON), ("x@y", "other")]
    ),
    QueueEntry("active", "B0D7320C2", 1795416345.0, 1017, "s@x", [("u9@bench.test", "")]),
]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Dates are in local time: fix it."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_short_ids_are_listed_as_postfix_does() -> None:
    """Marks, columns and reasons."""
    assert "".join(list_text(ENTRIES, long_ids=False)) == (
        "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n"
        "DC11220C25C      79 Mon Nov 23 06:45:46  root\n"
        "                                         u3@bench.test\n"
        "\n"
        f"D1C1620C25D     341 Mon Nov 23 06:45:46  {'a' * 65}@bench.test\n"
        "                                                          (deferred transport)\n"
        "                                         b@bench.test\n"
        "                                         u@bench.test\n"
        "\n"
        "B0D7320C25B!    5271 Mon Nov 23 06:45:45  MAILER-DAEMON\n"
        "                                                          (deferred transport)\n"
        "                                         u9@bench.test\n"
        "                                                                       (other)\n"
        "                                         x@y\n"
        "\n"
        "B0D7320C2*     1017 Mon Nov 23 06:45:45  s@x\n"
        "                                         u9@bench.test\n"
        "\n"
        "-- 6 Kbytes in 4 Requests.\n"
    )


def test_long_ids_are_listed_as_postfix_does() -> None:
    """With other columns."""
    entry = QueueEntry("deferred", "4jXwv13HrkzJ9B2", 1795415181.0, 306, "a@bench.test", [("u1@bench.test", REASON)])
    assert "".join(list_text([entry], long_ids=True)) == (
        "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n"
        "4jXwv13HrkzJ9B2        306 Mon Nov 23 06:26:21 a@bench.test\n"
        "                                                          (deferred transport)\n"
        "                                               u1@bench.test\n"
        "\n"
        "-- 0 Kbytes in 1 Request.\n"
    )


def test_an_empty_queue_is_said_to_be() -> None:
    """Scripts look for this line."""
    assert list(list_text([], long_ids=False)) == ["Mail queue is empty\n"]


def test_json_is_that_of_postfix() -> None:
    """An object a line, with Postfix's members in Postfix's order."""
    lines = list(list_json(ENTRIES))
    assert lines[0] == (
        '{"queue_name": "maildrop", "queue_id": "DC11220C25C", "arrival_time": 1795416346, "message_size": 79, '
        '"forced_expire": false, "sender": "root", "recipients": [{"address": "u3@bench.test"}]}\n'
    )
    assert json.loads(lines[1])["recipients"][0] == {"address": "b@bench.test", "delay_reason": REASON}

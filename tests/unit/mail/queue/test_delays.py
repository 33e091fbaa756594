"""Reasons of delay in the listing, read from logs that the defer service wrote."""

from pathlib import Path

from pyfix.daemons.bounce.recipient_log import RecipientLog
from pyfix.mail.ipc.messages import Dsn, Envelope, Outcome, Recipient
from pyfix.mail.queue import Queue
from pyfix.mail.queue.delays import read_delay_reasons
from pyfix.mail.queue.listing import list_queue


def test_the_last_reason_of_each_recipient_is_listed(tmp_path: Path) -> None:
    """A damaged record tells nothing and harms nobody; a recipient that is done is not listed."""
    for name in ("incoming", "deferred", "defer"):
        (tmp_path / name).mkdir()
    queue = Queue(str(tmp_path))
    file = queue.create()
    rcpts = [Recipient(f"u{number}@x.y") for number in range(3)]
    file.commit(Envelope("s@x.y", 5.0, 0), rcpts, content=[b"12345"])
    queue.move(file.id, "incoming", "deferred")
    path = queue.path("defer", file.id)
    log = RecipientLog(path)
    for recipient, reason in ((rcpts[0], "first"), (rcpts[1], "other"), (rcpts[0], "second")):
        outcome = Outcome(recipient.position, "deferred", Dsn("4.0.0", reason), recipient.address)
        log.append(recipient, outcome)
    with open(path, "ab") as damaged:
        damaged.write(b'{"recipient": torn')
    assert read_delay_reasons(queue, file.id) == {0: "second", 1: "other"}
    warnings: list[str] = []
    (entry,) = list_queue(queue, warnings.append)
    assert entry.recipients == [("u0@x.y", "second"), ("u1@x.y", "other"), ("u2@x.y", "")]
    assert warnings == []


def test_without_a_log_there_are_no_reasons(tmp_path: Path) -> None:
    """A message that was not tried yet."""
    assert read_delay_reasons(Queue(str(tmp_path)), "ABCDEF1") == {}

"""default_delivery_status_filter: what became of a delivery, in other words."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.delivery import DeliveryParameters, Job
from pyfix.mail.delivery.status_filter import StatusFilter
from pyfix.mail.ipc.messages import NOTIFY_SUCCESS, Deliver, Delivered, Dsn, Envelope, Recipient
from pyfix.mail.queue import Queue

LATER = Dsn("4.7.4", "TLS is required, but host x refused", "smtp", "454 no", "x.test")


def make(table: str, log: MemoryLog | None = None) -> StatusFilter:
    """Return a filter of one table."""
    config = Config.from_text("")
    return StatusFilter.open([table] if table else [], "default_delivery_status_filter", config, log or MemoryLog())


@pytest.mark.parametrize(
    ("table", "dsn", "expected"),
    [
        ("", Dsn("2.0.0", "ok"), Dsn("2.0.0", "ok")),
        ("inline:{ {2.0.0 ok = 2.1.5 delivered} }", Dsn("2.0.0", "ok"), Dsn("2.1.5", "delivered")),
        ("inline:{ {2.0.0 other = 2.1.5 delivered} }", Dsn("2.0.0", "ok"), Dsn("2.0.0", "ok")),
        (
            "regexp:{ {/^4(\\.[0-9]+\\.[0-9]+ TLS is required.*)/ 5$1} }",
            LATER,
            Dsn("5.7.4", LATER.reason, "smtp", "454 no", "x.test"),
        ),
        ("static:{4.0.0 try later}", Dsn("5.1.1", "unknown"), Dsn("4.0.0", "try later")),
    ],
)
def test_tables_are_asked_for_status_and_text(table: str, dsn: Dsn, expected: Dsn) -> None:
    """The server's own words for notices stay."""
    assert make(table).apply(dsn) == expected


@pytest.mark.parametrize(
    ("result", "dsn"),
    [
        ("5.0.0 no", Dsn("2.0.0", "ok")), ("2.0.0 ok", Dsn("5.0.0", "no")), ("5.0.0", Dsn("5.0.0", "no")),
        ("try again", Dsn("5.0.0", "no")), ("3.0.0 what", Dsn("4.0.0", "no")),
    ],
)  # fmt: skip
def test_bad_answer_changes_nothing(result: str, dsn: Dsn) -> None:
    """A failure can't become a success; the log says why."""
    log = MemoryLog()
    assert make(f"static:{{{result}}}", log).apply(dsn) == dsn
    assert f'ignoring bad result "{result}"' in log.lines[0]


def test_table_without_an_answer_changes_nothing() -> None:
    """Mail is not delivered twice because a table is down."""
    log = MemoryLog()
    assert make("fail:now", log).apply(Dsn("2.0.0", "ok")) == Dsn("2.0.0", "ok")
    assert len(log.lines) == 1


def test_server_that_all_deliveries_would_wait_for_is_refused() -> None:
    """smtp and lmtp have one event loop."""
    with pytest.raises(ConfigError, match="all deliveries would wait for the server"):
        StatusFilter.open(
            ["tcp:127.0.0.1:1"], "smtp_delivery_status_filter", Config.from_text(""), MemoryLog(), may_wait=False
        )


def deliver(root: Path, table: str, main_cf: str = "") -> tuple[Delivered, list[str]]:
    """Let one of three recipients be sent, deferred, bounced; return the answer and the statuses in the log."""
    for name in ("incoming", "active"):
        (root / name).mkdir()
    queue, log = Queue(str(root)), MemoryLog()
    new = queue.create()
    rcpts = [Recipient(f"{n}@b.test", f"{n}@b.test", notify=NOTIFY_SUCCESS) for n in "abc"]
    envelope = Envelope("s@x.test", 100.0, 0)
    info = new.commit(envelope, rcpts, content=[b"Subject: x\n\nbody\n"])
    queue.move(new.id, "incoming", "active")
    request = Deliver(7, new.id, "x", envelope, rcpts, info.content_offset, info.content_length, 100.0, True)
    params = Config.from_text(main_cf).read(DeliveryParameters)
    with Job(request, queue, log, params, "virtual", make(table)) as job:
        first, second, third = job.open_recipients
        job.sent(first, "fine")
        job.deferred(second, Dsn("4.2.2", "full"))
        job.bounced(third, Dsn("5.1.1", "unknown"))
        return job.finish(), [line.partition(" status=")[2] for line in log.lines]


def test_filter_decides_between_later_and_never(tmp_path: Path) -> None:
    """The log line, the verdict and the notice agree."""
    table = "inline:{ {2.0.0 fine = 2.1.0 good}, {4.2.2 full = 5.2.2 full for good}, {5.1.1 unknown = 4.1.1 not yet} }"
    answer, logged = deliver(tmp_path, table)
    assert logged == ["sent (good)", "bounced (full for good)", "deferred (not yet)"]
    verdicts = [(outcome.verb, outcome.dsn.status) for outcome in answer.outcomes]
    assert verdicts == [("delivered", "2.1.0"), ("bounced", "5.2.2"), ("deferred", "4.1.1")]


def test_soft_bounce_comes_behind_the_filter(tmp_path: Path) -> None:
    """Nothing is returned while it is on."""
    answer, _ = deliver(tmp_path, "inline:{ {4.2.2 full = 5.2.2 full for good} }", "soft_bounce = yes\n")
    assert [outcome.verb for outcome in answer.outcomes] == ["delivered", "deferred", "deferred"]

"""error, retry and discard over their sockets."""

from pathlib import Path

import pytest
from harness import run_worker
from mail_agents import deliver, enqueue, left, verbs

from pyfix.daemons.discard.daemon import SERVICE as DISCARD
from pyfix.daemons.error.daemon import SERVICE as ERROR


@pytest.mark.parametrize(
    ("service", "nexthop", "verb", "status", "reason"),
    [
        ("error", "5.1.2 bad domain", "bounced", "5.1.2", "bad domain"),
        ("error", "plain text", "bounced", "5.0.0", "plain text"),
        ("error", "4.4.4 odd", "bounced", "5.0.0", "4.4.4 odd"),
        ("retry", "4.3.2 later", "deferred", "4.3.2", "later"),
        ("retry", "just text", "deferred", "4.0.0", "just text"),
    ],
)
def test_error_fails_all_recipients(
    tmp_path: Path, service: str, nexthop: str, verb: str, status: str, reason: str
) -> None:
    """The nexthop is the reason; the service name decides between bounce and deferral."""
    with run_worker(ERROR, "", tmp_path, name=service) as worker:
        request = enqueue(tmp_path, ["a@b.test", "c@b.test"], nexthop=nexthop)
        assert verbs(deliver(worker, request)) == [("a@b.test", verb, status), ("c@b.test", verb, status)]
        line = worker.wait_for_line("to=<a@b.test>, relay=none, delay=")
        assert line.endswith(f"dsn={status}, status={verb} ({reason})")
    assert left(tmp_path, request) == ["a@b.test", "c@b.test"]


@pytest.mark.parametrize(
    ("nexthop", "status", "reason"), [("gone fishing", "2.0.0", "gone fishing"), ("2.1.0 hm", "2.1.0", "hm")]
)
def test_discard_says_sent(tmp_path: Path, nexthop: str, status: str, reason: str) -> None:
    """Nobody gets it, nobody is told."""
    with run_worker(DISCARD, "", tmp_path, name="discard") as worker:
        request = enqueue(tmp_path, ["a@b.test"], nexthop=nexthop)
        assert deliver(worker, request).outcomes == []
        assert worker.wait_for_line("relay=none, delay=").endswith(f"dsn={status}, status=sent ({reason})")
    assert left(tmp_path, request) == []

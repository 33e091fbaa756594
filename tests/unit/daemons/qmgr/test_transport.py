"""What main.cf says about the concurrency of a transport reaches the windows of its destinations."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from pyfix.base.log import Log
from pyfix.daemons.qmgr.deliver import Pool
from pyfix.daemons.qmgr.destination import Destination
from pyfix.daemons.qmgr.params import QmgrParameters
from pyfix.daemons.qmgr.transport import Transports
from pyfix.mail.config import Config
from pyfix.mail.ipc.messages import Dsn

DOWN = Dsn("4.4.1", "connect to mx.example.test: Connection refused")
DEAD = 0
"""Stands for a window where the destination died."""


def destination(main_cf: str, transport: str = "smtp", log: Log | None = None) -> Destination:
    """The destination of a recipient of a transport, under this main.cf."""
    params = Config.from_text(main_cf).read(QmgrParameters)
    transports = Transports(params, log or Mock(spec=Log), lambda made: Mock(spec=Pool))
    return transports.get(transport).destination("example.test", "alice@example.test")


def windows(main_cf: str, events: str, transport: str = "smtp") -> list[int]:
    """The window before and after each event: + is a delivery in a window in full use, - a failure."""
    made = destination(main_cf, transport)
    seen = [made.window]
    for event in events:
        made.busy = made.window
        if event == "+":
            made.succeed()
        else:
            made.fail(DOWN, 0)
        seen.append(DEAD if made.reason else made.window)
    return seen


@pytest.mark.parametrize("transport", ["smtp", "other"])
@pytest.mark.parametrize("own", ["default_destination_", "smtp_destination_"])
@pytest.mark.parametrize(
    ("name", "value", "events", "with_it", "without"),
    [
        ("concurrency_limit", "6", "+++", [5, 6, 6, 6], [5, 6, 7, 8]),
        ("concurrency_positive_feedback", "1/concurrency", "+++++", [5, 5, 5, 5, 5, 6], [5, 6, 7, 8, 9, 10]),
        ("concurrency_positive_feedback", "0", "++", [5, 5, 5], [5, 6, 7]),
        ("concurrency_negative_feedback", "1/2", "---", [5, 4, 4, 3], [5, 4, 3, 2]),
        ("concurrency_negative_feedback", "0", "---", [5, 5, 5, 5], [5, 4, 3, 2]),
        ("concurrency_failed_cohort_limit", "2", "-----", [5, 4, 3, 2, 1, DEAD], [5, 4, 3, 2, DEAD, DEAD]),
        ("concurrency_failed_cohort_limit", "0", "-----", [5, 4, 3, 2, 1, 1], [5, 4, 3, 2, DEAD, DEAD]),
        ("rate_delay", "2s", "++", [1, 1, 1], [5, 6, 7]),
    ],
)
def test_limit_of_all_transports_and_of_one(
    transport: str, own: str, name: str, value: str, events: str, with_it: list[int], without: list[int]
) -> None:
    """default_destination_* counts for all transports, smtp_destination_* for smtp alone."""
    concerned = transport == "smtp" or own.startswith("default")
    assert windows(f"{own}{name} = {value}\n", events, transport) == (with_it if concerned else without)


@pytest.mark.parametrize(
    ("main_cf", "smtp", "other"),
    [
        ("initial_destination_concurrency = 3\n", 3, 3),
        ("smtp_initial_destination_concurrency = 3\n", 3, 5),
        ("initial_destination_concurrency = 2\nsmtp_initial_destination_concurrency = 7\n", 7, 2),
        ("initial_destination_concurrency = 30\n", 20, 20),
    ],
)
def test_first_window(main_cf: str, smtp: int, other: int) -> None:
    """initial_destination_concurrency, of all or of one; never beyond the limit."""
    assert (destination(main_cf).window, destination(main_cf, "other").window) == (smtp, other)


def test_value_of_one_transport_wins_over_the_default() -> None:
    """The more particular word counts, whatever the order."""
    text = "smtp_destination_concurrency_limit = 9\ndefault_destination_concurrency_limit = 6\n"
    assert windows(text, "+" * 6)[-1] == 9
    assert windows(text, "+" * 6, "other")[-1] == 6


def test_local_has_limits_of_its_own() -> None:
    """Two deliveries at once to a user; each recipient is a destination."""
    assert windows("", "+++", "local") == [2, 2, 2, 2]
    assert destination("", "local").key == "alice@example.test"
    assert destination("").key == "example.test"
    assert destination("smtp_destination_recipient_limit = 1\n").key == "alice@example.test"
    assert destination("default_destination_recipient_limit = 1\n", "other").key == "alice@example.test"


@pytest.mark.parametrize("sign", ["positive", "negative"])
def test_bad_feedback_is_warned_about_and_counts_as_1(sign: str) -> None:
    """Mail that waits is worse than a window of another size."""
    log = Mock(spec=Log)
    made = destination(f"smtp_destination_concurrency_{sign}_feedback = 7\n", log=log)
    log.warning.assert_called_once_with(
        f"smtp_destination_concurrency_{sign}_feedback: ignoring malformed or unreasonable feedback: 7"
    )
    made.busy = 5
    made.succeed()
    made.fail(DOWN, 0)
    assert made.window == 5

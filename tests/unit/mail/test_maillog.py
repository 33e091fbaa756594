"""The log lines that several processes share."""

import pytest

from pyfix.base.log import MemoryLog
from pyfix.mail.maillog import Stages, delivery_status, pretty_delay


@pytest.mark.parametrize(
    ("seconds", "digits", "text"),
    [
        (0, 2, "0"), (-1, 2, "0"), (0.004999, 2, "0"), (0.005, 2, "0.01"), (0.012345, 2, "0.01"), (0.999999, 2, "1"),
        (1.0, 2, "1"), (1.249999, 2, "1.2"), (1.25, 2, "1.3"), (9.95, 2, "10"), (10.5, 2, "11"), (99.499999, 2, "99"),
        (0.004999, 6, "0.005"), (0.000999, 6, "0.001"), (0.12345, 6, "0.12"), (0.000035, 5, "0.00004"),
        (0.4, 0, "0"), (1.5, 0, "2"), (0.25, 1, "0.3"), (86400.2, 2, "86400"),
    ],
)  # fmt: skip
def test_delay_has_two_significant_digits_within_the_limit(seconds: float, digits: int, text: str) -> None:
    """Figures are rounded as Postfix rounds them."""
    assert pretty_delay(seconds, digits) == text


def test_delays_sum_up_the_four_stages() -> None:
    """An agent with a network shows the time that the connection took as the third figure."""
    stages = Stages(arrival=100.0, active=100.5, handoff=102.0, connected=105.0)
    assert stages.text(115.0, 2) == "delay=15, delays=0.5/1.5/3/10"


def test_delays_of_an_agent_without_network_have_no_connection_time() -> None:
    """The third figure is 0 for virtual and local."""
    assert Stages(100.0, 100.01, 100.02).text(100.03, 2) == "delay=0.03, delays=0.01/0.01/0/0.01"


def test_delays_without_an_agent_end_in_the_queue_manager() -> None:
    """What qmgr decides by itself took time nowhere else."""
    assert Stages(100.0, 101.0).text(104.0, 2) == "delay=4, delays=1/3/0/0"


def test_delivery_line_is_postfix_grammar() -> None:
    """The one line that everybody greps."""
    log = MemoryLog()
    delivery_status(
        log, "ABC", "a@b", "c@b", "virtual", "delay=1, delays=1/0/0/0", "2.0.0", "sent", "delivered to maildir"
    )
    head = "ABC: to=<a@b>, orig_to=<c@b>, relay=virtual, delay=1, delays=1/0/0/0"
    assert log.lines == [f"{head}, dsn=2.0.0, status=sent (delivered to maildir)"]


def test_original_address_that_differs_in_case_only_is_not_shown() -> None:
    """orig_to= tells of aliasing, not of spelling."""
    log = MemoryLog()
    delivery_status(log, "ABC", "a@b", "A@B", "", "delay=0, delays=0/0/0/0", "4.0.0", "deferred", "x")
    assert log.lines == ["ABC: to=<a@b>, relay=none, delay=0, delays=0/0/0/0, dsn=4.0.0, status=deferred (x)"]


def test_connection_that_is_used_again_is_counted() -> None:
    """conn_use= shows from the second delivery on."""
    log = MemoryLog()
    for uses in (1, 2):
        delivery_status(
            log, "A", "a@b", "", "h[1.2.3.4]:25", "delay=0, delays=0/0/0/0", "2.0.0", "sent", "x", uses=uses
        )
    assert "conn_use" not in log.lines[0]
    assert ", relay=h[1.2.3.4]:25, conn_use=2, delay=0" in log.lines[1]

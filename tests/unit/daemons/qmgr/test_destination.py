"""The concurrency window and its feedback."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.qmgr.destination import Destination, Feedback, FeedbackError, WindowLimits
from pyfix.mail.ipc.messages import Dsn

DOWN = Dsn("4.4.1", "connect to mx.example.test: Connection refused")


def make(busy: int = 0, **limits: object) -> Destination:
    """A destination with this many deliveries under way."""
    destination = Destination("example.test", "example.test", WindowLimits(**limits))  # type: ignore[arg-type]  # test
    destination.busy = busy
    return destination


def succeed(destination: Destination, times: int) -> None:
    """Deliveries that end well while the window is in full use."""
    for _ in range(times):
        destination.busy = destination.window
        destination.succeed()


@pytest.mark.parametrize(
    ("text", "window", "value"),
    [("1", 5, 1.0), ("0", 5, 0.0), ("0.5", 5, 0.5), (".5", 5, 0.5), ("1/5", 9, 0.2), ("1 / concurrency", 4, 0.25),
     ("0.5/concurrency", 5, 0.1), (" 1/ 10 ", 1, 0.1)],
)  # fmt: skip
def test_feedback_forms(text: str, window: int, value: float) -> None:
    """A number, a fraction, or a number over the present concurrency."""
    assert Feedback.parse(text).value(window) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "2", "-1", "1/0", "x", "1/x", "concurrency", "1/2/3", "5/2", "1" * 20])
def test_bad_feedback_is_refused(text: str) -> None:
    """Anything else, and anything above 1, is an error."""
    with pytest.raises(FeedbackError):
        Feedback.parse(text)


def test_window_starts_at_the_initial_concurrency() -> None:
    """initial_destination_concurrency."""
    assert make(initial=5).window == 5


def test_window_starts_at_the_limit_if_that_is_less() -> None:
    """As local with its limit of 2."""
    assert make(initial=5, limit=2).window == 2


def test_each_success_widens_the_window_to_the_limit() -> None:
    """Positive feedback 1: by one each time, no further than the limit."""
    destination = make(initial=5, limit=8)
    succeed(destination, 2)
    assert destination.window == 7
    succeed(destination, 10)
    assert destination.window == 8


def test_limit_zero_is_no_limit() -> None:
    """default_destination_concurrency_limit = 0."""
    destination = make(limit=0)
    succeed(destination, 100)
    assert destination.window == 105


def test_window_of_an_idle_destination_does_not_grow() -> None:
    """One delivery at a time proves nothing about twenty."""
    destination = make(initial=5, limit=20)
    for _ in range(50):
        destination.busy = 1
        destination.succeed()
    assert destination.window == 6


def test_positive_feedback_counts_at_the_end_of_a_sequence() -> None:
    """1/concurrency: after as many successes as the window is wide."""
    destination = make(initial=5, positive=Feedback.parse("1/concurrency"))
    succeed(destination, 4)
    assert destination.window == 5
    succeed(destination, 1)
    assert destination.window == 6


def test_negative_feedback_counts_at_the_start_of_a_sequence() -> None:
    """1/2: the first, the third, the fifth failure."""
    destination = make(initial=10, negative=Feedback.parse("1/2"), failed_cohorts=100)
    windows = []
    for _ in range(5):
        destination.fail(DOWN, 0)
        windows.append(destination.window)
    assert windows == [9, 9, 8, 8, 7]


def test_window_never_shrinks_below_one() -> None:
    """With the cohort limit off, a destination is tried for ever, one at a time."""
    destination = make(initial=3, failed_cohorts=0)
    assert not any(destination.fail(DOWN, 0) for _ in range(100))
    assert destination.window == 1
    assert destination.reason is None


def test_zero_feedback_and_no_cohorts_are_immune() -> None:
    """The setting that postconf(5) gives for that."""
    destination = make(initial=3, negative=Feedback(0.0), failed_cohorts=0)
    for _ in range(100):
        destination.fail(DOWN, 0)
    assert destination.window == 3


def test_failed_cohort_makes_the_destination_dead() -> None:
    """As Postfix: at window 5 the fourth failure in a row (1/5 + 1/4 + 1/3 + 1/2)."""
    destination = make(initial=5)
    assert [destination.fail(DOWN, 300) for _ in range(4)] == [False, False, False, True]
    assert destination.reason == DOWN
    assert destination.revive_at == 300


def test_success_clears_the_failures_before_it() -> None:
    """Only failures in a row count."""
    destination = make(initial=5)
    for _ in range(3):
        destination.fail(DOWN, 0)
    destination.succeed()
    assert not destination.fail(DOWN, 0)


def test_window_of_one_dies_at_the_first_failure() -> None:
    """Which is why a rate delay wants a larger cohort limit."""
    assert make(initial=1).fail(DOWN, 0)


def test_later_failures_of_a_dead_destination_change_nothing() -> None:
    """Deliveries that were under way do not put off its return."""
    destination = make(initial=1)
    destination.fail(DOWN, 300)
    assert not destination.fail(Dsn("4.4.2", "other"), 900)
    assert destination.revive_at == 300
    assert destination.reason == DOWN


def test_success_of_a_delivery_under_way_revives() -> None:
    """The window then is what is in use."""
    destination = make(initial=1)
    destination.fail(DOWN, 300)
    destination.busy = 3
    destination.succeed()
    assert destination.reason is None
    assert destination.window == 3


def test_revived_destination_starts_anew() -> None:
    """With the initial window and no memory of failures."""
    destination = make(initial=5)
    for _ in range(4):
        destination.fail(DOWN, 300)
    destination.revive()
    assert destination.window == 5
    assert not destination.fail(DOWN, 0)


def test_rate_delay_allows_one_at_a_time() -> None:
    """However well deliveries go."""
    destination = make(initial=5, rate_delay=2.0)
    assert destination.window == 1
    destination.busy = 1
    destination.succeed()
    assert destination.window == 1


@given(
    st.lists(st.booleans(), max_size=200),
    st.integers(1, 30),
    st.integers(0, 30),
    st.sampled_from(["0", "0.3", "1", "1/3", "1/concurrency"]),
    st.sampled_from(["0", "0.3", "1", "1/3", "1/concurrency"]),
)
def test_window_stays_within_its_bounds(events: list[bool], initial: int, limit: int, plus: str, minus: str) -> None:
    """Whatever happens in whatever order: at least 1, at most the limit."""
    destination = make(initial=initial, limit=limit, positive=Feedback.parse(plus), negative=Feedback.parse(minus))
    for is_success in events:
        destination.busy = destination.window
        if is_success:
            destination.succeed()
        else:
            destination.fail(DOWN, 0)
        assert destination.window >= 1
        assert not limit or destination.window <= limit

"""When a deferred message is tried again."""

from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.qmgr.backoff import BackoffLimits, is_expired, is_warning_due, next_wait

DAY = 86400.0
LIMITS = BackoffLimits(minimal=300, maximal=4000, lifetime=5 * DAY, bounce_lifetime=DAY, warning=4 * 3600)


def test_new_message_waits_the_minimum() -> None:
    """A message that is deferred right after its arrival comes again after minimal_backoff_time."""
    assert next_wait(0, LIMITS) == 300


def test_wait_is_the_age_within_the_bounds() -> None:
    """The age of a message doubles with each attempt."""
    assert next_wait(1000, LIMITS) == 1000


def test_old_message_waits_the_maximum() -> None:
    """No wait is longer than maximal_backoff_time."""
    assert next_wait(3 * DAY, LIMITS) == 4000


def test_maximum_below_the_minimum_gives_way() -> None:
    """With contradicting settings mail is tried less often, not more."""
    assert next_wait(50, BackoffLimits(300, 100, DAY, DAY, 0)) == 300


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_wait_never_shrinks_with_age(first: float, second: float) -> None:
    """Older mail never comes sooner than younger."""
    assert next_wait(min(first, second), LIMITS) <= next_wait(max(first, second), LIMITS)


def test_message_expires_at_its_lifetime() -> None:
    """maximal_queue_lifetime counts for ordinary mail."""
    assert not is_expired(5 * DAY - 1, "a@b", LIMITS)
    assert is_expired(5 * DAY, "a@b", LIMITS)


def test_bounce_expires_at_its_own_lifetime() -> None:
    """bounce_queue_lifetime counts for mail with the null sender."""
    assert is_expired(DAY, "", LIMITS)
    assert not is_expired(DAY, "a@b", LIMITS)


def test_lifetime_zero_means_one_attempt() -> None:
    """With 0 the first deferral is the end."""
    assert is_expired(0, "a@b", BackoffLimits(300, 4000, 0, 0, 0))


def test_warning_is_due_once() -> None:
    """The sender hears of a delay after delay_warning_time, and only once."""
    assert not is_warning_due(4 * 3600 - 1, False, LIMITS)
    assert is_warning_due(4 * 3600, False, LIMITS)
    assert not is_warning_due(4 * 3600, True, LIMITS)


def test_no_warning_by_default() -> None:
    """delay_warning_time 0 means never."""
    assert not is_warning_due(4 * DAY, False, BackoffLimits(300, 4000, DAY, DAY, 0))

"""What failed logins cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.auth.penalty import Banned, Cost, Limits, Penalties, Proceed, source_of

LIMITS = Limits(2.0, 5, 600.0)
A, B = "192.0.2.1", "192.0.2.2"


def fail(penalties: Penalties, times: int, source: str = A, login: str = "joe", now: float = 0.0) -> list[Cost]:
    """Fail with another password each time."""
    return [penalties.fail(source, login, f"{now} {number}".encode(), now) for number in range(times)]


def test_each_failure_costs_twice_as_much_up_to_a_limit() -> None:
    """2, 4, 8, 15 seconds; the fifth is one too many."""
    assert [(cost.delay_s, cost.is_ban) for cost in fail(Penalties(LIMITS), 5)] == [
        (2.0, False), (4.0, False), (8.0, False), (15.0, False), (15.0, True)
    ]  # fmt: skip


def test_ban_ends() -> None:
    """And the count begins anew."""
    penalties = Penalties(LIMITS)
    assert penalties.admit_source(A, 0.0) == Proceed()
    fail(penalties, 5, now=100.0)
    assert penalties.admit_source(A, 699.0) == Banned("too many failed logins from there; refused for 1s more")
    assert penalties.admit_source(B, 100.0) == Proceed()
    assert penalties.admit_source(A, 700.0) == Proceed()
    assert fail(penalties, 1, now=700.0, login="ann") == [Cost(2.0)]


def test_same_wrong_password_counts_once() -> None:
    """A mail program that asks every minute with the old one."""
    penalties = Penalties(LIMITS)
    assert {penalties.fail(A, "joe", b"old", float(minute * 60)) for minute in range(100)} == {Cost(2.0)}
    assert penalties.fail(A, "joe", b"other", 6000.0) == Cost(4.0)


def test_unknown_password_counts_each_time() -> None:
    """Mechanisms that send none."""
    penalties = Penalties(LIMITS)
    assert [penalties.fail(A, "joe", b"", 0.0).is_ban for _ in range(5)][-1]


def test_failures_are_forgotten() -> None:
    """So long after the last one."""
    penalties = Penalties(LIMITS)
    fail(penalties, 3)
    assert fail(penalties, 1, now=599.0)[0].delay_s == 15.0
    assert fail(penalties, 1, now=1199.0)[0].delay_s == 2.0


def test_success_takes_the_failures_of_its_own_login_off() -> None:
    """Not those of others: who has an account must not guess others' for free."""
    penalties = Penalties(LIMITS)
    fail(penalties, 2, login="mine")
    fail(penalties, 2, login="other", now=1.0)
    penalties.succeed(A, "mine", 2.0)
    assert not fail(penalties, 2, login="other", now=3.0)[-1].is_ban
    assert fail(penalties, 1, login="third", now=4.0)[-1].is_ban


def test_login_under_attack_is_tried_in_turn() -> None:
    """From many addresses; its user comes in from where it succeeded before; others wait or are refused."""
    penalties = Penalties(LIMITS)
    penalties.succeed("198.51.100.1", "joe", 0.0)
    for number in range(5):
        fail(penalties, 1, f"203.0.113.{number}")
    turns = [penalties.admit_login(A, "joe", 10.0) for _ in range(9)]
    assert turns[:8] == [Proceed(2.0 * number) for number in range(8)]
    assert isinstance(turns[8], Banned)
    assert penalties.admit_login("198.51.100.1", "joe", 10.0) == Proceed()
    assert penalties.admit_login(A, "ann", 10.0) == Proceed()
    assert penalties.admit_login("", "joe", 10.0) == Proceed()
    assert penalties.admit_login(A, "joe", 700.0) == Proceed()


def test_source_that_is_not_counted_waits_and_that_is_all() -> None:
    """A client in auth_failure_exceptions."""
    penalties = Penalties(LIMITS)
    assert set(fail(penalties, 100, source="")) == {Cost(2.0)}
    penalties.succeed("", "joe", 0.0)
    assert penalties.size == 0
    assert penalties.admit_source("", 0.0) == Proceed()


def test_no_delay_and_no_limit() -> None:
    """Both may be 0."""
    assert set(fail(Penalties(Limits(0.0, 0, 600.0)), 200)) == {Cost(0.0)}


def test_long_delay_is_not_cut() -> None:
    """Who configures a minute gets a minute."""
    assert {cost.delay_s for cost in fail(Penalties(Limits(60.0, 0, 600.0)), 3)} == {60.0}


def test_tables_are_bounded() -> None:
    """However many addresses an attacker has; the oldest make room."""
    penalties = Penalties(Limits(2.0, 5, 600.0, size=100))
    for number in range(1000):
        penalties.fail(f"source {number}", f"login {number}", b"x", float(number))
        penalties.succeed(f"source {number}", f"friend {number}", float(number))
        for login in range(3):
            penalties.fail("one", f"{number} {login}", b"", 0.0)
    assert penalties.size <= 300
    assert penalties.fail("source 999", "login 999", b"y", 1000.0).delay_s == 4.0


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"), ("", ""), ("unknown", ""), ("192.0.2.1 ", ""),
    ],
)  # fmt: skip
def test_source_of_an_address(address: str, source: str) -> None:
    """IPv6 clients own a network each."""
    assert source_of(address) == source


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["admit", "login", "fail", "succeed"]), st.sampled_from([A, B, ""]),
            st.sampled_from(["joe", "ann", ""]), st.sampled_from([b"", b"x", b"y"]), st.floats(0.0, 400.0),
        ),
        max_size=40,
    )
)  # fmt: skip
def test_whatever_happens_costs_are_within_limits(events: list[tuple[str, str, str, bytes, float]]) -> None:
    """No delay beyond 15 seconds, no ban without failures, none for who is not counted."""
    penalties, now = Penalties(LIMITS), 0.0
    failures = 0
    for kind, source, login, digest, wait in events:
        now += wait
        match kind:
            case "admit":
                if isinstance(penalties.admit_source(source, now), Banned):
                    assert source and failures >= LIMITS.limit
            case "login":
                decided = penalties.admit_login(source, login, now)
                assert isinstance(decided, Banned) or 0.0 <= decided.after_s <= 15.0
            case "fail":
                failures += 1
                cost = penalties.fail(source, login, digest, now)
                assert 2.0 <= cost.delay_s <= 15.0
                assert not cost.is_ban or (source and failures >= LIMITS.limit)
            case _:
                penalties.succeed(source, login, now)

"""Tickets are good once, for a minute, and there is an end to them."""

from __future__ import annotations

from pyfix.daemons.auth.tickets import LIFETIME_S, Earned, Tickets

JOE = Earned("joe", None)


def test_ticket_is_good_once() -> None:
    """And only the one that was given."""
    tickets = Tickets()
    ticket = tickets.issue(JOE, 0.0)
    assert tickets.redeem(ticket[:-1] + "x", 1.0) is None
    assert tickets.redeem(ticket, 1.0) == JOE
    assert tickets.redeem(ticket, 1.0) is None


def test_ticket_gets_old() -> None:
    """To the second."""
    tickets = Tickets()
    first, second = tickets.issue(JOE, 0.0), tickets.issue(JOE, 0.0)
    assert first != second
    assert tickets.redeem(first, LIFETIME_S - 0.1) == JOE
    assert tickets.redeem(second, LIFETIME_S) is None


def test_tickets_that_nobody_takes_go() -> None:
    """The oldest, when there are too many."""
    tickets = Tickets(size=2)
    out = [tickets.issue(JOE, 0.0) for _ in range(3)]
    assert [tickets.redeem(ticket, 0.0) for ticket in out] == [None, JOE, JOE]

"""Counting, without a clock."""

from __future__ import annotations

from pyfix.daemons.anvil.daemon import describe
from pyfix.daemons.anvil.remotes import Peak, Remotes

A, B = "smtp:192.0.2.1", "smtp:192.0.2.2"


def test_connections_and_their_rate() -> None:
    """Of each client of each service for itself; what has ended counts no more, but its rate does."""
    remotes = Remotes(60.0)
    assert remotes.connect("p1", A, 0.0) == (1, 1)
    assert remotes.connect("p2", A, 1.0) == (2, 2)
    assert remotes.connect("p1", B, 1.0) == (1, 1)
    remotes.disconnect("p1", A)
    assert remotes.connect("p2", A, 2.0) == (2, 3)
    assert remotes.connect("p2", A, 63.0) == (3, 1)


def test_process_that_goes_takes_its_connections_along() -> None:
    """And a connection that is not known to be one is nobody's."""
    remotes = Remotes(60.0)
    for _ in range(3):
        remotes.connect("p1", A, 0.0)
    remotes.connect("p2", A, 0.0)
    remotes.forget("p1")
    remotes.forget("p3")
    remotes.disconnect("p1", A)
    remotes.disconnect("p2", B)
    assert remotes.connect("p2", A, 0.0)[0] == 2


def test_rates_begin_anew_after_their_time() -> None:
    """All of a client's together, counted from the first; a login has a time of its own."""
    remotes = Remotes(60.0)
    assert [remotes.count(A, "message", 1, 0.0, at) for at in (0.0, 30.0, 60.0, 61.0)] == [1, 2, 3, 1]
    assert remotes.count(A, "recipient", 5, 0.0, 62.0) == 5
    assert [remotes.count("login:a", "login message", 1, 3600.0, at) for at in (0.0, 3600.0, 3601.0)] == [1, 2, 1]


def test_those_who_are_gone_are_forgotten() -> None:
    """Without a connection, and after their time."""
    remotes = Remotes(60.0)
    remotes.connect("p", A, 0.0)
    remotes.count(B, "message", 1, 0.0, 0.0)
    remotes.count("login:a", "login message", 1, 3600.0, 0.0)
    remotes.prune(60.0)
    assert remotes.count(B, "message", 1, 0.0, 60.0) == 2
    remotes.prune(200.0)
    list(remotes.take_peaks())
    remotes.connect("p", A, 200.0)
    remotes.count("login:a", "login message", 1, 3600.0, 200.0)
    remotes.count(B, "message", 1, 0.0, 200.0)
    assert dict(remotes.take_peaks())["cache size"].value == 3


def test_peaks_in_the_words_and_the_order_of_postfix() -> None:
    """Once each."""
    remotes = Remotes(60.0)
    for _ in range(3):
        remotes.connect("p", A, 0.0)
    remotes.count(B, "auth", 1, 0.0, 0.0)
    remotes.count(B, "message", 2, 0.0, 0.0)
    remotes.count("login:a@b.c", "login message", 7, 3600.0, 0.0)
    lines = [describe(name, peak).partition(" at ")[0] for name, peak in remotes.take_peaks()]
    assert lines == [
        f"statistics: max connection rate 3/60s for ({A})",
        f"statistics: max connection count 3 for ({A})",
        f"statistics: max message rate 2/60s for ({B})",
        f"statistics: max auth rate 1/60s for ({B})",
        "statistics: max login message rate 7/3600s for (login:a@b.c)",
        "statistics: max cache size 3",
    ]
    assert not list(remotes.take_peaks())


def test_time_of_a_peak() -> None:
    """As ctime writes it, without day of the week and year."""
    assert len(describe("cache size", Peak(1, 0.0, "", 0.0)).partition(" at ")[2]) == len("Jan  1 00:00:00")

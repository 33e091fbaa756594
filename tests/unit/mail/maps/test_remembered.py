"""Answers of a database server count for a second."""

from __future__ import annotations

import pytest

from pyfix.mail.maps.remembered import NotRemembered, RememberedTable, memory_of, remembered
from pyfix.mail.maps.table import Table, TableError


class Server(Table):
    """Counts what it is asked."""

    remember_s = 1

    def __init__(self) -> None:
        super().__init__("mysql:x")
        self.rows: dict[str, str] = {}
        self.asked = 0
        self.is_down = False

    def lookup(self, key: str) -> str | None:
        self.asked += 1
        if self.is_down:
            raise TableError("down")
        return self.rows.get(key)


@pytest.fixture
def time_now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, which the test changes."""
    now = [100.0]
    monkeypatch.setattr("pyfix.base.clock.monotonic", lambda: now[0])
    return now


def test_an_answer_counts_until_its_time_is_over(time_now: list[float]) -> None:
    """Also that there is none."""
    server = Server()
    table = remembered(server)
    assert (table.lookup("a"), table.lookup("a"), server.asked) == (None, None, 1)
    server.rows["a"] = "1"
    time_now[0] += 0.9
    assert (table.lookup("a"), server.asked) == (None, 1)
    time_now[0] += 0.1
    assert (table.lookup("a"), server.asked) == ("1", 2)


def test_a_failure_is_not_remembered(time_now: list[float]) -> None:
    """The server is asked again at once."""
    server = Server()
    table = remembered(server)
    server.is_down = True
    with pytest.raises(TableError):
        table.lookup("a")
    server.is_down = False
    assert table.lookup("a") is None


def test_memory_is_bounded(time_now: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers choose the keys."""
    monkeypatch.setattr("pyfix.mail.maps.remembered._MOST", 3)
    table = RememberedTable(Server())
    for number in range(100):
        table.lookup(str(number))
        assert len(table._answers) <= 3


def test_a_table_whose_answers_do_not_last_is_asked_itself() -> None:
    """remember_interval = 0, and all tables but those of servers."""
    server = Server()
    server.remember_s = 0
    assert remembered(server) is server


def test_memory_answers_or_says_that_it_cannot(time_now: list[float]) -> None:
    """Nobody waits for it; a list with a table that has no memory has none."""
    server = Server()
    server.blocking = True
    table = remembered(server)
    memory = memory_of([table])
    assert memory is not None
    with pytest.raises(NotRemembered):
        memory[0].lookup("a")
    table.lookup("a")
    assert (memory[0].lookup("a"), server.asked) == (None, 1)
    time_now[0] += 1
    with pytest.raises(NotRemembered):
        memory[0].lookup("a")
    assert memory_of([table, server]) is None

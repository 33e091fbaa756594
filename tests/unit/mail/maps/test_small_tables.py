"""environ, internal, randmap and debug: the tables that need no file."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config
from pyfix.mail.maps import Maps, TableError, open_maps


def maps(value: str, config: Config | None = None, *, fold: bool = True) -> Maps:
    """Open the tables of a parameter called test_maps."""
    return open_maps(value, "test_maps", config or Config.from_text(""), fold=fold)


def test_environ_looks_up_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys fold, so names in upper case are found only where keys do not."""
    monkeypatch.setenv("test_name", "low")
    monkeypatch.setenv("TEST_NAME", "up")
    assert maps("environ:x").lookup("TEST_NAME") == "low"
    assert maps("environ:x", fold=False).lookup("TEST_NAME") == "up"
    assert maps("environ:x").lookup("no_such_name") is None


def test_internal_is_empty_and_can_be_listed() -> None:
    """Nothing that a process has stored outlives it."""
    table = maps("internal:x")
    assert table.lookup("a") is None
    assert list(table.tables[0].entries()) == []


def test_randmap_gives_each_value_in_the_end() -> None:
    """One of them each time, for whatever key."""
    table = maps("randmap:{one, two three}")
    assert {table.lookup(str(number)) for number in range(200)} == {"one", "two", "three"}


def test_debug_logs_key_and_result() -> None:
    """Found, not found, and a table that fails."""
    config = Config.from_text("")
    config.log = log = MemoryLog()
    assert maps("debug:inline:{a=b}", config).lookup("a") == "b"
    assert maps("debug:inline:{a=b}", config).lookup("x") is None
    with pytest.raises(TableError):
        maps("debug:fail:now", config).lookup("a")
    assert log.lines == [
        'inline:{a=b} lookup: "a" = "b"',
        'inline:{a=b} lookup: "x" = "not_found"',
        'fail:now lookup: "a" = "error"',
    ]


def test_debug_is_of_the_kind_of_what_it_watches(tmp_path: object) -> None:
    """Patterns, waiting, and the list of entries."""
    assert maps("debug:regexp:{{/a/ b}}").tables[0].is_pattern
    assert maps("debug:unix:passwd.byname").blocking
    assert not maps("debug:static:x").blocking
    assert list(maps("debug:inline:{a=b}").tables[0].entries()) == [("a", "b")]


def test_threads_do_not_write_the_log_themselves() -> None:
    """What a table says in a thread is said by who has lent itself, in the thread that has opened the table."""
    config = Config.from_text("")
    config.log = log = MemoryLog()
    asked: list[str] = []

    def ask(find: Callable[[str], str | None], key: str) -> str | None:
        asked.append(key)
        return find(key)

    table = maps("debug:static:x", config)
    table.lend(ask)
    thread = threading.Thread(target=table.lookup, args=("a",))
    thread.start()
    thread.join()
    assert table.lookup("b") == "x"
    assert asked == ['static:x lookup: "a" = "x"']
    assert len(log.lines) == 2

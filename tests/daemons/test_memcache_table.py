"""memcache tables and servers that answer as the test says: limits, repetitions, backups, and who must not ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from instance import free_port
from table_server import TableServer, cut_line

from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config
from pyfix.mail.maps import Maps, TableError, open_maps

Open = Callable[..., Maps]
GOOD = b"VALUE key 0 5\r\nvalue\r\nEND\r\n"


def cut(data: bytes) -> tuple[bytes, bytes] | None:
    """Requests of one line, or of two where a value is stored."""
    first = cut_line(data)
    if first is None or not first[0].startswith(b"set "):
        return first
    second = cut_line(first[1])
    return second and (first[0] + b"\n" + second[0], second[1])


@pytest.fixture
def server() -> Iterator[TableServer]:
    """A server that has one key."""
    with TableServer(lambda request: GOOD if request == b"get key\r" else b"END\r\n", cut) as running:
        yield running


@pytest.fixture
def log() -> MemoryLog:
    """Where warnings about lookups are."""
    return MemoryLog()


@pytest.fixture
def table(server: TableServer, tmp_path: Path, log: MemoryLog) -> Open:
    """Write a file of settings and open the table."""

    def write(text: str = "", port: int = 0, *, sensitive: bool = False) -> Maps:
        (tmp_path / "t.cf").write_text(f"memcache = inet:127.0.0.1:{port or server.port}\nretry_pause = 0\n{text}")
        config = Config.from_text("")
        config.log = log
        return open_maps([f"memcache:{tmp_path}/t.cf"], "test_maps", config, sensitive=sensitive)

    return write


def test_one_connection_serves_many_lookups(table: Open, server: TableServer) -> None:
    """Keys are folded, and go through key_format."""
    maps = table("key_format = k%u\n")
    assert [maps.lookup(key) for key in ("EY@d.test", "other", "@d.test")] == ["value", None, None]
    assert server.requests == [b"get key\r", b"get kother\r"]
    assert server.clients == 1


@pytest.mark.parametrize(
    "key", ["two words", "tab\t", "line\nget key", "nul\0", "del\x7f", "x" * 251, "ü" * 126, "\udcff"]
)
def test_key_that_cannot_be_said_is_not_asked_for(key: str, table: Open, server: TableServer) -> None:
    """It cannot be there, and no key becomes a command."""
    assert table().lookup(key) is None
    assert server.requests == []


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (b"ERROR\r\n", "unexpected memcache server reply: ERROR"),
        (b"SERVER_ERROR out of memory\r\n", "unexpected memcache server reply: SERVER_ERROR out of memory"),
        (b"VALUE other 0 1\r\nx\r\nEND\r\n", "unexpected memcache server reply: VALUE other 0 1"),
        (b"VALUE key 0 -1\r\nx\r\nEND\r\n", "unexpected memcache server reply: VALUE key 0 -1"),
        (b"VALUE key 0 2\r\nxyz\r\nEND\r\n", "unexpected memcache server reply: "),
        (b"VALUE key 0 1\r\nx\r\nBAD\r\n", "unexpected memcache server reply: "),
        (b"VALUE key 0 10241\r\n", "value of 10241 bytes, data_size_limit allows 10240"),
        (b"VALUE key " + b"0" * 2000, "text longer than 1024"),
        (b"\xff\x00\r\n", r"unexpected memcache server reply: \?\?$"),
        (b"VALUE key 0 1\r\n\xff\r\nEND\r\n", "the value is not UTF-8 text"),
    ],
)
def test_reply_that_is_none_is_a_temporary_error(reply: bytes, problem: str, table: Open, server: TableServer) -> None:
    """After a second try on a new connection."""
    server.answer = lambda request: reply
    with pytest.raises(TableError, match=problem):
        table().lookup("key")
    assert len(server.requests) == (1 if "UTF-8" in problem else 2)


def test_second_try_may_be_the_good_one(table: Open, server: TableServer, log: MemoryLog) -> None:
    """Nobody is told."""
    replies = iter([b"ERROR\r\n", None, GOOD])
    server.answer = lambda request: next(replies)
    assert table("max_try = 3\n").lookup("key") == "value"
    assert log.lines == []


def test_server_that_is_down_is_asked_once(table: Open) -> None:
    """It is a temporary error."""
    port = free_port()
    with pytest.raises(TableError, match=rf"connect to 127.0.0.1:{port}: Connection refused"):
        table("retry_pause = 1000\n", port).lookup("key")


def test_silent_server_is_given_up(table: Open, server: TableServer) -> None:
    """After max_try times the timeout."""
    server.answer = lambda request: b""
    with pytest.raises(TableError, match="no answer within 1 seconds"):
        table("timeout = 1\nmax_try = 1\n").lookup("key")


def test_backup_is_asked_for_the_rest_and_remembered(table: Open, server: TableServer) -> None:
    """Under the server's name for the key; what neither has is not stored."""
    server.answer = lambda request: b"STORED\r\n" if request.startswith(b"set") else b"END\r\n"
    maps = table("backup = inline:{{key=from backup}}\nkey_format = x:%s\nflags = 7\nttl = 60\n")
    assert [maps.lookup("Key"), maps.lookup("other")] == ["from backup", None]
    stored = b"set x:key 7 60 11\r\nfrom backup\r"
    assert server.requests == [b"get x:key\r", stored, b"get x:other\r"]


def test_backup_answers_when_the_server_does_not(table: Open, log: MemoryLog) -> None:
    """With warnings."""
    port = free_port()
    maps = table("backup = inline:{{key=from backup}}\n", port)
    assert [maps.lookup("key"), maps.lookup("other")] == ["from backup", None]
    assert len(log.lines) == 3
    assert all(line.endswith(f"connect to 127.0.0.1:{port}: Connection refused") for line in log.lines)


def test_backup_that_fails_is_a_temporary_error(table: Open, server: TableServer) -> None:
    """Unless the server has the key."""
    maps = table("backup = fail:x\n")
    assert maps.lookup("key") == "value"
    with pytest.raises(TableError):
        maps.lookup("other")


def test_empty_value_is_a_mistake(table: Open, server: TableServer) -> None:
    """As in every table."""
    server.answer = lambda request: b"VALUE key 0 0\r\n\r\nEND\r\n"
    with pytest.raises(TableError, match="returns an empty string result"):
        table().lookup("key")


def test_security_sensitive_data_is_not_asked_for(table: Open, server: TableServer) -> None:
    """Whoever can reach the server could write commands into it."""
    with pytest.raises(TableError, match="map is not allowed for security sensitive data"):
        table(sensitive=True).lookup("key")
    assert server.clients == 0


def test_table_changes_with_its_backup(table: Open, tmp_path: Path) -> None:
    """The process starts anew then."""
    (tmp_path / "backup").write_text("key value\n")
    maps = table(f"backup = texthash:{tmp_path}/backup\n")
    assert not maps.has_changed()
    (tmp_path / "backup").write_text("key another value\n")
    assert maps.has_changed()
    assert list(maps.tables[0].entries()) == [("key", "value")]
    with pytest.raises(TableError, match="only its backup could list what is there"):
        table().tables[0].entries()

"""redis tables and a real Redis: keys, logins, failover, restarts, time limits, TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from certificates import certificates
from databases import Database, directory, redis_run, redis_server
from server_checks import Entry, Open, check_down_and_up, check_jail, check_restart_goes_unnoticed
from table_server import TableServer

from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import Maps, TableError, open_maps

pytestmark = pytest.mark.peer("redis-server")
ENTRY = Entry("a@d.test", "value of a@d.test")
ODD_KEYS = ["two words", "line\r\nget a", "nul\0", "müller@bücher.test", "*1", "$-1", "x" * 1000]


@pytest.fixture(scope="module")
def database(need: Callable[[str], str]) -> Iterator[Database]:
    """A server with a few keys, and a user with a password."""
    with redis_server(need) as server:
        for key in ("a@d.test", *ODD_KEYS):
            redis_run(server, "SET", key, f"value of {key}")
        redis_run(server, "SET", "alias:a", "b@d.test")
        redis_run(server, "SET", "empty", "")
        redis_run(server, "SET", "bytes", b"\xff")
        redis_run(server, "SET", "long", "x" * 100_001)
        redis_run(server, "HSET", "aliases", "a@d.test", "from a hash")
        redis_run(server, "RPUSH", "list", "x")
        redis_run(server, "SELECT", "3", "SET", "a@d.test", "in 3")
        yield server


@pytest.fixture
def table(database: Database, tmp_path: Path) -> Open:
    """Write a file of settings and open the table."""

    def write(text: str = "", hosts: str = "", config: Config | None = None, *, sensitive: bool = False) -> Maps:
        (tmp_path / "t.cf").write_text(f"hosts = {hosts or f'unix:{database.path}'}\n{text}")
        return open_maps([f"redis:{tmp_path}/t.cf"], "test_maps", config or Config.from_text(""), sensitive=sensitive)

    return write


@pytest.fixture
def restartable(database: Database) -> Iterator[Database]:
    """The server, which runs again when the test is over, with the keys that it had."""
    yield database
    database.server.stop()
    database.server.start()


def test_keys_are_looked_up_as_they_are(table: Open) -> None:
    """Whatever bytes they have; folded, though, and with formats."""
    maps = table()
    assert maps.lookup("A@D.test") == "value of a@d.test"
    assert [maps.lookup(key) for key in ODD_KEYS] == [f"value of {key}" for key in ODD_KEYS]
    assert [maps.lookup(key) for key in ("none", "empty", "\udcff")] == [None] * 3
    assert (
        table("key_format = alias:%u\nresult_format = <%u at %d for %D>\n").lookup("a@x.test")
        == "<b at d.test for x.test>"
    )
    assert table("domain = x.test\n").lookup("a@d.test") is None


def test_fields_of_a_hash_are_looked_up(table: Open) -> None:
    """The settings name it."""
    maps = table("hash = aliases\n")
    assert [maps.lookup("a@d.test"), maps.lookup("other")] == ["from a hash", None]


def test_database_is_chosen(table: Open) -> None:
    """By number."""
    assert table("db = 3\n").lookup("a@d.test") == "in 3"
    with pytest.raises(TableError, match=r"redis SELECT failed: unix:.*: ERR DB index is out of range"):
        table("db = 3000\n").lookup("a@d.test")


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("list", "redis GET failed: .*: WRONGTYPE .*; only strings are looked up, and fields of the hash"),
        ("bytes", "the value is not UTF-8 text"),
        ("long", "value of 100001 bytes, 100000 are allowed"),
    ],
)
def test_what_is_no_text_is_a_temporary_error(key: str, problem: str, table: Open) -> None:
    """It is there, and nobody knows what it means. The server is asked for other keys."""
    maps = table()
    with pytest.raises(TableError, match=problem):
        maps.lookup(key)
    assert maps.lookup("a@d.test") == "value of a@d.test"


def test_user_and_password(table: Open) -> None:
    """A wrong one, or too few rights, is a temporary error."""
    assert table("user = mail\npassword = secret\ndb = 3\n").lookup("a@d.test") == "in 3"
    with pytest.raises(TableError, match=r"redis AUTH failed: unix:.*: WRONGPASS"):
        table("user = mail\npassword = wrong\n").lookup("a@d.test")
    with pytest.raises(TableError, match=r"redis HGET failed: unix:.*: NOPERM"):
        table("user = mail\npassword = secret\nhash = aliases\n").lookup("a@d.test")
    with pytest.raises(ConfigError, match="line 2: user: there is no password for it"):
        table("user = mail\n")


def test_security_sensitive_data_needs_a_password(table: Open) -> None:
    """Anybody could write commands into the server otherwise."""
    with pytest.raises(TableError, match="map without a password is not allowed for security sensitive data"):
        table(sensitive=True).lookup("a@d.test")
    assert table("user = mail\npassword = secret\n", sensitive=True).lookup("a@d.test") == "value of a@d.test"


def test_lookup_may_be_any_threads_work(table: Open) -> None:
    """Each on a connection of its own."""
    maps = table()
    with ThreadPoolExecutor(3) as threads:
        assert set(threads.map(maps.lookup, ["a@d.test"] * 100)) == {"value of a@d.test"}
    assert maps.blocking


def test_restart_of_the_server_between_lookups_goes_unnoticed(table: Open, restartable: Database) -> None:
    """The kept connection is replaced."""
    check_restart_goes_unnoticed(table, restartable.server, ENTRY)


def test_server_that_is_down_is_a_temporary_error(
    table: Open, restartable: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left alone for a while, and asked again after that."""
    host = f"127.0.0.1:{restartable.port}"
    maps = table("retry_interval = 20\n", hosts=host)
    reason = rf"connect to redis server {host}: Connection refused"
    check_down_and_up(maps, restartable.server, ENTRY, 20, reason, monkeypatch)


def test_other_servers_are_asked_when_one_is_down(table: Open, database: Database) -> None:
    """With one warning."""
    config = Config.from_text("")
    config.log = log = MemoryLog()
    maps = table(hosts=f"unix:/nowhere inet:127.0.0.1:{database.port}", config=config)
    assert [maps.lookup("a@d.test"), maps.lookup("other")] == ["value of a@d.test", None]
    assert log.lines == ["warning: connect to redis server unix:/nowhere: No such file or directory"]


def test_silent_server_is_given_up(table: Open) -> None:
    """No thread waits for ever."""
    with TableServer(lambda request: b"") as server:
        maps = table("timeout = 1\n", hosts=f"127.0.0.1:{server.port}")
        with pytest.raises(TableError, match=r"redis GET failed: 127.0.0.1:.*: no answer within 1 seconds"):
            maps.lookup("a")


@pytest.mark.peer("openssl")
def test_tls(need: Callable[[str], str], tmp_path: Path) -> None:
    """The certificate's authority is checked where one is named, its name with tls_verify_cert."""

    def lookup(text: str) -> str | None:
        (tmp_path / "t.cf").write_text(f"hosts = 127.0.0.1:{server.port}\n{text}")
        return open_maps([f"redis:{tmp_path}/t.cf"], "test_maps", Config.from_text("")).lookup("a")

    with directory() as folder:
        certificates(need, folder)
        with redis_server(need, folder) as server:
            redis_run(server, "SET", "a", "encrypted")
            assert lookup(f"tls_CAfile = {folder}/ca.pem\n") == "encrypted"
            with pytest.raises(TableError, match="certificate verify failed"):
                lookup(f"tls_CAfile = {folder}/other.pem\n")
            with pytest.raises(TableError, match="IP address mismatch"):
                lookup(f"tls_CAfile = {folder}/ca.pem\ntls_verify_cert = yes\n")
            with pytest.raises(TableError, match="redis GET failed: "):
                lookup("timeout = 1\n")


def test_table_can_be_asked_in_a_jail(table: Open, database: Database, tmp_path: Path) -> None:
    """Everything has been loaded when it was opened; no other process has the client library."""
    table(hosts=f"127.0.0.1:{database.port}")
    check_jail(f"redis:{tmp_path}/t.cf", ENTRY, tmp_path, "pyfix.mail.maps.redis")

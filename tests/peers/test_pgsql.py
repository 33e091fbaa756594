"""pgsql tables and a real PostgreSQL: quoting, encodings, failover, restarts, time limits, TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from certificates import certificates
from databases import Database, directory, postgresql, postgresql_run
from instance import free_port
from server_checks import Entry, Open, check_down_and_up, check_jail, check_restart_goes_unnoticed

from pyfix.base import clock
from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config
from pyfix.mail.maps import Maps, TableError, open_maps

pytestmark = pytest.mark.peer("initdb", "postgres")
ENTRY = Entry("o'neil@d.test", "q")
ALIASES = "query = SELECT goto FROM alias WHERE address = '%s' ORDER BY goto\n"
LOGIN = "user = mail\npassword = secret\n"
ROWS = [
    ("a@d.test", "x@d.test"),
    ("a@d.test", "y@d.test"),
    ("o'neil@d.test", "q"),
    ("back\\slash", "b"),
    ("bücher", "ü"),
]
ATTACKS = (
    "' OR '1'='1",
    "\\' OR 1=1 -- ",
    "x' UNION SELECT goto FROM alias -- ",
    "\\",
    "'",
    "back\\\\slash",
    "\x00",
    "a@d.test\0",
)


@pytest.fixture(scope="module")
def database(need: Callable[[str], str]) -> Iterator[Database]:
    """A server with a few aliases."""
    with postgresql(need) as server:
        postgresql_run(server, "CREATE TABLE alias (address text, goto text); GRANT ALL ON alias TO mail")
        postgresql_run(server, "INSERT INTO alias VALUES (%s, %s)", list(ROWS))
        yield server


@pytest.fixture
def table(database: Database, tmp_path: Path) -> Open:
    """Write a file of settings and open the table."""

    def write(text: str = ALIASES, hosts: str = "", config: Config | None = None, dbname: str = "mail") -> Maps:
        lines = f"hosts = {hosts or f'unix:{database.path}'}\n{LOGIN}dbname = {dbname}\n{text}"
        (tmp_path / "t.cf").write_text(lines)
        return open_maps([f"pgsql:{tmp_path}/t.cf"], "test_maps", config or Config.from_text(""))

    return write


@pytest.fixture
def restartable(database: Database) -> Iterator[Database]:
    """The server, which runs again when the test is over."""
    yield database
    database.server.stop()
    database.server.start()


@pytest.mark.parametrize("mode", ["on", "off"])
@pytest.mark.parametrize("literal", ["'%s'", "E'%s'", "E'%u' || '' || e''"])
def test_key_cannot_leave_its_quotes(mode: str, literal: str, table: Open, database: Database) -> None:
    """Whatever the server takes for an escape."""
    postgresql_run(database, f"ALTER ROLE mail SET standard_conforming_strings = {mode}")
    maps = table(ALIASES.replace("'%s'", literal))
    assert maps.lookup("back\\slash") == "b"
    assert "%u" in literal or maps.lookup("O'neil@d.test") == "q"
    assert [maps.lookup(key) for key in ATTACKS] == [None] * len(ATTACKS)


@pytest.mark.parametrize("encoding", ["UTF8", "EUC_JP", "LATIN1", "SQL_ASCII"])
def test_key_that_the_database_has_no_letters_for_is_not_there(encoding: str, table: Open, database: Database) -> None:
    """In any encoding of the database; what it has letters for is found."""
    name = f"in_{encoding.lower()}"
    postgresql_run(
        database, f"CREATE DATABASE {name} ENCODING {encoding} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    )
    query = "query = SELECT 'found' WHERE '%s' IN ('abc', '{}')\n".format("ア" if encoding == "EUC_JP" else "ü")
    maps = table(query.replace("ü", "abc") if encoding == "SQL_ASCII" else query, dbname=name)
    assert maps.lookup("abc") == "found"
    assert maps.lookup("ア") == ("found" if encoding == "EUC_JP" else None)
    assert maps.lookup("€ \U0001f600") is None
    assert maps.lookup("\udcff") is None


def test_value_that_the_encoding_has_no_letters_for_is_a_temporary_error(table: Open) -> None:
    """It is there, after all."""
    maps = table("query = SELECT E'\\u20ac'\nencoding = latin1\n")
    with pytest.raises(TableError, match="has no equivalent in encoding"):
        maps.lookup("a")
    assert table("query = SELECT E'\\u20ac'\n").lookup("a") == "€"


def test_texts_are_utf8(table: Open) -> None:
    """Unless the table says otherwise: bytes as they are."""
    assert table().lookup("Bücher") == "ü"
    assert table(f"{ALIASES}encoding = latin1\n").lookup("bücher") is None
    with pytest.raises(TableError, match="the value is not UTF-8 text"):
        table("query = SELECT goto FROM alias WHERE address LIKE 'b%%cher'\nencoding = LATIN1\n").lookup("a")


def test_lookup_may_be_any_threads_work(table: Open) -> None:
    """Each on a connection of its own."""
    maps = table("query = SELECT pg_backend_pid() FROM pg_sleep(0.2)\n")
    with ThreadPoolExecutor(3) as threads:
        assert len(set(threads.map(maps.lookup, ["a", "b", "c"]))) == 3
    assert maps.blocking


def test_connection_is_kept_for_as_long_as_the_table_says(table: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute otherwise."""
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    maps = table("query = SELECT pg_backend_pid()\nidle_interval = 10\n")
    first = maps.lookup("a")
    now += 9
    assert maps.lookup("a") == first
    now += 11
    assert maps.lookup("a") != first


def test_restart_of_the_server_between_lookups_goes_unnoticed(table: Open, restartable: Database) -> None:
    """The kept connection is replaced."""
    check_restart_goes_unnoticed(table, restartable.server, ENTRY)


def test_server_that_is_down_is_a_temporary_error(
    table: Open, restartable: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left alone for a while, and asked again after that."""
    host = f"127.0.0.1:{restartable.port}"
    maps = table(f"{ALIASES}retry_interval = 20\n", hosts=host)
    reason = rf"connect to pgsql server {host}: .* Connection refused"
    check_down_and_up(maps, restartable.server, ENTRY, 20, reason, monkeypatch)


def test_other_servers_are_asked_when_one_is_down(table: Open, database: Database) -> None:
    """With one warning, without the password in it; and the one that answers is asked from then on."""
    config = Config.from_text("")
    config.log = log = MemoryLog()
    down = free_port()
    hosts = f"inet:127.0.0.1:{database.port}, postgresql://mail:secret@127.0.0.1:{down}/mail?sslmode=disable"
    while not log.lines:
        maps = table(hosts=hosts, config=config)
        assert maps.lookup("o'neil@d.test") == "q"
    for _ in range(20):
        assert maps.lookup("o'neil@d.test") == "q"
    (line,) = log.lines
    assert line.startswith(f"warning: connect to pgsql server postgresql://127.0.0.1:{down}/mail: connection to server")
    assert line.endswith("Connection refused")


def test_sockets_go_before_tcp(table: Open, database: Database) -> None:
    """A server on the same machine is asked first."""
    config = Config.from_text("")
    config.log = log = MemoryLog()
    for _ in range(20):
        maps = table(hosts=f"127.0.0.1:{free_port()} {database.path}", config=config)
        assert maps.lookup("o'neil@d.test") == "q"
    assert log.lines == []


def test_answer_that_takes_too_long_is_a_temporary_error(table: Open) -> None:
    """No thread waits for ever."""
    with pytest.raises(TableError, match=r"pgsql query failed: .*: no answer within 1 seconds"):
        table("query = SELECT pg_sleep(30)\ntimeout = 1\n").lookup("a")


def test_server_that_hangs_is_given_up(table: Open, database: Database) -> None:
    """The system takes the connection, and nobody answers."""
    maps = table(f"{ALIASES}timeout = 1\n")
    with database.server.frozen(), pytest.raises(TableError, match=r"pgsql server .*: no answer within 1 seconds"):
        maps.lookup("a")


def test_query_that_fails_leaves_the_server_in_use(table: Open) -> None:
    """It is the query's fault for this key; the next may be better."""
    maps = table("query = SELECT CASE WHEN '%s' = 'bad' THEN (SELECT goto FROM alias) ELSE 'fine' END\n")
    with pytest.raises(TableError, match=r"pgsql query failed: .*: ERROR: more than one row returned by a subquery"):
        maps.lookup("bad")
    assert maps.lookup("good") == "fine"


@pytest.mark.peer("openssl")
def test_tls(need: Callable[[str], str], tmp_path: Path) -> None:
    """As sslmode says, in a URI or in the place of the database."""
    query = "query = SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()\n"

    def lookup(text: str) -> str | None:
        (tmp_path / "t.cf").write_text(f"{text}\n{query}")
        return open_maps([f"pgsql:{tmp_path}/t.cf"], "test_maps", Config.from_text("")).lookup("a")

    with directory() as folder:
        certificates(need, folder)
        files = {"ssl_cert_file": "db.pem", "ssl_key_file": "db.key"}
        options = [word for name, file in files.items() for word in ("-c", f"{name}={folder}/{file}")]
        with postgresql(need, "-c", "ssl=on", *options) as server:
            uri = f"hosts = postgresql://mail:secret@127.0.0.1:{server.port}/mail?sslmode="
            assert lookup(f"{uri}disable") is None
            assert (lookup(f"{uri}verify-ca&sslrootcert={folder}/ca.pem") or "").startswith("TLSv1.")
            with pytest.raises(TableError, match="certificate verify failed"):
                lookup(f"{uri}verify-ca&sslrootcert={folder}/other.pem")
            with pytest.raises(TableError, match="does not match host name"):
                lookup(f"{uri}verify-full&sslrootcert={folder}/ca.pem")
            words = f"dbname=mail sslmode=verify-full sslrootcert={folder}/ca.pem hostaddr=127.0.0.1"
            found = lookup(f"hosts = db.test:{server.port}\n{LOGIN}dbname = {words}")
            assert (found or "").startswith("TLSv1.")


def test_table_can_be_asked_in_a_jail(table: Open, database: Database, tmp_path: Path) -> None:
    """Everything has been loaded when it was opened; no other process has the client library."""
    table(hosts=f"127.0.0.1:{database.port}")
    check_jail(f"pgsql:{tmp_path}/t.cf", ENTRY, tmp_path, "psycopg")

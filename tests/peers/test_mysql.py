"""mysql tables and a real MariaDB: quoting, failover, restarts, time limits, TLS, and ExtMail's files as they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from certificates import certificates
from databases import Database, directory, mariadb, mariadb_run
from instance import free_port
from server_checks import Entry, Open, check_down_and_up, check_jail, check_restart_goes_unnoticed

from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config
from pyfix.mail.maps import Maps, TableError, open_maps

pytestmark = pytest.mark.peer("mariadbd", "mariadb-install-db")
ENTRY = Entry("o'neil@d.test", "q")
ALIASES = "query = SELECT goto FROM alias WHERE address = '%s' ORDER BY goto\n"
LOGIN = "user = mail\npassword = secret\ndbname = mail\n"


@pytest.fixture(scope="module")
def database(need: Callable[[str], str]) -> Iterator[Database]:
    """A server with a few aliases."""
    with mariadb(need) as server:
        mariadb_run(server.path, "CREATE TABLE alias (address VARCHAR(100), goto TEXT)", database="mail")
        rows = [("a@d.test", "x@d.test"), ("a@d.test", "y@d.test"), ("o'neil@d.test", "q"), ("back\\slash", "b")]
        mariadb_run(server.path, "INSERT INTO alias VALUES (%s, %s)", rows, "mail")
        yield server


@pytest.fixture
def table(database: Database, tmp_path: Path) -> Open:
    """Write a file of settings and open the table."""

    def write(text: str = ALIASES, hosts: str = f"unix:{database.path}", config: Config | None = None) -> Maps:
        (tmp_path / "t.cf").write_text(f"hosts = {hosts}\n{LOGIN}{text}")
        return open_maps([f"mysql:{tmp_path}/t.cf"], "test_maps", config or Config.from_text(""))

    return write


@pytest.fixture
def restartable(database: Database) -> Iterator[Database]:
    """The server, which runs again when the test is over."""
    yield database
    database.server.stop()
    database.server.start()


@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES", "ANSI"])
def test_key_cannot_leave_its_quotes(mode: str, table: Open, database: Database) -> None:
    """Whatever the server takes for an escape."""
    mariadb_run(database.path, f"SET GLOBAL sql_mode = '{mode}'")
    maps = table()
    assert maps.lookup("A@d.test") == "x@d.test,y@d.test"
    assert maps.lookup("o'neil@d.test") == "q"
    assert maps.lookup("back\\slash") == "b"
    for key in (
        "' OR '1'='1",
        "\\' OR 1=1 -- ",
        "x' UNION SELECT goto FROM alias -- ",
        "\\",
        "'",
        "\x00\x1a",
        '" OR "1"="1',
    ):
        assert maps.lookup(key) is None
    mariadb_run(database.path, "SET GLOBAL sql_mode = DEFAULT")


def test_lookup_may_be_any_threads_work(table: Open) -> None:
    """Each on a connection of its own."""
    maps = table("query = SELECT CONNECTION_ID() FROM (SELECT SLEEP(0.2)) AS x\n")
    with ThreadPoolExecutor(3) as threads:
        assert len(set(threads.map(maps.lookup, ["a", "b", "c"]))) == 3
    assert maps.blocking


def test_restart_of_the_server_between_lookups_goes_unnoticed(table: Open, restartable: Database) -> None:
    """The kept connection is replaced."""
    check_restart_goes_unnoticed(table, restartable.server, ENTRY)


def test_server_that_is_down_is_a_temporary_error(
    table: Open, restartable: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left alone for a while, and asked again after that."""
    host = f"127.0.0.1:{restartable.port}"
    maps = table(f"{ALIASES}retry_interval = 20\n", hosts=host)
    reason = rf"connect to mysql server {host}: Connection refused"
    check_down_and_up(maps, restartable.server, ENTRY, 20, reason, monkeypatch)


def test_other_servers_are_asked_when_one_is_down(table: Open, database: Database) -> None:
    """With one warning, and the one that answers is asked from then on."""
    config = Config.from_text("")
    config.log = log = MemoryLog()
    down = free_port()
    maps = table(hosts=f"inet:127.0.0.1:{database.port}, 127.0.0.1:{down}", config=config)
    while not log.lines:
        maps = table(hosts=f"inet:127.0.0.1:{database.port}, 127.0.0.1:{down}", config=config)
        assert maps.lookup("o'neil@d.test") == "q"
    for _ in range(20):
        assert maps.lookup("o'neil@d.test") == "q"
    assert log.lines == [f"warning: connect to mysql server 127.0.0.1:{down}: Connection refused"]


def test_sockets_go_before_tcp(table: Open, database: Database) -> None:
    """A server on the same machine is asked first."""
    config = Config.from_text("")
    config.log = log = MemoryLog()
    for _ in range(20):
        maps = table(hosts=f"127.0.0.1:{free_port()} unix:{database.path}", config=config)
        assert maps.lookup("o'neil@d.test") == "q"
    assert log.lines == []


def test_answer_that_takes_too_long_is_a_temporary_error(table: Open) -> None:
    """No thread waits for ever."""
    with pytest.raises(TableError, match="query failed: Lost connection to MySQL server during query"):
        table("query = SELECT SLEEP(30)\ntimeout = 1\n").lookup("a")


def test_query_that_fails_leaves_the_server_in_use(table: Open) -> None:
    """It is the query's fault for this key; the next may be better."""
    maps = table("query = SELECT IF('%s' = 'bad', (SELECT goto FROM alias), 'fine')\n")
    with pytest.raises(TableError, match="query failed: Subquery returns more than 1 row"):
        maps.lookup("bad")
    assert maps.lookup("good") == "fine"


@pytest.mark.peer("openssl")
def test_tls(need: Callable[[str], str], tmp_path: Path) -> None:
    """The certificate's authority is checked where one is named, its name with tls_verify_cert alone."""
    files = {"ca": "ca.pem", "cert": "db.pem", "key": "db.key"}
    query = "query = SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_version'\n"

    def lookup(text: str) -> str | None:
        (tmp_path / "t.cf").write_text(f"hosts = 127.0.0.1:{server.port}\n{LOGIN}{query}{text}")
        return open_maps([f"mysql:{tmp_path}/t.cf"], "test_maps", Config.from_text("")).lookup("a")

    with directory() as folder:
        certificates(need, folder)
        options = [f"--ssl-{name}={folder}/{file}" for name, file in files.items()]
        with mariadb(need, *options) as server:
            assert (lookup(f"tls_CAfile = {folder}/ca.pem\n") or "").startswith("TLSv1.")
            own = lookup(f"tls_cert_file = {folder}/db.pem\ntls_key_file = {folder}/db.key\n")
            assert (own or "").startswith("TLSv1.")
            with pytest.raises(TableError, match="certificate verify failed"):
                lookup(f"tls_CAfile = {folder}/other.pem\n")
            with pytest.raises(TableError, match="IP address mismatch"):
                lookup(f"tls_CAfile = {folder}/ca.pem\ntls_verify_cert = yes\n")


EXTMAIL = {
    "alias": ("alias", "goto", "address"),
    "domains": ("domain", "domain", "domain"),
    "mailbox": ("mailbox", "maildir", "username"),
    "limit": ("mailbox", "quota", "username"),
    "sender": ("mailbox", "username", "username"),
}


def test_extmails_files_run_as_they_stand(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables, its five files in the form before Postfix 2.2, and `localhost` for the usual socket."""
    (tmp_path / "my.cnf").write_text(f"!includedir {tmp_path}/conf.d\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "client.cnf").write_text(f"[client]\n# as a distribution has it\nsocket = {database.path}\n")
    monkeypatch.setattr("pyfix.mail.maps.mysql.DEFAULT_FILES", (f"{tmp_path}/my.cnf",))
    for statement in (
        "CREATE DATABASE extmail",
        "GRANT SELECT ON extmail.* TO extmail@localhost IDENTIFIED BY 'extmail'",
        "CREATE TABLE extmail.alias (address VARCHAR(255) PRIMARY KEY, goto TEXT, active TINYINT(1))",
        "CREATE TABLE extmail.domain (domain VARCHAR(255) PRIMARY KEY, active TINYINT(1))",
        "CREATE TABLE extmail.mailbox (username VARCHAR(255) PRIMARY KEY, maildir VARCHAR(255), quota VARCHAR(16),"
        " active SMALLINT(1))",
        "INSERT INTO extmail.alias VALUES ('support@extmail.org', 'postmaster@extmail.org', 1)",
        "INSERT INTO extmail.alias VALUES ('old@extmail.org', 'x', 0)",
        "INSERT INTO extmail.domain VALUES ('extmail.org', 1)",
        "INSERT INTO extmail.mailbox VALUES ('postmaster@extmail.org', 'extmail.org/postmaster/Maildir/', '104857600S',"
        " 1)",
    ):
        mariadb_run(database.path, statement)

    def lookup(name: str, key: str) -> str | None:
        table, select, where = EXTMAIL[name]
        path = tmp_path / f"mysql_virtual_{name}_maps.cf"
        path.write_text(
            f"user = extmail\npassword = extmail\nhosts = localhost\ndbname = extmail\ntable = {table}\n"
            f"select_field = {select}\nwhere_field = {where}\nadditional_conditions = AND active = '1'\n"
        )
        return open_maps([f"mysql:{path}"], "test_maps", Config.from_text("")).lookup(key)

    assert lookup("alias", "support@extmail.org") == "postmaster@extmail.org"
    assert lookup("alias", "old@extmail.org") is None
    assert lookup("domains", "extmail.org") == "extmail.org"
    assert lookup("mailbox", "postmaster@extmail.org") == "extmail.org/postmaster/Maildir/"
    assert lookup("limit", "postmaster@extmail.org") == "104857600S"
    assert lookup("sender", "Postmaster@ExtMail.org") == "postmaster@extmail.org"


def test_table_can_be_asked_in_a_jail(table: Open, database: Database, tmp_path: Path) -> None:
    """Everything has been loaded when it was opened; no other process has the client library."""
    table(hosts=f"127.0.0.1:{database.port}")
    check_jail(f"mysql:{tmp_path}/t.cf", ENTRY, tmp_path, "pymysql")

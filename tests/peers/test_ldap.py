"""ldap tables and a real OpenLDAP: quoting, logins, failover, restarts, time limits, TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from certificates import certificates
from databases import Database, Users, directory, slapd
from instance import free_port
from ldap_cases import DN, GOTO, GROUPS
from server_checks import Entry, Open, check_down_and_up, check_jail, check_restart_goes_unnoticed
from table_server import TableServer, cut_anything

from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config
from pyfix.mail.maps import Maps, TableError, open_maps

pytestmark = pytest.mark.peer("slapd", "slapadd")
ENTRY = Entry("bob@d.test", "b1,b2")
ODD_KEYS = ["*", "a)(address=*", "\\", "\\2a", "(", " x ", "müller@bücher.test", "nul\0", "a,b=c+d", "#x"]
FILTER = "query_filter = (address=%s)\nresult_attribute = address\n"


@pytest.fixture(scope="module")
def database(need: Callable[[str], str]) -> Iterator[Database]:
    """A server with a few users and groups."""
    odd = {f"odd{number}": [("address", key)] for number, key in enumerate(ODD_KEYS) if "\0" not in key}
    with slapd(need, GROUPS | odd) as server:
        yield server


@pytest.fixture
def table(database: Database, tmp_path: Path) -> Open:
    """Write a file of settings and open the table."""

    def write(text: str = GOTO, hosts: str = "", config: Config | None = None) -> Maps:
        where = hosts or f"ldapi://{quote(str(database.path), '')}"
        base = "" if "search_base" in text else "search_base = dc=test\n"
        (tmp_path / "t.cf").write_text(f"server_host = {where}\n{base}{text}")
        return open_maps([f"ldap:{tmp_path}/t.cf"], "test_maps", config or Config.from_text(""))

    return write


@pytest.fixture
def restartable(database: Database) -> Iterator[Database]:
    """The server, which runs again when the test is over."""
    yield database
    database.server.stop()
    database.server.start()


def test_key_cannot_leave_its_filter(table: Open) -> None:
    """Each key finds itself alone."""
    maps = table(FILTER)
    assert [maps.lookup(key) for key in ODD_KEYS] == [None if "\0" in key else key for key in ODD_KEYS]
    assert [maps.lookup(key) for key in ("a*", "*@d.test", "a))", "\udcff", "x" * 10000)] == [None] * 5


def test_key_cannot_leave_its_base(table: Open) -> None:
    """A name in a name is one word of it."""
    maps = table("search_base = cn=%u,ou=users,dc=test\nscope = base\nquery_filter = (cn=*)\nresult_attribute = cn\n")
    assert maps.lookup("bob@d.test") == "bob"
    for key in ("bob,ou=users,dc=test", "bob+sn=x", "bob\\", "#62", '"bob"', "x,cn=bob", "", "<bob>;\x00"):
        assert maps.lookup(f"{key}@d.test") is None


def test_value_that_is_no_text_is_a_temporary_error(table: Open) -> None:
    """Other keys are found."""
    maps = table("query_filter = (address=%s)\nresult_attribute = goto octets\n")
    with pytest.raises(TableError, match="the value is not UTF-8 text"):
        maps.lookup("octets@d.test")
    assert maps.lookup("bob@d.test") == "b1,b2"


def test_lookup_may_be_any_threads_work(table: Open) -> None:
    """Each on a connection of its own."""
    maps = table()
    with ThreadPoolExecutor(3) as threads:
        assert set(threads.map(maps.lookup, ["bob@d.test"] * 30)) == {"b1,b2"}
    assert maps.blocking


def test_login_that_is_refused_is_a_temporary_error(table: Open) -> None:
    """The log has the account and not its password."""
    with pytest.raises(
        TableError, match=r"bind to LDAP server .* as \"cn=x,dc=test\": error 49: invalidCred"
    ) as caught:
        table(f"{GOTO}bind_dn = cn=x,dc=test\nbind_pw = secret\n").lookup("bob@d.test")
    assert "secret" not in str(caught.value)


def test_restart_of_the_server_between_lookups_goes_unnoticed(table: Open, restartable: Database) -> None:
    """The kept connection is replaced."""
    check_restart_goes_unnoticed(table, restartable.server, ENTRY)


def test_server_that_is_down_is_a_temporary_error(
    table: Open, restartable: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left alone for a minute, and asked again after that."""
    host = f"ldap://127.0.0.1:{restartable.port}"
    maps = table(hosts=host)
    reason = rf"connect to LDAP server {host}: .*Connection refused"
    check_down_and_up(maps, restartable.server, ENTRY, 60, reason, monkeypatch)


def test_servers_are_asked_in_their_order(table: Open, database: Database) -> None:
    """The next one after the first is down, with one warning; and from then on."""
    config = Config.from_text("")
    config.log = log = MemoryLog()
    down = free_port()
    maps = table(hosts=f"127.0.0.1:{down}, 127.0.0.1:{database.port}, 127.0.0.1:1", config=config)
    assert [maps.lookup("bob@d.test") for _ in range(5)] == ["b1,b2"] * 5
    (line,) = log.lines
    assert line.startswith(f"warning: connect to LDAP server 127.0.0.1:{down}: ")


def test_server_that_hangs_is_given_up(table: Open, database: Database) -> None:
    """The system takes the connection, and nobody answers."""
    maps = table(f"{GOTO}timeout = 1\n", f"127.0.0.1:{database.port}")
    with database.server.frozen(), pytest.raises(TableError, match=r"LDAP server .*: .*timed out"):
        maps.lookup("bob@d.test")


def test_search_that_fails_leaves_the_server_in_use(table: Open) -> None:
    """It is this key's fault; the next may be better."""
    maps = table(f"{GOTO}{DN}expansion_limit = 1\n")
    for key in ("badurl@d.test", "notdn@d.test", "loop@d.test", "bob@d.test"):
        with pytest.raises(TableError):
            maps.lookup(key)
    assert maps.lookup("alice@d.test") == "alice-drop"


def test_referrals_are_followed_if_the_table_says_so(need: Callable[[str], str], table: Open) -> None:
    """From an entry in the middle of others, and from the base of the search."""
    there: Users = {"far": [("address", "far@d.test"), ("goto", "far-drop")]}
    with slapd(need, there, referral="") as far:
        where = f"ldap://127.0.0.1:{far.port}/ou=users,dc=test"
        with slapd(need, GROUPS, referral=where) as near:
            hosts, yes = f"127.0.0.1:{near.port}", "chase_referrals = yes\n"
            maps = table(f"{GOTO}{yes}", hosts)
            assert [maps.lookup(f"{name}@d.test") for name in ("far", "bob", "none")] == ["far-drop", "b1,b2", None]
            assert table(GOTO, hosts).lookup("far@d.test") is None
            base = f"{GOTO}search_base = cn=elsewhere,ou=users,dc=test\n"
            assert table(f"{base}{yes}", hosts).lookup("far@d.test") == "far-drop"
            with pytest.raises(TableError, match="error 10: referral"):
                table(base, hosts).lookup("far@d.test")


def test_server_that_another_one_names_gets_no_password(need: Callable[[str], str], table: Open) -> None:
    """And where it has no answer, nobody knows whether the key is there: a temporary error."""
    with TableServer(lambda request: None, cut_anything) as far:
        where = f"ldap://127.0.0.1:{far.port}/ou=users,dc=test"
        with slapd(need, GROUPS, referral=where) as near:
            login = "bind_dn = cn=admin,dc=test\nbind_pw = secret\nchase_referrals = yes\n"
            maps = table(f"{GOTO}{login}", f"127.0.0.1:{near.port}")
            with pytest.raises(TableError, match=f"referral to {where}.*: session terminated by server"):
                maps.lookup("bob@d.test")
    assert far.requests
    assert not any(b"secret" in request or b"admin" in request for request in far.requests)


def test_servers_that_refer_to_each_other_are_not_followed_for_ever(need: Callable[[str], str], table: Open) -> None:
    """A few hops are enough."""
    port = free_port()
    with slapd(need, GROUPS, referral=f"ldap://127.0.0.1:{port}/dc=test", port=port):
        maps = table(f"{GOTO}chase_referrals = yes\n", f"127.0.0.1:{port}")
        with pytest.raises(TableError, match="more than 5 servers refer to another one"):
            maps.lookup("bob@d.test")


@pytest.mark.peer("openssl")
def test_tls(need: Callable[[str], str], tmp_path: Path) -> None:
    """With start_tls; the certificate counts with tls_require_cert alone."""

    def lookup(text: str) -> str | None:
        (tmp_path / "t.cf").write_text(f"server_host = 127.0.0.1:{server.port}\nsearch_base = dc=test\n{GOTO}{text}")
        return open_maps([f"ldap:{tmp_path}/t.cf"], "test_maps", Config.from_text("")).lookup("bob@d.test")

    with directory() as folder:
        certificates(need, folder)
        files = {"TLSCACertificateFile": "ca.pem", "TLSCertificateFile": "db.pem", "TLSCertificateKeyFile": "db.key"}
        lines = [f"{name} {folder}/{file}\n" for name, file in files.items()]
        with slapd(need, GROUPS, "".join([*lines, "security ssf=100\n"])) as server:
            with pytest.raises(TableError, match="confidentialityRequired"):
                lookup("")
            assert lookup("start_tls = yes\n") == "b1,b2"
            with pytest.raises(TableError, match="IP address mismatch"):
                lookup(f"start_tls = yes\ntls_require_cert = yes\ntls_ca_cert_file = {folder}/ca.pem\n")
            with pytest.raises(TableError, match="certificate verify failed"):
                lookup(f"start_tls = yes\ntls_require_cert = yes\ntls_ca_cert_file = {folder}/other.pem\n")
            with pytest.raises(TableError, match="ssl wrapping error"):
                lookup(f"server_host = ldaps://127.0.0.1:{server.port}\n")


def test_table_can_be_asked_in_a_jail(table: Open, database: Database, tmp_path: Path) -> None:
    """Everything has been loaded when it was opened; no other process has the client library."""
    table(hosts=f"127.0.0.1:{database.port}")
    check_jail(f"ldap:{tmp_path}/t.cf", ENTRY, tmp_path, "ldap3")

"""Dovecot's SQL files, Courier's authmysqlrc and Cyrus' sql_select, against MariaDB, PostgreSQL and SQLite.

Setup: ExtMail's mailbox table with the rows of a tutorial, and names that try to leave their quotes. Path: the back
end as auth opens it. The files are the tutorial's, but for where the server is.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from databases import Database, mariadb, mariadb_run, postgresql, postgresql_run
from instance import free_port

from pyfix.mail.auth.backend import Attempt, Backend, BackendUnavailable, LookupBackend, Place
from pyfix.mail.auth.backends.context import Context
from pyfix.mail.auth.backends.registry import open_backend, open_backends
from pyfix.mail.auth.backends.saslauthd import verify_with
from pyfix.mail.auth.places import rights_of
from pyfix.mail.config import Config, ConfigError

USER = "postmaster@extmail.org"
HASHED = "$1$phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0"
COLUMNS = "username, password, clearpwd, maildir, homedir, uidnumber, gidnumber, name, quota, active, nets, options"
ROWS = [
    (USER, HASHED, "", "extmail.org/postmaster/Maildir/", "extmail.org/postmaster", 1000, 1001, "P", "104857600S", 1,
     None, "disableimap=1,disablepop3=0"),
    ("o'neil@d.test", HASHED, "plain'\\", "x", "h", 1000, 1000, "", "", 1, "192.0.2.0/24,local", ""),
    ("back\\slash@d.test", HASHED, "", "x", "h", 1000, 1000, "", "", 1, None, ""),
    ("twice@d.test", HASHED, "", "x", "h", 1000, 1000, "", "", 1, None, ""),
    ("twice@d.test", HASHED, "", "x", "h", 1000, 1000, "", "", 1, None, ""),
    ("root@d.test", HASHED, "", "x", "h", 0, 0, "", "", 1, None, ""),
]  # fmt: skip
CREATE = (
    "CREATE TABLE mailbox (username VARCHAR(200), password VARCHAR(200), clearpwd VARCHAR(200), maildir VARCHAR(200),"
    " homedir VARCHAR(200), uidnumber INTEGER, gidnumber INTEGER, name VARCHAR(200), quota VARCHAR(200),"
    " active INTEGER, nets VARCHAR(200), options VARCHAR(200))"
)
HOSTILE = (
    "'; DROP TABLE mailbox; --", "' OR '1'='1", "\\' OR 1=1 -- ", "\\", "x\0y", "\udcff", "", "%", "a" * 3000,
    "postmaster@extmail.org\n", f'{USER}" OR "1"="1', "\u2019 OR 1=1", "/*", "$(local_part)",
)  # fmt: skip
TUTORIAL_SQL = """driver = mysql
connect = host={host} dbname=mail user=mail password=secret
default_pass_scheme = CRYPT
password_query = SELECT username AS user,password AS password FROM mailbox WHERE username = '%u'{blank}
user_query = SELECT maildir, uidnumber AS uid, gidnumber AS gid FROM mailbox WHERE username = '%u'
"""
TUTORIAL_RC = """MYSQL_SERVER localhost
MYSQL_PORT 3306                   (指定你的mysql监听的端口，这里使用默认的3306)
MYSQL_USERNAME  mail      (这时为后文要用的数据库的所有者的用户名)
MYSQL_PASSWORD secret        (密码)
MYSQL_SOCKET  {host}  #通用二进制格式安装的是在/tmp目录下，把mysql服务启动起来就可以看到
MYSQL_DATABASE  mail
MYSQL_USER_TABLE  mailbox
MYSQL_CRYPT_PWFIELD  password
MYSQL_UID_FIELD  '2525'
MYSQL_GID_FIELD  '2525'
MYSQL_LOGIN_FIELD  username
MYSQL_HOME_FIELD  concat('/var/mailbox/',homedir)
MYSQL_NAME_FIELD  name
MYSQL_MAILDIR_FIELD  concat('/var/mailbox/',maildir)
"""
RC_MORE = "MYSQL_AUXOPTIONS_FIELD options\nMYSQL_QUOTA_FIELD quota\nMYSQL_CLEAR_PWFIELD clearpwd\n"
DELIVERY = f"""virtual_mailbox_base = /var/mailbox
virtual_mailbox_maps = inline:{{ {USER}=extmail.org/postmaster/Maildir/ }}
virtual_uid_maps = static:2525
virtual_gid_maps = static:2525
"""


def sql_conf(host: object) -> str:
    """Return the tutorial's file, with the blank at the end of a line that it has."""
    return TUTORIAL_SQL.format(host=host, blank=" ")


@pytest.fixture(scope="module")
def maria(need: Callable[[str], str]) -> Iterator[Database]:
    """MariaDB with the rows."""
    with mariadb(need) as server:
        mariadb_run(server.path, CREATE, database="mail")
        marks = ", ".join(["%s"] * len(ROWS[0]))
        mariadb_run(server.path, f"INSERT INTO mailbox ({COLUMNS}) VALUES ({marks})", list(ROWS), "mail")
        yield server


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., LookupBackend]]:
    """Open back ends from the text of their file; they are closed at the end."""
    backends: list[Backend] = []

    def open_one(kind: str, text: str, settings: str = DELIVERY, timeout: str = "10s") -> LookupBackend:
        (tmp_path / "file").write_text(text)
        config = Config.from_text(f"myhostname = mail.test\nauth_backend_timeout = {timeout}\n{settings}")
        backends.append(open_backend(f"{kind}:{tmp_path}/file", Context(config)))
        assert isinstance(backends[-1], LookupBackend)
        return backends[-1]

    yield open_one
    for backend in backends:
        backend.close()


def logs_in(backend: Backend, login: str, password: str = "extmail", service: str = "smtp", remote: str = "") -> str:
    """Return the canonical name of whom the password lets in, or why not."""
    account = verify_with(backend, Attempt(login, service, remote), password.encode())
    return "" if account is None else account.obstacle or account.user


def assert_only_whole_names_are_found(backend: Backend) -> None:
    """Names with quotes are found as they are; nothing that tries to be more than a name is."""
    assert logs_in(backend, "o'neil@d.test", remote="192.0.2.7") == "o'neil@d.test"
    assert logs_in(backend, "back\\slash@d.test") == "back\\slash@d.test"
    for name in HOSTILE:
        assert logs_in(backend, name) == "", name
    assert logs_in(backend, USER) == USER


@pytest.mark.peer("mariadbd", "mariadb-install-db")
class TestDovecotSql:
    """The tutorial's dovecot-mysql.conf and what else such files hold."""

    def test_the_tutorials_file_works_as_it_stands(self, maria: Database, opened: Callable[..., LookupBackend]) -> None:
        """Its column maildir means nothing to Dovecot either: the mailbox is where mail is delivered."""
        backend = opened("dovecot-sql", sql_conf(host=maria.path))
        assert logs_in(backend, USER) == USER
        assert logs_in(backend, USER, "wrong") == ""
        assert_only_whole_names_are_found(backend)
        place = backend.locate(USER, "pop3")
        assert place == Place(
            "maildir:/var/mailbox/extmail.org/postmaster/Maildir",
            "/var/mailbox/extmail.org/postmaster",
            *rights_of(1000, 1001),
        )
        assert backend.locate("nobody@extmail.org", "pop3") is None

    @pytest.mark.parametrize("mode", ["NO_BACKSLASH_ESCAPES", "ANSI"])
    def test_names_stay_in_their_quotes_in_any_mode(
        self, mode: str, maria: Database, opened: Callable[..., LookupBackend]
    ) -> None:
        """Whatever the server takes for an escape."""
        mariadb_run(maria.path, f"SET GLOBAL sql_mode = '{mode}'")
        assert_only_whole_names_are_found(opened("dovecot-sql", sql_conf(host=maria.path)))

    def test_fields_say_who_may_log_in_and_where_the_mail_is(
        self, maria: Database, opened: Callable[..., LookupBackend]
    ) -> None:
        """Networks, another name, a second query saved by userdb_ columns."""
        text = sql_conf(host=f"127.0.0.1 port={maria.port}").partition("password_query")[0] + (
            "password_query = SELECT '%Ln' AS username, 'x.test' AS domain, password, nets AS allow_nets, \\\n"
            "  '/home/%d/%1n' AS userdb_home, 'maildir:~/Maildir:LAYOUT=fs' AS userdb_mail, 1000 AS userdb_uid, \\\n"
            "  1001 AS userdb_gid, '*:storage=1G:messages=5' AS userdb_quota_rule \\\n"
            "  FROM mailbox WHERE username = '%{user}' # in one line\n"
        )
        backend = opened("dovecot-sql", text)
        assert logs_in(backend, "o'neil@d.test", remote="192.0.2.7") == "o'neil@x.test"
        assert logs_in(backend, "o'neil@d.test", remote="") == "o'neil@x.test"
        assert logs_in(backend, "o'neil@d.test", remote="198.51.100.1") == "198.51.100.1 is not in allow_nets"
        place = backend.locate(USER, "pop3")
        assert place == Place(
            "maildir:/home/extmail.org/p/Maildir", "/home/extmail.org/p", *rights_of(1000, 1001), quota="1073741824S,5C"
        )

    @pytest.mark.parametrize(
        ("query", "login", "problem"),
        [
            ("SELECT passwd FROM mailbox", USER, "file, line 4: mysql: query failed: Unknown column 'passwd' in"),
            ("SELECT password FROM absent", USER, "file, line 4: mysql: query failed: Table 'mail.absent' doesn't"),
            ("SELECT 'x' AS user", USER, "file, line 4: password_query gives no column named password"),
            ("SELECT password FROM mailbox WHERE username = '%u'", "twice@d.test", "file: password_query gives 2 rows"),
            ("SELECT password, 1 AS nopassword FROM mailbox LIMIT 1", USER, "the field nopassword of"),
            ("SELECT password, 'y' AS proxy FROM mailbox LIMIT 1", USER, "the field proxy of"),
        ],
    )
    def test_what_is_wrong_in_a_query_is_temporary_and_told(
        self, query: str, login: str, problem: str, maria: Database, opened: Callable[..., LookupBackend]
    ) -> None:
        """With file and line."""
        text = sql_conf(host=maria.path).partition("password_query")[0] + f"password_query = {query}\n"
        with pytest.raises(BackendUnavailable) as caught:
            logs_in(opened("dovecot-sql", text), login)
        assert problem in str(caught.value)

    @pytest.mark.parametrize(
        ("before", "after", "problem"),
        [
            ("password=secret", "password=wrong", "file, line 2: connect to mysql server"),
            ("dbname=mail", "dbname=other", "Access denied for user"),
            ("host=", "host=/nowhere", "start the server, or correct the host"),
        ],
    )
    def test_a_server_that_can_not_be_asked_is_temporary_and_told(
        self, before: str, after: str, problem: str, maria: Database, opened: Callable[..., LookupBackend]
    ) -> None:
        """With the line that says how to connect."""
        backend = opened("dovecot-sql", sql_conf(host=maria.path).replace(before, after))
        with pytest.raises(BackendUnavailable) as caught:
            logs_in(backend, USER)
        assert problem in str(caught.value)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("default_pass_scheme = ROT13", "line 6: default_pass_scheme: unknown scheme ROT13"),
            ("driver = oracle", 'line 6: driver: need mysql, pgsql or sqlite instead of "oracle"'),
            ("connect = host=x", "line 6: connect: there is no dbname=; specify one"),
            ("connect = dbname=x option_file=/x", "line 6: connect: option_file is not built"),
            ("password_query = SELECT '%w'", "line 6: password_query: %w: the password does not go into a query"),
            ("user_query = SELECT '%{cert}'", "line 6: user_query: %{cert} is not built"),
            ("map = x", "line 6: map is not built; remove it"),
            ("!include x", 'line 6: need "name = value" instead of "!include x"'),
        ],
    )
    def test_what_is_not_built_is_named(self, line: str, problem: str, opened: Callable[..., LookupBackend]) -> None:
        """When auth starts."""
        with pytest.raises(ConfigError) as caught:
            opened("dovecot-sql", f"{sql_conf(host='x')}{line}\n")
        assert f"file, {problem}" in str(caught.value)

    def test_many_ask_at_once(self, maria: Database, opened: Callable[..., LookupBackend]) -> None:
        """Each thread on a connection of its own."""
        backend = opened("dovecot-sql", sql_conf(host=maria.path))
        logins = [USER, "o'neil@d.test", "nobody@d.test", "back\\slash@d.test"] * 25
        with ThreadPoolExecutor(12) as threads:
            found = list(threads.map(lambda login: backend.find(Attempt(login, "smtp", "192.0.2.1")), logins))
        assert [account.user if account else "" for account in found] == [
            "" if login.startswith("nobody") else login for login in logins
        ]

    def test_nobody_reads_mail_with_the_rights_of_root(
        self, maria: Database, opened: Callable[..., LookupBackend]
    ) -> None:
        """Whatever the row says."""
        with pytest.raises(
            BackendUnavailable, match=r"uid 0 of root@d.test: nobody reads mail with the rights of root"
        ):
            opened("dovecot-sql", sql_conf(host=maria.path)).locate("root@d.test", "pop3")

    def test_a_server_that_stops_and_starts_is_found_again(
        self, maria: Database, opened: Callable[..., LookupBackend]
    ) -> None:
        """A server that says nothing is given up."""
        backend = opened("dovecot-sql", sql_conf(host=maria.path), timeout="1s")
        assert logs_in(backend, USER) == USER
        with maria.server.frozen(), pytest.raises(BackendUnavailable):
            logs_in(backend, USER)


@pytest.mark.peer("mariadbd", "mariadb-install-db")
class TestAuthmysqlrc:
    """The tutorial's authmysqlrc, with the remarks that stand in it."""

    def test_the_tutorials_file_works_as_it_stands(self, maria: Database, opened: Callable[..., LookupBackend]) -> None:
        """Names, home and mailbox as authlib gives them to ExtMail."""
        backend = opened("authmysqlrc", TUTORIAL_RC.format(host=maria.path))
        assert_only_whole_names_are_found(backend)
        assert logs_in(backend, USER, "wrong") == ""
        assert backend.locate(USER, "pop3") == Place(
            "maildir:/var/mailbox/extmail.org/postmaster/Maildir",
            "/var/mailbox/extmail.org/postmaster",
            *rights_of(2525, 2525),
        )

    def test_the_tutorials_authdaemond_need_not_run(self, maria: Database, tmp_path: Path) -> None:
        """Its authdaemonrc names authmysql, and authmysqlrc is beside it."""
        (tmp_path / "authdaemonrc").write_text('authmodulelist="authmysql"\ndaemons=10\n')
        (tmp_path / "authmysqlrc").write_text(TUTORIAL_RC.format(host=maria.path))
        (tmp_path / "smtpd.conf").write_text(
            f"pwcheck_method: authdaemond  #原来是saslauthd，\nlog_level: 3\nmech_list:PLAIN LOGIN\n"
            f"authdaemond_path:{tmp_path}/spool/authdaemon/socket\n"
        )
        config = Config.from_text(
            f"cyrus_sasl_config_path = {tmp_path}\nauthdaemond_config_files = {tmp_path}/authdaemonrc\n"
            f"data_directory = {tmp_path}\n"
        )
        (backend,) = open_backends(config)
        assert logs_in(backend, USER) == USER
        assert logs_in(backend, USER, "wrong") == ""
        place = backend.locate(USER, "pop3")
        assert place is not None
        assert place.location == "maildir:/var/mailbox/extmail.org/postmaster/Maildir"
        backend.close()

    def test_options_quota_and_plain_passwords_count(
        self, maria: Database, opened: Callable[..., LookupBackend]
    ) -> None:
        """Either password is right; an option switches a protocol off."""
        backend = opened("authmysqlrc", TUTORIAL_RC.format(host=maria.path) + RC_MORE)
        assert logs_in(backend, "o'neil@d.test", "plain'\\") == "o'neil@d.test"
        assert logs_in(backend, "o'neil@d.test") == "o'neil@d.test"
        assert logs_in(backend, USER, service="imap") == "imap is disabled"
        assert logs_in(backend, USER, service="pop3") == USER
        place = backend.locate(USER, "pop3")
        assert place is not None
        assert place.quota == "104857600S"

    def test_a_whole_query_takes_the_place_of_fields(
        self, maria: Database, opened: Callable[..., LookupBackend]
    ) -> None:
        """Its codes are quoted as well."""
        clause = (
            "DEFAULT_DOMAIN extmail.org\n"
            "MYSQL_SELECT_CLAUSE SELECT username, password, '', 2525, 2525, '/h', '', '', name, '' FROM mailbox \\\n"
            " WHERE username = '$(local_part)@$(domain)' AND '$(service)' <> 'imap'\n"
        )
        backend = opened("authmysqlrc", TUTORIAL_RC.format(host=maria.path) + clause)
        assert logs_in(backend, "postmaster") == USER
        assert logs_in(backend, "postmaster", service="imap") == ""
        assert logs_in(backend, "o'neil@d.test") == "o'neil@d.test"
        for name in HOSTILE:
            assert logs_in(backend, name) == "", name
        assert backend.locate("postmaster", "pop3") == Place("maildir:/h/Maildir", "/h", *rights_of(2525, 2525))

    def test_a_wrong_table_is_temporary_and_told(self, maria: Database, opened: Callable[..., LookupBackend]) -> None:
        """With the line that names it."""
        text = TUTORIAL_RC.format(host=maria.path).replace("TABLE  mailbox", "TABLE  mailboxes")
        with pytest.raises(BackendUnavailable, match=r"file, line 7: mysql: query failed: Table 'mail.mailboxes'"):
            logs_in(opened("authmysqlrc", text), USER)


def test_cyrus_sql_select_compares_plain_texts(maria: Database, opened: Callable[..., LookupBackend]) -> None:
    """What looks like a hash is a password all the same."""
    text = (
        f"pwcheck_method: auxprop\nauxprop_plugin: sql\nsql_engine: mysql\nsql_hostnames: 127.0.0.1:{maria.port}\n"
        "sql_user: mail\nsql_passwd: secret\nsql_database: mail\n"
        "sql_select: SELECT clearpwd FROM mailbox WHERE username = '%u@%r' AND '%p' = 'userPassword'\n"
    )
    backend = opened("cyrus-sql", text)
    assert logs_in(backend, "o'neil@d.test", "plain'\\") == "o'neil@d.test"
    assert logs_in(backend, "o'neil@d.test", "wrong") == ""
    assert logs_in(backend, USER, "") == ""
    for name in HOSTILE:
        assert logs_in(backend, name) == "", name
    hashed = opened("cyrus-sql", text.replace("clearpwd", "password"))
    assert logs_in(hashed, USER, HASHED) == USER
    assert logs_in(hashed, USER) == ""


@pytest.mark.peer("initdb", "postgres")
def test_postgresql_is_asked_in_its_own_quotes(
    need: Callable[[str], str], opened: Callable[..., LookupBackend]
) -> None:
    """Two hosts with the same data; the first one is not there."""
    with postgresql(need) as server:
        postgresql_run(server, CREATE)
        marks = ", ".join(["%s"] * len(ROWS[0]))
        postgresql_run(server, f"INSERT INTO mailbox ({COLUMNS}) VALUES ({marks})", list(ROWS))
        postgresql_run(server, "GRANT SELECT ON mailbox TO mail")
        hosts = f"/nowhere host=127.0.0.1 port={server.port}"
        text = sql_conf(host=hosts).replace("mysql", "pgsql") + "iterate_query = SELECT 1\n"
        backend = opened("dovecot-sql", text)
        assert_only_whole_names_are_found(backend)
        place = backend.locate(USER, "pop3")
        assert place is not None
        assert (place.uid, place.gid) == rights_of(1000, 1001)
        with pytest.raises(BackendUnavailable, match=r"file, line 4: pgsql query failed"):
            logs_in(opened("dovecot-sql", text.replace("FROM mailbox", "FROM absent")), USER)
        with pytest.raises(BackendUnavailable, match=r"file, line 2: connect to pgsql server"):
            logs_in(opened("dovecot-sql", text.replace(str(server.port), str(free_port()))), USER)


def test_sqlite_is_a_file(tmp_path: Path, opened: Callable[..., LookupBackend]) -> None:
    """Which is not made where it is missing."""
    with contextlib.closing(sqlite3.connect(tmp_path / "users.db")) as database:
        database.execute(CREATE)
        database.executemany(f"INSERT INTO mailbox ({COLUMNS}) VALUES ({', '.join('?' * len(ROWS[0]))})", ROWS)
        database.commit()
    lines = sql_conf("none").splitlines()
    text = "\n".join(["driver = sqlite", f"connect = {tmp_path}/users.db", *lines[2:]])
    assert_only_whole_names_are_found(opened("dovecot-sql", text))
    with pytest.raises(BackendUnavailable, match=r"file, line 2: open .*none.db: unable to open database file"):
        logs_in(opened("dovecot-sql", text.replace("users.db", "none.db")), USER)
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(BackendUnavailable, match=r"file, line 4: SQL failed .*no such table: absent"):
        logs_in(opened("dovecot-sql", text.replace("FROM mailbox", "FROM absent")), USER)

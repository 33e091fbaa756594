"""Database servers of a test's own: from Debian's packages, in a temporary directory, as an unprivileged user.

Each listens on a Unix socket and on a free port of the loopback interface, and is stopped with its context.
"""

from __future__ import annotations

import base64
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql
from instance import free_port, wait_until

from pyfix.proto import resp

_USERS = ("mysql", "postgres", "nobody")


def _unprivileged() -> dict[str, Any]:
    """Return the arguments of subprocess that make root somebody else; database servers refuse to be root."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(names[name] for name in _USERS if name in names)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """Make a directory that the server's user may write to; its path is short enough for Unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="pyfix-db-"))
    try:
        path.chmod(0o755)
        who = _unprivileged()
        if who:
            os.chown(path, who["user"], who["group"])
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def run(*command: str) -> None:
    """Run a program of the server's as the server's user."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **_unprivileged())
    assert done.returncode == 0, done.stdout + done.stderr


class Server:
    """A server that can be stopped and started again."""

    def __init__(
        self, folder: Path, command: list[str], is_ready: Callable[[], bool], stop: signal.Signals = signal.SIGTERM
    ) -> None:
        """stop: the signal that ends it at once."""
        self.directory = folder
        self._command = command
        self._is_ready = is_ready
        self._stop = stop
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with open(self.directory / "log", "wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **_unprivileged()
            )
        wait_until(self._answers, f"{self._command[0]} answers; {self.directory}/log says why not")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "log").read_text()
        return self._is_ready()

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._process is not None:
            self._process.send_signal(self._stop)
            self._process.wait(30)
            self._process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it do nothing for a while: the system goes on taking connections for it."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)  # all its threads stand still
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


@dataclass(frozen=True)
class Database:
    """A running server and where it listens."""

    server: Server
    path: Path
    """The Unix socket."""
    port: int


@contextlib.contextmanager
def mariadb(find_program: Callable[[str], str], *options: str) -> Iterator[Database]:
    """Run MariaDB with a user `mail`, password `secret`, and a database `mail`."""
    install, daemon = find_program("mariadb-install-db"), find_program("mariadbd")
    with directory() as folder:
        data, path, port = folder / "data", folder / "socket", free_port()
        places = ["--no-defaults", f"--datadir={data}", f"--tmpdir={folder}"]
        run(install, *places, "--auth-root-authentication-method=normal", "--skip-test-db")
        command = [
            daemon, *places, f"--socket={path}", f"--port={port}",
            "--bind-address=127.0.0.1", f"--pid-file={folder}/pid", "--innodb-buffer-pool-size=16M",
            "--skip-name-resolve", *options,
        ]  # fmt: skip
        server = Server(folder, command, lambda: _is_logged(folder, "ready for connections"))
        with server:
            mariadb_run(path, "CREATE DATABASE mail CHARACTER SET utf8mb4")
            for host in ("localhost", "127.0.0.1"):
                mariadb_run(path, f"GRANT ALL ON mail.* TO mail@'{host}' IDENTIFIED BY 'secret'")
            yield Database(server, path, port)


def mariadb_run(path: Path, statement: str, rows: list[Any] | None = None, database: str | None = None) -> None:
    """Run a statement as root, for each of the rows if there are any."""
    connection = pymysql.connect(unix_socket=str(path), user="root", database=database, autocommit=False)
    with contextlib.closing(connection), connection.cursor() as cursor:
        if rows is None:
            cursor.execute(statement)
        else:
            cursor.executemany(statement, rows)
        connection.commit()


@contextlib.contextmanager
def postgresql(find_program: Callable[[str], str], *options: str) -> Iterator[Database]:
    """Run PostgreSQL with a user `mail`, password `secret`, and a database `mail`; passwords are asked for over TCP."""
    initdb, daemon = find_program("initdb"), find_program("postgres")
    with directory() as folder:
        data, port = folder / "data", free_port()
        run(initdb, "-D", str(data), "-U", "root", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        (data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        command = [
            daemon, "-D", str(data), "-k", str(folder), "-p", str(port), "-h", "127.0.0.1",
            "-c", "fsync=off", "-c", "shared_buffers=16MB", *options,
        ]  # fmt: skip
        server = Server(folder, command, lambda: _is_logged(folder, "ready to accept connections"), signal.SIGINT)
        with server:
            (folder / ".s.PGSQL.5432").symlink_to(f".s.PGSQL.{port}")
            database = Database(server, folder, port)
            postgresql_run(database, "CREATE USER mail PASSWORD 'secret'", name="postgres")
            postgresql_run(database, "CREATE DATABASE mail OWNER mail", name="postgres")
            yield database


def postgresql_run(database: Database, statement: str, rows: list[Any] | None = None, name: str = "mail") -> None:
    """Run a statement as root, for each of the rows if there are any."""
    import psycopg

    with psycopg.connect(host=str(database.path), port=database.port, user="root", dbname=name) as connection:
        connection.autocommit = rows is None
        with connection.cursor() as cursor:
            if rows is None:
                cursor.execute(statement.encode())
            else:
                cursor.executemany(statement.encode(), rows)


@contextlib.contextmanager
def memcached(find_program: Callable[[str], str], *, over_unix: bool = False) -> Iterator[Database]:
    """Run memcached, over TCP or a Unix socket."""
    daemon = find_program("memcached")
    with directory() as folder:
        path, port = folder / "socket", free_port()
        where = ["-s", str(path), "-a", "777"] if over_unix else ["-l", "127.0.0.1", "-p", str(port), "-U", "0"]
        server = Server(
            folder, [daemon, "-m", "8", *where], path.exists if over_unix else lambda: _is_listening(port)
        )  # fmt: skip
        with server:
            yield Database(server, path, port)


@contextlib.contextmanager
def redis_server(find_program: Callable[[str], str], certificates: Path | None = None) -> Iterator[Database]:
    """Run Redis with a user `mail`, password `secret`, who may only get; with certificates TCP is encrypted."""
    daemon = find_program("redis-server")
    with directory() as folder:
        path, port = folder / "socket", free_port()
        where = ["--port", str(port)]
        if certificates is not None:
            where = ["--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no"]
            for name, file in {"cert-file": "db.pem", "key-file": "db.key", "ca-cert-file": "ca.pem"}.items():
                where += [f"--tls-{name}", str(certificates / file)]
        command = [
            daemon, *where, "--bind", "127.0.0.1", "--unixsocket", str(path), "--unixsocketperm", "777", "--dir",
            str(folder), "--save", "3600 1", "--daemonize", "no",
            "--user", "mail", "on", ">secret", "~*", "+get", "+select",
        ]  # fmt: skip
        server = Server(folder, command, lambda: _is_logged(folder, "ready to accept connections at"))
        with server:
            yield Database(server, path, port)


def redis_run(database: Database, *words: str | bytes) -> None:
    """Run a command; SELECT may stand before it."""
    before = 2 if words[0] == "SELECT" else 0
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(database.path))
        with client.makefile("rb") as replies:
            for part in (words[:before], words[before:]):
                if part:
                    client.sendall(resp.command(*(word if isinstance(word, bytes) else word.encode() for word in part)))
                    reply = resp.parse_line(replies.readline().rstrip(b"\r\n"))
                    assert not isinstance(reply, resp.Failure), reply


SLAPD_CONF = """
include /etc/ldap/schema/core.schema
attributetype ( 1.1.1 NAME 'address' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.1.2 NAME 'goto' SUP address )
attributetype ( 1.1.3 NAME 'memberdn' SUP address )
attributetype ( 1.1.4 NAME 'memberurl' SUP address )
attributetype ( 1.1.5 NAME 'octets' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.1.6 NAME 'user' SUP top STRUCTURAL MUST cn
  MAY ( address $ goto $ memberdn $ memberurl $ octets $ userPassword ) )
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=test"
rootdn "cn=admin,dc=test"
rootpw secret
maxsize 33554432
index address eq
"""


@contextlib.contextmanager
def slapd(
    find_program: Callable[[str], str],
    users: Users,
    settings: str = "",
    referral: str = "ldap://127.0.0.1:1/dc=nowhere",
    port: int = 0,
) -> Iterator[Database]:
    """Run OpenLDAP with the users and a referral in ou=users,dc=test; settings: lines before those of the database."""
    add, daemon = find_program("slapadd"), find_program("slapd")
    with directory() as folder:
        path, port = folder / "socket", port or free_port()
        (folder / "data").mkdir(mode=0o777)
        (folder / "data").chmod(0o777)
        (folder / "slapd.conf").write_text(f"{settings}{SLAPD_CONF}directory {folder}/data\n")
        (folder / "users.ldif").write_text("\n".join(_ldif(users, referral)))
        run(add, "-q", "-f", f"{folder}/slapd.conf", "-l", f"{folder}/users.ldif")
        where = f"ldap://127.0.0.1:{port}/ ldapi://{quote(str(path), '')}"
        command = [daemon, "-d", "0", "-f", f"{folder}/slapd.conf", "-h", where]
        with Server(folder, command, lambda: _is_listening(port)) as server:
            yield Database(server, path, port)


Users = dict[str, list[tuple[str, str | bytes]]]
"""The attributes of each entry cn=NAME,ou=users,dc=test, in their order."""


def _ldif(users: Users, referral: str) -> Iterator[str]:
    yield "dn: dc=test\nobjectClass: dcObject\nobjectClass: organization\ndc: test\no: test\n"
    yield "dn: ou=users,dc=test\nobjectClass: organizationalUnit\nou: users\n"
    if referral:
        yield "dn: cn=elsewhere,ou=users,dc=test\nobjectClass: referral\nobjectClass: extensibleObject\ncn: elsewhere"
        yield f"ref: {referral}\n"
    for name, attributes in users.items():
        yield f"dn: cn={name},ou=users,dc=test\nobjectClass: user\ncn: {name}"
        for attribute, value in attributes:
            data = value if isinstance(value, bytes) else value.encode()
            yield f"{attribute}:: {base64.b64encode(data).decode()}"
        yield ""


def _is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _is_logged(folder: Path, text: str) -> bool:
    """True once the server has said so, since it was started last."""
    return text in (folder / "log").read_text(errors="replace")

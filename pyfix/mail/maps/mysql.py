"""mysql_table(5): a query to a MySQL or MariaDB server.

    mysql:/etc/pyfix/aliases.cf

The settings are those of table_queries(5), and:

    hosts                      the servers: host:port, inet:host:port or unix:/path; localhost otherwise, which is the
                               socket in the option files, or the one of a common installation
    user, password             the account; those of the option files otherwise
    dbname                     the database; required
    require_result_set         no: a query without a result set has found nothing; an error otherwise
    timeout                    how many seconds a connection and each answer may take; 10 otherwise
    idle_interval              how many seconds an unused connection is kept; 60 otherwise
    retry_interval             how many seconds an unreachable server is left alone; 60 otherwise
    remember_interval          how many seconds an answer counts for a process; 1 otherwise
    option_file                the option file; /etc/my.cnf and /etc/mysql/my.cnf otherwise
    option_group               the group in it that is read after [client]; none is read if it is empty, and there is no
                               option_file
    tls_cert_file              the client's certificate
    tls_key_file               its key
    tls_CAfile, tls_CApath     the authorities that may have signed the server's certificate: a file, a directory
    tls_verify_cert            yes: the certificate must be for the host, too

The server that answered last is asked first; then those with a Unix socket, then those over TCP, by chance among their
like. Without tls_ settings a connection over TCP is encrypted if the server can do it, and whoever answers is trusted.
The query may call a procedure that gives one result set.

Rights: settings, certificates and option files are read at once, with the rights that the process begins with. A file
with a password should be readable for root alone.

Failures: a server that can't be reached is left alone for a while, and another one asked. When none is left, or the
query is wrong, the lookup is a temporary failure.

Example: the alias table of ExtMail

    hosts = localhost
    user = extmail
    password = extmail
    dbname = extmail
    query = SELECT goto FROM alias WHERE address = '%s' AND active = '1'

See: table_queries(5), lookup_tables(5), postmap(1)

Inside: `timeout` is pyfix's own, the intervals are those of later versions of Postfix. hosts.py chooses the server,
mysql_options.py reads option files; the accounts in a database (mail/accounts/mysql.py) connect by the same settings.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NoReturn

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CR, ER
from pymysql.converters import encoders

from pyfix.base.endpoint import Endpoint
from pyfix.base.failure import words_for
from pyfix.mail.maps.connections import Connections
from pyfix.mail.maps.hosts import IDLE_S, SILENCE_S, Host, Hosts, QueryFailed, ServerDown
from pyfix.mail.maps.mysql_options import DEFAULT_FILES, read_options
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.queried import KeyValues
from pyfix.mail.maps.settings import Settings
from pyfix.mail.maps.sql import REMEMBER_S, Row, SqlTable
from pyfix.mail.maps.table import Table, decode_value
from pyfix.mail.maps.tls_options import NAMES, read_tls

_PORT: Final = "3306"
_SOCKETS: Final = ("/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock")
"""Where the server of a distribution, of a binary package and of a build from source listens."""
_CONNECTION_KILLED: Final = 1927
_DISCONNECTED_BY_SERVER: Final = 4031
_GONE: Final = frozenset(
    {CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, ER.SERVER_SHUTDOWN, _CONNECTION_KILLED, _DISCONNECTED_BY_SERVER}
)
"""Errors that end a connection."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to connect to each of the hosts."""

    user: str
    password: str
    database: str
    timeout_s: int
    tls: ssl.SSLContext | None

    def connect(self, endpoint: Endpoint, name: str) -> Connection:
        """Return a connection; raises ServerDown.

        pymysql leaves the socket open where there is nobody behind a path, so that it does not get to open one.
        """
        try:
            connection = pymysql.connect(
                host=endpoint.host or None, port=int(endpoint.port or 0), unix_socket=endpoint.path or None,
                user=self.user, password=self.password, database=self.database, charset="utf8mb4", conv=encoders,
                connect_timeout=self.timeout_s, read_timeout=self.timeout_s, write_timeout=self.timeout_s,
                ssl=self.tls, autocommit=True, defer_connect=True,
            )  # fmt: skip
            connection.connect(endpoint.connect(self.timeout_s) if endpoint.path else None)
            return connection
        except (pymysql.Error, OSError, RuntimeError, ValueError) as error:
            raise ServerDown(f"connect to mysql server {name}: {_reason(error)}") from error

    def host(self, endpoint: Endpoint, text: str, idle_s: float = IDLE_S) -> Host[Connection]:
        """Return a server, not asked yet; text: its name for messages."""
        return Host(
            text, bool(endpoint.path), Connections(partial(self.connect, endpoint, text), _close, ServerDown, idle_s)
        )


def usual_socket() -> str:
    """Return where a server on this machine listens."""
    return next(filter(os.path.exists, _SOCKETS), _SOCKETS[0])


class MysqlTable(SqlTable):
    """Asks one of several servers."""

    def __init__(self, name: str, settings: Settings, opening: Opening) -> None:
        super().__init__(name, settings, opening)
        self.remember_s = settings.integer("remember_interval", REMEMBER_S, low=0)
        self._needs_result = settings.boolean("require_result_set", True)
        self._hosts = open_hosts(settings)

    def rows(self, key: KeyValues) -> Iterable[Row]:
        found = self._hosts.call(lambda connection: self._run(connection, key), self.name, self.warn)
        return [[self._text(value, key) for value in row] for row in found]

    def _run(self, connection: Connection, key: KeyValues) -> list[tuple[Any, ...]]:
        """Return the rows of the one result set; raises ServerDown, QueryFailed."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(self.query_for(key, lambda text: cursor.mogrify("%s", [text])[1:-1]))
                rows = list(cursor.fetchall()) if cursor.description else None
                while cursor.nextset():
                    if cursor.description:
                        raise QueryFailed(
                            f"{self.name}: query failed: multiple result sets returning data are not supported"
                        )
        except (pymysql.Error, OSError) as error:
            raise_failure(self.name, error)
        if rows is None and self._needs_result:
            raise QueryFailed(f"{self.name}: query failed: query returned no result set (require_result_set = yes)")
        return rows or []

    def _text(self, value: str | bytes | None, key: KeyValues) -> str | None:
        return decode_value(value, self.name, key["s"]) if isinstance(value, bytes) else value


def open_hosts(settings: Settings) -> Hosts[Connection]:
    """Return the servers that the settings name, none of them asked yet; raises ConfigError."""
    options = _options(settings)
    access = Access(
        settings.string("user") or options.get("user", ""),
        settings.string("password") or options.get("password", ""),
        settings.string("dbname", low=1),
        settings.integer("timeout", 10, low=1),
        _tls(settings, options),
    )
    hosts = settings.words("hosts") or ["localhost"]
    idle_s = settings.integer("idle_interval", int(IDLE_S), low=1)
    return Hosts(
        [_host(settings, text, options, access, idle_s) for text in hosts],
        settings.integer("retry_interval", int(SILENCE_S), low=1),
    )


def raise_failure(name: str, error: Exception) -> NoReturn:
    """Raise ServerDown for what ends a connection, QueryFailed for anything else."""
    text = f"{name}: query failed: {_reason(error)}"
    if isinstance(error, (OSError, pymysql.InterfaceError)) or (error.args[:1] and error.args[0] in _GONE):
        raise ServerDown(text) from error
    raise QueryFailed(text) from error


def _reason(error: Exception) -> str:
    """Return what the library or the system says, without their numbers."""
    cause = getattr(error, "original_exception", None)
    if cause is not None:
        return words_for(cause)
    return str(error.args[1]) if len(error.args) > 1 else words_for(error)


def _options(settings: Settings) -> dict[str, str]:
    """Return what the client's option files say, by default [client] in the usual ones; raises ConfigError."""
    file, group = settings.string("option_file"), settings.string("option_group", "client")
    if not file and not group:
        return {}
    files = [file] if file else [path for path in DEFAULT_FILES if os.path.exists(path)]
    try:
        return read_options(files, ["client", group] if group else ["client"])
    except OSError as error:
        raise settings.refuse("option_file", f"open option file {error.filename}: {error.strerror}") from None


def _host(settings: Settings, text: str, options: dict[str, str], access: Access, idle_s: int) -> Host[Connection]:
    """Return one host; raises ConfigError."""
    try:
        endpoint = _endpoint(text, options)
    except ValueError as error:
        raise settings.refuse("hosts", f"hosts: {error}") from None
    return access.host(endpoint, text, idle_s)


def _endpoint(text: str, options: dict[str, str]) -> Endpoint:
    if text.startswith("unix:"):
        return Endpoint.unix(text[5:])
    endpoint = Endpoint.tcp(text.removeprefix("inet:"), options.get("port", _PORT))
    if endpoint.host == "localhost":
        return Endpoint.unix(options.get("socket") or usual_socket())
    if not endpoint.port.isdigit():
        raise ValueError(f'bad port "{endpoint.port}" in "{text}"')
    return endpoint


def _close(connection: Connection) -> None:
    if connection.open:
        connection.close()


def _tls(settings: Settings, options: dict[str, str]) -> ssl.SSLContext | None:
    """Return how to encrypt, None where nothing is said about it; raises ConfigError."""
    names = ("ssl-cert", "ssl-key", "ssl-ca", "ssl-capath")
    return read_tls(settings, {name: options.get(option, "") for name, option in zip(NAMES.all(), names, strict=True)})


def open_mysql(spec: str, settings: Settings, opening: Opening) -> Table:
    """Return the table; raises ConfigError."""
    return MysqlTable(spec, settings, opening)

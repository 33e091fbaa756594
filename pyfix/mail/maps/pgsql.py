"""pgsql_table(5): a query to a PostgreSQL server.

    pgsql:/etc/pyfix/aliases.cf

The settings are those of table_queries(5), and:

    hosts               the servers, see below; localhost otherwise
    user, password      the account
    dbname              the database; required where a host is no URI
    encoding            how texts are sent: UTF8; LATIN1 or SQL_ASCII for the bytes as they are
    timeout             how many seconds a connection and each answer may take; 10 otherwise
    idle_interval       how many seconds an unused connection is kept; 60 otherwise
    retry_interval      how many seconds an unreachable server is left alone; 60 otherwise
    remember_interval   how many seconds an answer counts for a process; 1 otherwise
    select_function     in the place of query, before Postfix 2.2: a function of the key

A host is host, host:port or inet:host:port; unix:/directory, where the server's socket for port 5432 is; or a URI as of
PostgreSQL's own clients, which stands for itself: user, password and dbname are not added to it. In the place of a
database the clients' words name=value may be given, too. Both can say how to encrypt:

    hosts = postgresql://user:password@host/db?sslmode=verify-full
    dbname = dbname=mail sslmode=verify-full sslrootcert=/etc/db.pem

The server that answered last is asked first; then those with a Unix socket, then the others, by chance among their
like. Without sslmode a connection over TCP is encrypted if the server can do it, and whoever answers is trusted. A
query may have several statements, of which the last gives the result. What a key puts into an E'...' text is quoted for
it. A key that the encoding of the database has no letters for is not in the table.

PostgreSQL's own client library does the talking: what is not said here it takes from its environment variables.

Rights: the settings are read at once, with the rights that the process begins with; certificates that they name are
read for each connection, with those it has then, in its jail if it has one. A file with a password should be readable
for root alone.

Failures: a server that can't be reached is left alone for a while, and another one asked. When none is left, or the
query is wrong, the lookup is a temporary failure. The type needs a package: pip install 'pyfix[pgsql]'.

Example:

    hosts = unix:/run/postgresql db.example.com
    user = mail
    password = secret
    dbname = mail
    query = SELECT goto FROM alias WHERE address = '%s' AND active

See: table_queries(5), lookup_tables(5), postmap(1)

Inside: `timeout` is pyfix's own; `encoding` and the intervals are those of later versions of Postfix. Postfix 3.7 has
encoding = LATIN1, with which a UTF-8 database does not find what is not ASCII. libpq.py talks to the server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo

from pyfix.base.endpoint import Endpoint
from pyfix.mail.maps.connections import Connections
from pyfix.mail.maps.hosts import IDLE_S, SILENCE_S, Host, Hosts, QueryFailed, ServerDown
from pyfix.mail.maps.libpq import NoSuchText, Session
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.queried import KeyValues
from pyfix.mail.maps.settings import Settings
from pyfix.mail.maps.sql import REMEMBER_S, Row, SqlTable
from pyfix.mail.maps.table import Table, decode_value
from pyfix.mail.maps.template import Template

_URI: Final = "postgresql:"
_NO_PORT: Final = "-"
_ENCODINGS: Final = ("UTF8", "LATIN1", "SQL_ASCII")
"""Those in which a byte of ASCII always is that character: keys are put between quotes as bytes."""
_LITERAL: Final = re.compile(
    r"""(?P<escape>(?<![\w$])[eE]'(?:[^'\\]|''|\\.)*'?) | '(?:[^']|'')*'? | "[^"]*"? | --[^\n]*
    | /\*.*?\*/ | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$""",
    re.DOTALL | re.VERBOSE,
)


class PgsqlTable(SqlTable):
    """Asks one of several servers."""

    has_select_function = True

    def __init__(self, name: str, settings: Settings, opening: Opening) -> None:
        super().__init__(name, settings, opening)
        self._query = mark_escapes(self._query)
        self._timeout_s = settings.integer("timeout", 10, low=1)
        self.remember_s = settings.integer("remember_interval", REMEMBER_S, low=0)
        self._idle_s = settings.integer("idle_interval", int(IDLE_S), low=1)
        encoding = settings.choice("encoding", "UTF8", _ENCODINGS)
        hosts = [
            self._host(text, _conninfo(settings, text, encoding)) for text in settings.words("hosts") or ["localhost"]
        ]
        self._hosts = Hosts(hosts, settings.integer("retry_interval", int(SILENCE_S), low=1))

    def _host(self, text: str, conninfo: str) -> Host[Session]:
        name = without_secrets(text)
        connect = partial(Session, conninfo, name, self._timeout_s)
        is_unix = text.removeprefix("unix:").startswith("/")
        return Host(name, is_unix, Connections(connect, Session.close, ServerDown, self._idle_s))

    def rows(self, key: KeyValues) -> Iterable[Row]:
        if "\0" in key["s"]:
            return []
        found = self._hosts.call(lambda session: self._run(session, key), self.name, self.warn)
        return [[None if value is None else decode_value(value, self.name, key["s"]) for value in row] for row in found]

    def _run(self, session: Session, key: KeyValues) -> list[list[bytes | None]]:
        """Return the rows of the last statement; raises ServerDown, QueryFailed."""
        values = key | {_escaped(code): session.escape(text) for code, text in key.items()}
        query = self.query_for(values, session.quote)
        try:
            return session.query(query)
        except NoSuchText as problem:
            if session.knows(key["s"]):
                raise QueryFailed(str(problem)) from None
            return []


def _escaped(code: str) -> str:
    """Return the code for the same text in an E'...' literal."""
    return f"E{code}"


def mark_escapes(query: Template) -> Template:
    r"""Return the query with codes of their own inside E'...': there a backslash has to be quoted, too."""
    spans = [found.span() for found in _LITERAL.finditer(query.text) if found["escape"]]
    pieces = list(query.pieces)
    position = 0
    for index, piece in enumerate(query.pieces):
        if index % 2 and piece != "%" and any(start < position < end for start, end in spans):
            pieces[index] = _escaped(piece)
        position += len(piece) + index % 2
    return Template(query.text, tuple(pieces))


def _conninfo(settings: Settings, text: str, encoding: str) -> str:
    """Return what leads to a host, in libpq's words; raises ConfigError."""
    if text.startswith(_URI):
        settings.string("dbname")  # Postfix 3.7 wants it anyway
        return _checked(settings, "hosts", text, client_encoding=encoding)
    given = {name: settings.string(name) for name in ("user", "password")}
    server = _server(settings, text)
    return _checked(
        settings, "dbname", settings.string("dbname", low=1), client_encoding=encoding,
        **server, **{name: value for name, value in given.items() if value},
    )  # fmt: skip


def _checked(settings: Settings, name: str, text: str, **options: str) -> str:
    """Return a conninfo with further options; text: what a user has written in a setting, for which it may stand."""
    try:
        if text.startswith((_URI, "postgres:")) or "=" in text:
            return make_conninfo(text, **options)
        return make_conninfo("", dbname=text, **options)
    except psycopg.ProgrammingError as error:
        shown = without_secrets(text)
        problem = " ".join(str(error).replace(text, shown).split())
        raise settings.refuse(name, f"{name}: {shown}: {problem}") from None


def _server(settings: Settings, text: str) -> dict[str, str]:
    """Return the options for a host that is no URI; a port is left to the others where there is none."""
    name = text.removeprefix("unix:")
    if name.startswith("/"):
        return {"host": name}
    if text.startswith("unix:"):
        raise settings.refuse("hosts", f'hosts: need the path of a directory behind unix: instead of "{name}"')
    try:
        endpoint = Endpoint.tcp(text.removeprefix("inet:"), _NO_PORT)
    except ValueError as error:
        raise settings.refuse("hosts", f"hosts: {error}") from None
    if endpoint.port == _NO_PORT:
        return {"host": endpoint.host}
    if not endpoint.port.isdigit():
        raise settings.refuse("hosts", f'hosts: bad port "{endpoint.port}" in "{text}"')
    return {"host": endpoint.host, "port": endpoint.port}


def without_secrets(text: str) -> str:
    """Return a host, or what is in the place of a database, fit for the log."""
    if "=" in text and "://" not in text:
        return re.sub(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)", r"\1...", text)
    scheme, slashes, rest = text.partition("?")[0].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if slashes else text


def open_pgsql(spec: str, settings: Settings, opening: Opening) -> Table:
    """Return the table; raises ConfigError."""
    return PgsqlTable(spec, settings, opening)

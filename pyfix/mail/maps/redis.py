"""redis_table(5): a Redis server, or another one that speaks its protocol.

    redis:/etc/pyfix/aliases.cf

The settings are domain and result_format as in table_queries(5), and:

    hosts                     the servers: host:port, inet:host:port or unix:/path; localhost:6379 otherwise
    user, password            the account, the password alone for the default one; nobody logs in otherwise
    db                        the number of the database; 0 otherwise
    key_format                what the server is asked for; %s otherwise. The codes are those of a query
    hash                      the name of a hash that has the keys as its fields; each key is a string otherwise
    timeout                   how many seconds a connection and each answer may take; 10 otherwise
    idle_interval             how many seconds an unused connection is kept; 60 otherwise
    retry_interval            how many seconds an unreachable server is left alone; 60 otherwise
    tls_cert_file             the client's certificate
    tls_key_file              its key
    tls_CAfile, tls_CApath    the authorities that may have signed the server's certificate: a file, a directory
    tls_verify_cert           yes: the certificate must be for the host, too

The server is asked with GET key, or with HGET hash key. The server that answered last is asked first; then those with a
Unix socket, then those over TCP, by chance among their like. Connections are encrypted if there is any tls_ setting.

Rights: settings and certificates are read at once, with the rights that the process begins with. A file with a password
should be readable for root alone. Whoever can reach a server without a password can write to it: a table without one
is refused for what decides about commands, files and rights.

Failures: a server that can't be reached is left alone for a while, and another one asked. When none is left, or the
server refuses, the lookup is a temporary failure; so it is for a key that is there but holds a list, a set or a hash.

Example: SET alias:info@example.com alice@example.com

    hosts = unix:/run/redis/redis.sock 127.0.0.1:6379
    password = secret
    key_format = alias:%s

See: table_queries(5), memcache_table(5), lookup_tables(5), postmap(1)

Inside: the type is pyfix's own. proto/resp.py has the protocol.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from pyfix.base.endpoint import Endpoint
from pyfix.base.failure import words_for
from pyfix.base.stream import Stream, StreamError
from pyfix.mail.maps.connections import Connections
from pyfix.mail.maps.hosts import IDLE_S, SILENCE_S, Host, Hosts, QueryFailed, ServerDown
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.queried import KeyValues, QueriedTable, read_template
from pyfix.mail.maps.settings import Settings
from pyfix.mail.maps.table import Table, UnavailableTable, decode_value
from pyfix.mail.maps.template import Templates
from pyfix.mail.maps.tls_options import read_tls
from pyfix.proto import resp

VALUE_LIMIT: Final = 100_000
_LINE_LIMIT: Final = 4096
_PORT: Final = "6379"
_WRONG_TYPE: Final = "; only strings are looked up, and fields of the hash that a setting names"


@dataclass(frozen=True, slots=True)
class Access:
    """How to connect to each of the hosts."""

    login: tuple[bytes, ...]
    """The words of the command that logs in; none: nobody does."""
    database: int
    timeout_s: int
    tls: ssl.SSLContext | None

    def connect(self, endpoint: Endpoint, name: str) -> Session:
        """Return a session that is ready for lookups; raises ServerDown."""
        try:
            session = Session(Stream(self._socket(endpoint), self.timeout_s), name)
        except (OSError, ValueError) as error:
            raise ServerDown(f"connect to redis server {name}: {words_for(error)}") from error
        try:
            if self.login:
                session.ask(*self.login)
            if self.database:
                session.ask(b"SELECT", b"%d" % self.database)
        except QueryFailed as error:
            session.close()
            raise ServerDown(str(error)) from error
        except BaseException:
            session.close()
            raise
        return session

    def _socket(self, endpoint: Endpoint) -> socket.socket:
        plain = endpoint.connect(self.timeout_s)
        if self.tls is None:
            return plain
        try:
            return self.tls.wrap_socket(plain, server_hostname=endpoint.host or None)
        except BaseException:
            plain.close()
            raise


@dataclass(frozen=True, slots=True)
class Session:
    """A connection, which it owns."""

    stream: Stream
    name: str
    """Of the server, for messages."""

    def ask(self, *words: bytes) -> bytes | None:
        """Return the reply to a command; raises ServerDown, QueryFailed."""
        try:
            return self._exchange(words)
        except StreamError as error:
            raise ServerDown(f"redis {words[0].decode()} failed: {self.name}: {error}") from error
        except resp.ReplyError as error:
            raise QueryFailed(f"redis {words[0].decode()} failed: {self.name}: {error}") from error

    def _exchange(self, words: tuple[bytes, ...]) -> bytes | None:
        self.stream.send(resp.command(*words))
        match resp.parse_line(self.stream.line(_LINE_LIMIT)):
            case resp.Text(value):
                return value
            case resp.Failure(text):
                raise resp.ReplyError(text + (_WRONG_TYPE if text.startswith("WRONGTYPE") else ""))
            case resp.Value(length):
                return None if length is None else self._value(length)

    def _value(self, length: int) -> bytes:
        if length > VALUE_LIMIT:
            raise resp.ReplyError(f"value of {length} bytes, {VALUE_LIMIT} are allowed")
        value = self.stream.exactly(length + 2)
        if value[length:] != b"\r\n":
            raise resp.ReplyError("the value is longer than the server has said")
        return value[:length]

    def close(self) -> None:
        """End the session."""
        self.stream.close()


class RedisTable(QueriedTable):
    """Asks one of several servers."""

    def __init__(self, name: str, settings: Settings, opening: Opening, access: Access) -> None:
        self._key = read_template(settings, "key_format", "%s")
        templates = Templates([self._key], read_template(settings, "result_format", "%s"))
        super().__init__(name, settings, opening, templates)
        hash_name = settings.string("hash")
        self._command = (b"HGET", hash_name.encode()) if hash_name else (b"GET",)
        idle_s = settings.integer("idle_interval", int(IDLE_S), low=1)
        hosts = [_host(settings, text, access, idle_s) for text in settings.words("hosts") or ["localhost"]]
        self._hosts = Hosts(hosts, settings.integer("retry_interval", int(SILENCE_S), low=1))

    def find(self, key: KeyValues) -> Iterable[str | None]:
        words = (*self._command, self._key.fill(key).encode())
        value = self._hosts.call(lambda session: session.ask(*words), self.name, self.warn)
        return [None if value is None else decode_value(value, self.name, key["s"])]


def _host(settings: Settings, text: str, access: Access, idle_s: int) -> Host[Session]:
    try:
        if "//" in text:
            raise ValueError(f'need host:port or unix:/path instead of "{text.rpartition("@")[2]}"')
        is_unix = text.startswith("unix:")
        endpoint = Endpoint.unix(text[5:]) if is_unix else Endpoint.tcp(text.removeprefix("inet:"), _PORT)
    except ValueError as error:
        raise settings.refuse("hosts", f"hosts: {error}") from None
    connect = partial(access.connect, endpoint, text)
    return Host(text, is_unix, Connections(connect, Session.close, ServerDown, idle_s))


def open_redis(spec: str, settings: Settings, opening: Opening) -> Table:
    """Return the table; raises ConfigError."""
    user, password = settings.string("user"), settings.string("password")
    if user and not password:
        raise settings.refuse("user", "user: there is no password for it; specify one")
    login = tuple(word.encode() for word in ("AUTH", user, password) if word) if password else ()
    access = Access(
        login, settings.integer("db", 0, low=0), settings.integer("timeout", 10, low=1), read_tls(settings, {})
    )  # fmt: skip
    table = RedisTable(spec, settings, opening, access)
    if opening.sensitive and not password:
        return UnavailableTable(spec, f"{spec} map without a password is not allowed for security sensitive data")
    return table

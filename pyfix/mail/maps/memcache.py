"""memcache_table(5): a memcached server, alone or in front of another table.

    memcache:/etc/pyfix/aliases.cf

The settings are domain as in table_queries(5), and:

    memcache           the server: inet:host:port or unix:/path; inet:localhost:11211 otherwise
    backup             type:name of a table that is asked for what the server does not have
    key_format         what the server is asked for; %s otherwise. The codes are those of a query
    ttl                for how many seconds the server keeps what the backup has; 3600 otherwise
    flags              a number that the server keeps with it; 0 otherwise
    timeout            how many seconds a connection and each answer may take; 2 otherwise
    max_try            how often the server is asked that gives no good answer; 2 otherwise
    retry_pause        how many seconds later; 1 otherwise
    data_size_limit    how many bytes a value may have; 10240 otherwise
    line_size_limit    how many bytes a line of the server's may have; 1024 otherwise

What the backup has is given to the server. The backup is asked for the key itself, without key_format. A key with white
space or control characters is in neither. Nothing else is stored or removed: postmap can ask such a table, and list the
backup.

Rights: the settings are read and the backup is opened at once, with the rights that the process begins with. A server
is often writable for whoever can reach it: the type is refused for what decides about commands, files and rights.

Failures: a server that can't be reached or gives no good answer is a temporary failure; with a backup it is a warning,
and the backup is asked.

Example:

    memcache = inet:127.0.0.1:11211
    key_format = aliases:%s
    backup = sqlite:/etc/pyfix/aliases-sqlite.cf

See: table_queries(5), lookup_tables(5), postmap(1)

Inside: proto/memcache.py has the protocol.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from pyfix.base.endpoint import Endpoint
from pyfix.base.failure import words_for
from pyfix.base.stream import Stream, StreamError, StreamGone
from pyfix.mail.config import ConfigError
from pyfix.mail.maps.connections import Connections
from pyfix.mail.maps.hosts import IDLE_S
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.queried import KeyedTable, read_template
from pyfix.mail.maps.registry import open_table
from pyfix.mail.maps.settings import Settings
from pyfix.mail.maps.table import Ask, Table, TableError, decode_value
from pyfix.mail.maps.template import Templates
from pyfix.proto import memcache as protocol

R = TypeVar("R")


class MemcacheTable(KeyedTable):
    """Asks one server, and then the backup."""

    def __init__(self, name: str, settings: Settings, opening: Opening) -> None:
        self._key = read_template(settings, "key_format", "%s")
        super().__init__(name, settings, opening, Templates([self._key]))
        self._endpoint = _server(settings)
        timeout_s = settings.integer("timeout", 2, low=1)
        connect = partial(_connect, self._endpoint, timeout_s)
        self._connections = Connections(connect, Stream.close, StreamGone, IDLE_S)
        self._tries = settings.integer("max_try", 2, low=1)
        self._pause_s = settings.integer("retry_pause", 1, low=0)
        self._value_limit = settings.integer("data_size_limit", 10240, low=1)
        self._line_limit = settings.integer("line_size_limit", 1024, low=1)
        self._flags = settings.integer("flags", 0, low=0)
        self._ttl_s = settings.integer("ttl", 3600, low=0)
        self._backup = _backup(settings, opening)

    def lookup(self, key: str) -> str | None:
        values = self.values_of(key)
        if values is None:
            return None
        name = self._key.fill(values)
        if any(char <= " " or char == "\x7f" for char in name):
            return None
        return self._find(values["s"], name.encode())

    def _find(self, key: str, name: bytes) -> str | None:
        """Return the value of a key, which the server knows by another name."""
        if self._backup is None:
            return self._get(name, key)
        found = self._unless_down(lambda: self._get(name, key))
        if found is None:
            found = self._backup.lookup(key)
            if found:
                value = found.encode()
                self._unless_down(lambda: self._set(name, value))
        return found

    def _unless_down(self, request: Callable[[], R]) -> R | None:
        """Return the result of a request, None if it fails: there is a backup."""
        try:
            return request()
        except TableError as error:
            self.warn(str(error))
            return None

    def _get(self, name: bytes, key: str) -> str | None:
        if not protocol.is_key(name):
            return None
        value = self._call(partial(self._receive, name))
        return None if value is None else decode_value(value, self.name, key)

    def _receive(self, name: bytes, stream: Stream) -> bytes | None:
        stream.send(protocol.get_request(name))
        length = protocol.value_length(stream.line(self._line_limit), name)
        if length is None:
            return None
        if length > self._value_limit:
            raise StreamError(f"value of {length} bytes, data_size_limit allows {self._value_limit}")
        value = stream.exactly(length + 2)
        end = stream.line(self._line_limit)
        if value[length:] != b"\r\n" or end != b"END":
            raise protocol.unexpected(value[length:] + end)
        return value[:length]

    def _set(self, name: bytes, value: bytes) -> None:
        if protocol.is_key(name):
            self._call(partial(self._store, protocol.set_request(name, value, self._flags, self._ttl_s)))

    def _store(self, request: bytes, stream: Stream) -> None:
        stream.send(request)
        reply = stream.line(self._line_limit)
        if reply != b"STORED":
            raise protocol.unexpected(reply)

    def _call(self, request: Callable[[Stream], R]) -> R:
        """Return what a request gives, at once or the second time; raises TableError."""
        tries = self._tries
        while True:
            try:
                return self._connections.call(request)
            except (StreamError, protocol.ReplyError) as error:
                tries -= 1
                if not tries:
                    raise TableError(f"{self.name}: memcache server {self._endpoint}: {error}") from error
            except OSError as error:
                raise TableError(f"{self.name}: connect to {self._endpoint}: {words_for(error)}") from error
            time.sleep(self._pause_s)  # retry_pause; who must not wait asks a blocking table in a thread

    def entries(self) -> Iterator[tuple[str, str]]:
        if self._backup is None:
            raise TableError(f"table {self.name}: only its backup could list what is there, and there is none")
        return self._backup.entries()

    def lend(self, ask: Ask) -> None:
        super().lend(ask)
        if self._backup is not None:
            self._backup.lend(ask)

    def has_changed(self) -> bool:
        return super().has_changed() or (self._backup is not None and self._backup.has_changed())


def _connect(endpoint: Endpoint, timeout_s: float) -> Stream:
    return Stream(endpoint.connect(timeout_s), timeout_s)


def _server(settings: Settings) -> Endpoint:
    try:
        return Endpoint.parse(settings.string("memcache", "inet:localhost:11211"))
    except ValueError as error:
        raise settings.refuse("memcache", f"memcache: {error}") from None


def _backup(settings: Settings, opening: Opening) -> Table | None:
    spec = settings.string("backup")
    try:
        return open_table(spec, opening) if spec else None
    except ConfigError as error:
        raise settings.refuse("backup", f"backup: {error}") from None


def open_memcache(spec: str, settings: Settings, opening: Opening) -> Table:
    """Return the table; raises ConfigError."""
    return MemcacheTable(spec, settings, opening)

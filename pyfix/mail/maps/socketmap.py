"""socketmap_table(5): a server is asked for each key, in netstrings.

    socketmap:inet:host:port:name
    socketmap:unix:path:name

The server gets the name of the table and the key, and answers with a word and more.

    name key                     the request
    OK value                     the value
    NOTFOUND                     there is no such key; a blank follows the word
    TEMP reason                  try again later; so do TIMEOUT and PERM

Each is a netstring: the length in decimal, a colon, the bytes, a comma. Only whole keys are asked for, never parts of
an address, and their case stays. One server may have many tables.

Rights: the server is not authenticated: the type is refused for what decides about commands, files and rights.

Failures: a server that can't be reached, is silent for 100 seconds, answers otherwise or with TEMP, TIMEOUT or PERM is
a temporary failure.

See: lookup_tables(5), tcp_table(5), postmap(1)

Inside: cr.yp.to/proto/netstrings.txt.
"""

from __future__ import annotations

from typing import Final

from pyfix.base.endpoint import Endpoint
from pyfix.base.failure import words_for
from pyfix.base.stream import Stream, StreamError, StreamGone
from pyfix.mail.config import ConfigError
from pyfix.mail.maps.connections import Connections
from pyfix.mail.maps.source import shown
from pyfix.mail.maps.table import Table, TableError, decode_value, encode_key

REPLY_LIMIT: Final = 100_000
TIMEOUT_S: Final = 100.0
_IDLE_S: Final = 10.0
_LIFE_S: Final = 100.0
_LENGTH_LIMIT: Final = 8
"""Characters of a length with its colon."""
_FAILURES: Final = {"TEMP": "temporary", "TIMEOUT": "timeout", "PERM": "permanent"}


class SocketmapTable(Table):
    """Asks one map of one server."""

    is_pattern = True
    blocking = True

    def __init__(self, name: str, endpoint: Endpoint, map_name: str, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(name)
        self._map_name = map_name.encode()
        self._connections = Connections(
            lambda: Stream(endpoint.connect(timeout_s), timeout_s), Stream.close, StreamGone, _IDLE_S, _LIFE_S
        )
        self._endpoint = endpoint

    def lookup(self, key: str) -> str | None:
        raw = encode_key(key)
        if raw is None:
            return None
        request = _netstring(self._map_name + b" " + raw)
        try:
            reply = self._connections.call(lambda stream: _exchange(stream, request))
        except StreamError as error:
            raise TableError(f"table {self.name} lookup error: {error}") from error
        except OSError as error:
            problem = f"connect to {self._endpoint}: {words_for(error)}"
            raise TableError(f"table {self.name} lookup error: {problem}") from error
        return self._value(decode_value(reply, self.name, key))

    def _value(self, reply: str) -> str | None:
        """Return what the reply says; raises TableError."""
        word, space, rest = reply.partition(" ")
        if word == "NOTFOUND":
            return None
        if word == "OK" and space:
            return rest
        reason = f": {shown(rest.strip(), 200)}" if rest.strip() else ""
        raise TableError(f"{self.name} socketmap server {_FAILURES.get(word, 'unknown')} error{reason}")


def _netstring(content: bytes) -> bytes:
    return b"%d:%s," % (len(content), content)


def _exchange(stream: Stream, request: bytes) -> bytes:
    """Send a request and return the content of the reply."""
    stream.send(request)
    length = stream.until(b":", _LENGTH_LIMIT)
    if not length.isdigit():
        raise StreamError("netstring format error: the length is no number")
    if int(length) > REPLY_LIMIT:
        raise StreamError(f"netstring too large: {int(length)} bytes, {REPLY_LIMIT} are allowed")
    content = stream.exactly(int(length) + 1)
    if content[-1:] != b",":
        raise StreamError("netstring format error: no comma at the end")
    return content[:-1]


def open_socketmap(spec: str, name: str) -> Table:
    """Return the table; raises ConfigError."""
    server, colon, map_name = name.rpartition(":")
    if not colon:
        raise ConfigError(f'socketmap requires server:socketmap argument instead of "{name}"')
    try:
        return SocketmapTable(spec, Endpoint.parse(server), map_name)
    except ValueError as error:
        raise ConfigError(f"{spec}: {error}") from None

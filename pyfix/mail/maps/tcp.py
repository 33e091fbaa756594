"""tcp_table(5): a server is asked for each key, in lines.

    tcp:host:port

The server gets one line for each key, and answers with one.

    get KEY      the request
    200 VALUE    the value
    500 text     there is no such key
    400 text     try again later

In keys and values %, blanks and all that is no printable ASCII stand as %XX, with XX in hexadecimal. Only whole keys
are asked for, never parts of an address, and their case stays.

Rights: the server is not authenticated: the type is refused for what decides about commands, files and rights.

Failures: a server that can't be reached, is silent for 100 seconds or answers otherwise is a temporary failure.

See: lookup_tables(5), socketmap_table(5), postmap(1)
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from pyfix.base.endpoint import Endpoint
from pyfix.base.failure import words_for
from pyfix.base.stream import Stream, StreamError, StreamGone
from pyfix.mail.config import ConfigError
from pyfix.mail.maps.connections import Connections
from pyfix.mail.maps.source import shown
from pyfix.mail.maps.table import Table, TableError, decode_value, encode_key

REPLY_LIMIT: Final = 4096
TIMEOUT_S: Final = 100.0
_PLAIN: Final = "".join(chr(code) for code in range(33, 127) if chr(code) != "%")
_REPLY: Final = re.compile(rb"([0-9]{3})[ \t](.*)", re.DOTALL)
_BAD_CODE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class TcpTable(Table):
    """Asks one server."""

    is_pattern = True
    blocking = True

    def __init__(self, name: str, endpoint: Endpoint, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(name)
        self._endpoint = endpoint
        self._connections = Connections(
            lambda: Stream(endpoint.connect(timeout_s), timeout_s), Stream.close, StreamGone, timeout_s
        )

    def lookup(self, key: str) -> str | None:
        raw = encode_key(key)
        if raw is None:
            return None
        request = b"get %s\n" % quote_from_bytes(raw, _PLAIN).encode()
        try:
            reply = self._connections.call(lambda stream: _exchange(stream, request))
        except StreamError as error:
            raise TableError(f"read TCP map reply from {self._endpoint}: {error}") from error
        except OSError as error:
            raise TableError(f"connect to TCP map {self._endpoint}: {words_for(error)}") from error
        return self._value(reply, key)

    def _value(self, reply: bytes, key: str) -> str | None:
        """Return what the reply says; raises TableError."""
        parsed = _REPLY.fullmatch(reply)
        if parsed is None or _BAD_CODE.search(parsed[2]):
            raise TableError(f"read TCP map reply from {self._endpoint}: malformed reply: {_shown(reply)}")
        code, text = parsed[1], unquote_to_bytes(parsed[2].lstrip(b" \t"))
        match code:
            case b"200":
                return decode_value(text, self.name, key)
            case b"500":
                return None
            case b"400":
                raise TableError(f"{self.name}: the server says: {_shown(text)}")
        raise TableError(f"read TCP map reply from {self._endpoint}: bad status code: {_shown(reply)}")


def _exchange(stream: Stream, request: bytes) -> bytes:
    stream.send(request)
    return stream.line(REPLY_LIMIT)


def _shown(text: bytes) -> str:
    return shown(text.decode("utf-8", "replace"))


def open_tcp(spec: str, name: str) -> Table:
    """Return the table; raises ConfigError."""
    try:
        return TcpTable(spec, Endpoint.tcp(name))
    except ValueError as error:
        raise ConfigError(f"{spec}: {error}") from None

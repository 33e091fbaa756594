"""The server's end of a connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pyfix.proto.dovecot_auth.lines import LINE_LIMIT, LineReader, ProtocolError, decode_line, encode_line, parse_number
from pyfix.proto.dovecot_auth.messages import Malformed, Mechanism, Request, parse_request

VERSION: Final = ("1", "2")


def greet(mechanisms: Sequence[Mechanism], pid: int, connection: int, cookie: str) -> bytes:
    """Return what the server says at once.

    connection: a number that no other connection to this process has; cookie: 32 hexadecimal digits.
    """
    offers = (encode_line("MECH", offer.name, *sorted(offer.properties)) for offer in mechanisms)
    return b"".join(
        (
            encode_line("VERSION", *VERSION),
            *offers,
            encode_line("SPID", str(pid)),
            encode_line("CUID", str(connection)),
            encode_line("COOKIE", cookie),
            encode_line("DONE"),
        )
    )


class ServerSession:
    """Turns what a client sends into requests."""

    __slots__ = ("_is_compatible", "_lines", "client_pid")

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._lines = LineReader(limit)
        self._is_compatible = False
        self.client_pid: int | None = None
        """What the client says that its process is; None before it has said so."""

    def receive(self, data: bytes) -> Iterator[Request | Malformed]:
        """Yield the requests that are whole now; raises ProtocolError behind those before it."""
        return (request for line in self._lines.receive(data) if (request := self._take(line)) is not None)

    def _take(self, line: bytes) -> Request | Malformed | None:
        if self.client_pid is not None:
            return parse_request(line)
        match decode_line(line):
            case ["VERSION", major, *_]:
                if major != VERSION[0]:
                    raise ProtocolError(f"the client speaks version {major[:40]!r} of the protocol, not {VERSION[0]}")
                self._is_compatible = True
            case ["CPID", pid] if self._is_compatible:
                self.client_pid = parse_number(pid)
            case _:
                raise ProtocolError("no VERSION and CPID before the first request")
        return None

"""The client's end of a connection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyfix.proto.dovecot_auth.lines import LINE_LIMIT, LineReader, ProtocolError, decode_line, encode_line
from pyfix.proto.dovecot_auth.messages import Answer, Mechanism, Request, encode, parse_answer
from pyfix.proto.dovecot_auth.server import VERSION


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a server says before the first answer."""

    mechanisms: tuple[Mechanism, ...] = ()
    pid: str = ""
    connection: str = ""
    cookie: str = ""


class ClientSession:
    """Turns requests into bytes, and what a server sends into answers."""

    __slots__ = ("_is_compatible", "_limit", "_lines", "_mechanisms", "_words", "greeting")

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        """limit: bytes of the longest line, both ways; Dovecot takes 8192."""
        self._limit = limit
        self._lines = LineReader(limit)
        self._is_compatible = False
        self._mechanisms: list[Mechanism] = []
        self._words: dict[str, str] = {}
        self.greeting: Greeting | None = None
        """None before it is there; requests may be sent all the same."""

    def open(self, pid: int) -> bytes:
        """Return what a client says first. pid: its process, or any other number that no other client has."""
        return encode_line("VERSION", *VERSION) + encode_line("CPID", str(pid))

    def send(self, request: Request) -> bytes:
        """Return the bytes of a request; raises ValueError for one that is longer than a line may be."""
        line = encode(request)
        if len(line) > self._limit:
            raise ValueError(f"a request of {len(line)} bytes; at most {self._limit} are taken")
        return line

    def receive(self, data: bytes) -> Iterator[Answer]:
        """Yield the answers that are whole now, to be taken to the end; raises ProtocolError behind those before it."""
        return (answer for line in self._lines.receive(data) if (answer := self._take(line)) is not None)

    def _take(self, line: bytes) -> Answer | None:
        if self.greeting is not None:
            return parse_answer(line)
        match decode_line(line):
            case ["VERSION", major, *_]:
                if major != VERSION[0]:
                    raise ProtocolError(f"the server speaks version {major[:40]!r} of the protocol, not {VERSION[0]}")
                self._is_compatible = True
            case _ if not self._is_compatible:
                raise ProtocolError("the server does not begin with VERSION")
            case ["MECH", name, *properties]:
                self._mechanisms.append(Mechanism(name.upper(), frozenset(properties)))
            case [("SPID" | "CUID" | "COOKIE") as word, value, *_]:
                self._words[word] = value
            case ["DONE", *_]:
                words = (self._words.get(word, "") for word in ("SPID", "CUID", "COOKIE"))
                self.greeting = Greeting(tuple(self._mechanisms), *words)
        return None

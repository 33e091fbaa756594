"""What the two ends say to each other, and the lines of it.

Parameters (`fields`) are a mapping; a flag such as "secured" has the value "". Those of AUTH: service, secured, lip,
rip, lport, rport, valid-client-cert, no-penalty, nologin, final-resp-ok, cert_username, client_id, session, ssl..., and
pyfix's ticket. Those of OK: user, and whatever the server adds. Those of FAIL: user, temp (or code=temp_fail), authz,
user_disabled, pass_expired, reason.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pyfix.proto.dovecot_auth.lines import (
    ProtocolError,
    decode_line,
    decode_parameters,
    encode_line,
    encode_parameters,
    parse_id,
)

_NO_PARAMETERS: Final[Mapping[str, str]] = {}
_INITIAL: Final = "resp"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One that the server offers."""

    name: str
    properties: frozenset[str] = frozenset()
    """Of private, anonymous, plaintext, dictionary, active, forward-secrecy, mutual-auth."""


@dataclass(frozen=True, slots=True)
class Authenticate:
    """AUTH: somebody wants to log in."""

    id: int
    mechanism: str
    fields: Mapping[str, str]
    """At least service; without resp."""
    initial: bytes | None = field(default=None, repr=False)
    """The initial response; None: there is none."""


@dataclass(frozen=True, slots=True)
class Continue:
    """CONT: the response to a challenge."""

    id: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cancel:
    """CANCEL: the client has lost interest; there is no answer."""

    id: int


@dataclass(frozen=True, slots=True)
class RedeemTicket:
    """TICKET: who was it that logged in, and where is their mail?"""

    id: int
    ticket: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FindUser:
    """USER: where is somebody's mail?"""

    id: int
    name: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Malformed:
    """A request in which only the data is wrong: it fails, and the connection goes on."""

    id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """CONT: the server wants to know more."""

    id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Succeeded:
    """OK: they may log in."""

    id: int
    fields: Mapping[str, str]
    """With resp where the mechanism ends with data of the server, in base64."""

    @property
    def user(self) -> str:
        """The canonical name of the login."""
        return self.fields.get("user", "")


@dataclass(frozen=True, slots=True)
class Failed:
    """FAIL: not so."""

    id: int
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_temporary(self) -> bool:
        """True where it says nothing about the password."""
        return "temp" in self.fields or self.fields.get("code") == "temp_fail"


@dataclass(frozen=True, slots=True)
class Found:
    """USER: the answer to TICKET and USER."""

    id: int
    user: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NotFound:
    """NOTFOUND: there is no such user, or ticket."""

    id: int


Request = Authenticate | Continue | Cancel | RedeemTicket | FindUser
Answer = Challenge | Succeeded | Failed | Found | NotFound


def parse_request(line: bytes) -> Request | Malformed:
    """Return what a client asks; raises ProtocolError."""
    match decode_line(line):
        case ["AUTH", number, mechanism, *rest]:
            return _parse_auth(parse_id(number), mechanism, rest)
        case ["CONT", number, data]:
            decoded = _decode(data)
            if decoded is None:
                return Malformed(parse_id(number), "Invalid base64 data in continued response")
            return Continue(parse_id(number), decoded)
        case ["CANCEL", number]:
            return Cancel(parse_id(number))
        case ["TICKET", number, ticket]:
            return RedeemTicket(parse_id(number), ticket)
        case ["USER", number, name, *rest]:
            return FindUser(parse_id(number), name, decode_parameters(rest))
        case [verb, *_]:
            raise ProtocolError(f"unknown or broken command {verb[:40]!r}")
    raise AssertionError("a line has at least one field")


def parse_answer(line: bytes) -> Answer | None:
    """Return what a server answers, None for a word that is not known, as later versions may have; raises
    ProtocolError."""
    match decode_line(line):
        case ["CONT", number, *data]:
            decoded = _decode(data[0] if data else "")
            if decoded is None:
                raise ProtocolError("invalid base64 data in a challenge")
            return Challenge(parse_id(number), decoded)
        case ["OK", number, *rest]:
            return Succeeded(parse_id(number), decode_parameters(rest))
        case ["FAIL", number, *rest]:
            return Failed(parse_id(number), decode_parameters(rest))
        case ["USER", number, name, *rest]:
            return Found(parse_id(number), name, decode_parameters(rest))
        case ["NOTFOUND", number, *_]:
            return NotFound(parse_id(number))
        case ["OK" | "FAIL" | "USER" | "NOTFOUND" | "CONT", *_]:
            raise ProtocolError("an answer without an id")
    return None


def encode(message: Request | Answer) -> bytes:
    """Return the line of a message."""
    match message:
        case Authenticate():
            return _encode_auth(message)
        case Continue() | Challenge():
            return encode_line("CONT", str(message.id), _encode_data(message.data))
        case Cancel():
            return encode_line("CANCEL", str(message.id))
        case RedeemTicket():
            return encode_line("TICKET", str(message.id), message.ticket)
        case FindUser():
            return encode_line("USER", str(message.id), message.name, *encode_parameters(message.fields))
        case Succeeded():
            return encode_line("OK", str(message.id), *encode_parameters(message.fields))
        case Failed():
            return encode_line("FAIL", str(message.id), *encode_parameters(message.fields))
        case Found():
            return encode_line("USER", str(message.id), message.user, *encode_parameters(message.fields))
        case NotFound():
            return encode_line("NOTFOUND", str(message.id))


def _parse_auth(number: int, mechanism: str, words: list[str]) -> Authenticate | Malformed:
    names = [item.partition("=")[0] for item in words]
    if _INITIAL in names[:-1]:
        raise ProtocolError("AUTH parameters after 'resp'")
    found = decode_parameters(words)
    text = found.pop(_INITIAL, None)
    if not found.get("service"):
        raise ProtocolError("an AUTH request without service")
    initial = None if text is None else _decode(text)
    if text is not None and initial is None:
        return Malformed(number, "Invalid base64 data in initial response")
    return Authenticate(number, mechanism.upper(), found, initial)


def _encode_auth(message: Authenticate) -> bytes:
    fields = encode_parameters(message.fields)
    if message.initial is not None:
        fields.append(f"{_INITIAL}={_encode_data(message.initial)}")
    return encode_line("AUTH", str(message.id), message.mechanism, *fields)


def _decode(text: str) -> bytes | None:
    """Return what base64 text encodes, None where it is none. A lone = is the empty response of SMTP (RFC 4954)."""
    if text == "=":
        return b""
    try:
        return base64.b64decode(text.encode("utf-8", "surrogateescape"), validate=True)
    except (ValueError, binascii.Error):
        return None


def _encode_data(data: bytes) -> str:
    return base64.b64encode(data).decode()

"""The protocol of Courier's authdaemond: one question on a connection, and the answer to it.

    client  AUTH length LF and so many bytes: service LF type LF data     type login: data is user LF password LF
    client  PRE . service user LF
    client  PASSWD service TAB user TAB old TAB new LF
    client  ENUMERATE LF
    server  NAME=value LF for each thing known of the account, and then . LF
    server  FAIL LF; OK LF for PASSWD; nothing at all when it can't tell now

Clients end AUTH with an empty line that the length does not count.
Sans-IO. See: courier-authlib's authdaemond; ExtMail's Authlib.pm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LONGEST: Final = 8192
"""Bytes of a question."""
_VERB_LIMIT: Final = 2048
FAIL: Final = b"FAIL\n"
OK: Final = b"OK\n"


class AuthdaemondError(Exception):
    """The other end does not keep to the protocol; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Login:
    """AUTH of type login: is that the password, and where is the mail?"""

    service: str
    user: str
    password: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OtherLogin:
    """AUTH of another type: cram-md5 and the like."""

    type: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """PRE: where is somebody's mail?"""

    service: str
    user: str


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """PASSWD: somebody wants another password."""

    service: str
    user: str
    old: bytes = field(repr=False)
    new: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enumerate:
    """ENUMERATE: who is there?"""


Question = Login | OtherLogin | Lookup | ChangePassword | Enumerate


class QuestionReader:
    """Takes the bytes of a question as they come."""

    def __init__(self) -> None:
        self._buffer = b""

    def receive(self, data: bytes) -> Question | None:
        """Return the question once it is whole; raises AuthdaemondError."""
        self._buffer += data
        line, end, rest = self._buffer.partition(b"\n")
        if not end:
            if len(self._buffer) > _VERB_LIMIT:
                raise AuthdaemondError(f"a line of more than {_VERB_LIMIT} bytes")
            return None
        verb, _, arguments = line.rstrip(b"\r").partition(b" ")
        match verb:
            case b"AUTH":
                length = _length(arguments)
                return _parse_auth(rest[:length]) if len(rest) >= length else None
            case b"PRE":
                return _parse_pre(arguments)
            case b"PASSWD":
                return _parse_passwd(arguments)
            case b"ENUMERATE":
                return Enumerate()
        raise AuthdaemondError(f"unknown command {verb[:40]!r}")


def _length(text: bytes) -> int:
    if not (text.isdigit() and len(text) <= 5 and int(text) <= LONGEST):
        raise AuthdaemondError(f"bad length {text[:40]!r} of AUTH; at most {LONGEST} bytes are taken")
    return int(text)


def _parse_auth(data: bytes) -> Login | OtherLogin:
    service, kind, *rest = [*data.split(b"\n"), b"", b""]
    if kind != b"login":
        return OtherLogin(_text(kind))
    return Login(_text(service), _text(rest[0]), rest[1] if len(rest) > 1 else b"")


def _parse_pre(arguments: bytes) -> Lookup:
    words = arguments.split(b" ", 2)
    if len(words) != 3:
        raise AuthdaemondError("PRE needs a module, a service and a user")
    return Lookup(_text(words[1]), _text(words[2]))


def _parse_passwd(arguments: bytes) -> ChangePassword:
    words = arguments.split(b"\t")
    if len(words) != 4:
        raise AuthdaemondError("PASSWD needs a service, a user and two passwords")
    return ChangePassword(_text(words[0]), _text(words[1]), words[2], words[3])


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def encode_login(service: str, user: str, password: bytes) -> bytes:
    """Return the question of a client; raises ValueError for what can't be asked."""
    parts = [service.encode(), b"login", user.encode("utf-8", "surrogateescape"), password]
    if any(b"\n" in part or b"\0" in part for part in parts):
        raise ValueError("a line end or NUL in a name or a password")
    data = b"".join(part + b"\n" for part in parts)
    if len(data) > LONGEST:
        raise ValueError(f"a question of more than {LONGEST} bytes")
    return b"AUTH %d\n%s\n" % (len(data), data)


def encode_lookup(service: str, user: str) -> bytes:
    """Return the question of a client; raises ValueError for what can't be asked."""
    if "\n" in user or "\0" in user or not user:
        raise ValueError("a line end or NUL in a name")
    return f"PRE . {service} {user}\n".encode("utf-8", "surrogateescape")


def encode_account(values: Mapping[str, str]) -> bytes:
    """Return the answer that knows an account; values without text, and with line ends, are left out."""
    lines = [f"{name}={value}\n" for name, value in values.items() if value and "\n" not in value]
    return ("".join(lines) + ".\n").encode("utf-8", "surrogateescape")


def parse_account(lines: list[bytes]) -> dict[str, str] | None:
    """Return what is known of an account, None after FAIL. lines: to the last, which is FAIL or a dot."""
    if lines and lines[-1] == b"FAIL":
        return None
    pairs = (line.decode("utf-8", "surrogateescape").partition("=") for line in lines[:-1])
    return {name: value for name, _, value in pairs}

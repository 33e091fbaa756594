"""%u, %n, %d and their like in Dovecot's queries. Pure.

    %u user@domain    %n user    %d domain    %s service    %l local address    %r remote address    %h home    %% %

A letter may have modifiers before it: L lower case, U upper case, T trim, and a width or an offset and a width: %1n,
%2.3n. Long names stand in braces: %{user}, %L{domain}. What is not built is refused by name, among it %w: the password
never goes into a query.
See: Dovecot's "Config Variables".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pyfix.mail.auth.backend import Attempt

Values = Mapping[str, str]
_CODE: Final = re.compile(r"%(?:(-?[0-9]{1,4})\.)?([0-9]{0,4})([A-Z]*)(?:([a-z%])|\{([A-Za-z0-9_:]*)\})?")
_MODIFIERS: Final[Mapping[str, Callable[[str], str]]] = {"L": str.lower, "U": str.upper, "T": str.strip, "E": str}
_LONG: Final = {
    "user": "u",
    "username": "n",
    "domain": "d",
    "service": "s",
    "lip": "l",
    "rip": "r",
    "home": "h",
    "auth_user": "u",
    "auth_username": "n",
    "auth_domain": "d",
    "orig_user": "u",
    "orig_username": "n",
    "orig_domain": "d",
    "secured": "c",
}
KNOWN: Final = "undslrch"
_QUOTED_ENOUGH: Final = 64


class BadVariable(ValueError):
    """A code that is not built; str() is the message."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that stands for itself, or a code."""

    text: str
    code: str = ""
    modifiers: str = ""
    offset: int = 0
    width: int = 0


@dataclass(frozen=True, slots=True)
class Variables:
    """One parsed text."""

    pieces: tuple[Piece, ...]

    @classmethod
    def parse(cls, text: str, known: str = KNOWN) -> Variables:
        """Take a text apart; raises BadVariable. known: the codes that there are values for."""
        pieces: list[Piece] = []
        position = 0
        for found in _CODE.finditer(text):
            pieces += [Piece(text[position : found.start()]), _piece(found, known)]
            position = found.end()
        return cls((*pieces, Piece(text[position:])))

    def fill(self, values: Values, quote: Callable[[str], str] = str) -> str:
        """Return the text with the values, each quoted."""
        return "".join(quote(_value(piece, values)) if piece.code else piece.text for piece in self.pieces)


def _piece(found: re.Match[str], known: str) -> Piece:
    offset, width, modifiers, short, long = found.groups()
    if short == "%":
        return Piece("%")
    code = short if short is not None else _LONG.get(long or "", "")
    whole = found[0][:_QUOTED_ENOUGH]
    if short == "w" or long == "password":
        raise BadVariable(f"{whole}: the password does not go into a query; let the query give the stored one")
    if not code or code not in known:
        raise BadVariable(f"{whole} is not built; there are %{' %'.join(known)}")
    for modifier in modifiers:
        if modifier not in _MODIFIERS:
            raise BadVariable(f"{whole}: the modifier {modifier} is not built; there are {' '.join(_MODIFIERS)}")
    return Piece("", code, modifiers, int(offset or 0), int(width or 0))


def _value(piece: Piece, values: Values) -> str:
    value = values.get(piece.code, "")
    for modifier in piece.modifiers:
        value = _MODIFIERS[modifier](value)
    value = value[piece.offset :]
    return value[: piece.width] if piece.width else value


def values_of(user: str, service: str, attempt: Attempt | None = None) -> dict[str, str]:
    """Return the values for a login."""
    name, _, domain = user.partition("@")
    found = {"u": user, "n": name, "d": domain, "s": service}
    if attempt is not None:
        found |= {"l": attempt.local, "r": attempt.remote, "c": "secured" if attempt.is_secured else ""}
    return found

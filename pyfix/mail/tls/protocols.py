"""smtpd_tls_protocols and its sisters: which versions of TLS. Pure.

    >=TLSv1.2              a lower bound; <= an upper one; also numbers: >=0303
    !SSLv2 !SSLv3          all but these
    TLSv1.2 TLSv1.3        these alone

Words are separated by commas, colons and white space; case does not count. An empty list allows all versions.
See: postconf(5).
"""

from __future__ import annotations

import re
import ssl
import warnings
from dataclasses import dataclass
from typing import Final

_NAMES: Final = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_ALIASES: Final = {name.lower(): name for name in _NAMES} | {"tlsv1.0": "TLSv1"}
_NUMBERS: Final = {"SSLv3": 0x0300, "TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
_HEX: Final = re.compile(r"(?:0x)?0*([0-9a-f]{3,4})", re.IGNORECASE)
_OPTIONS: Final = {
    "SSLv3": ssl.OP_NO_SSLv3,
    "TLSv1": ssl.OP_NO_TLSv1,
    "TLSv1.1": ssl.OP_NO_TLSv1_1,
    "TLSv1.2": ssl.OP_NO_TLSv1_2,
    "TLSv1.3": ssl.OP_NO_TLSv1_3,
}


class BadProtocols(ValueError):
    """No list of protocols."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What is allowed."""

    lowest: int = 0
    """The number of a version of TLS as on the wire; 0: as low as OpenSSL goes."""
    highest: int = 0
    """0: as high."""
    excluded: frozenset[str] = frozenset()


def parse_protocols(text: str) -> Versions:
    """Return what a list allows; raises BadProtocols."""
    lowest = highest = 0
    excluded: set[str] = set()
    included: set[str] = set()
    for word in re.split(r"[\s,:]+", text.strip()):
        if word.startswith(">="):
            lowest = _bound(word[2:])
        elif word.startswith("<="):
            highest = _bound(word[2:])
        elif word.startswith("!"):
            excluded.add(_name(word[1:]))
        elif word:
            included.add(_name(word))
    if included:
        excluded.update(set(_NAMES) - included)
    return Versions(lowest, highest, frozenset(excluded))


def apply_protocols(context: ssl.SSLContext, versions: Versions) -> None:
    """Have a context offer these versions; raises BadProtocols for bounds that OpenSSL does not know."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # versions of old are the administrator's decision
        try:
            context.minimum_version = ssl.TLSVersion(versions.lowest or ssl.TLSVersion.MINIMUM_SUPPORTED)
            context.maximum_version = ssl.TLSVersion(versions.highest or ssl.TLSVersion.MAXIMUM_SUPPORTED)
        except ValueError as error:
            raise BadProtocols(f"OpenSSL knows no such version of TLS: {error}") from None
        for name, option in _OPTIONS.items():
            if name in versions.excluded:
                context.options |= option
            elif name != "SSLv3":
                context.options &= ~option


def _name(word: str) -> str:
    try:
        return _ALIASES[word.lower()]
    except KeyError:
        raise BadProtocols(f'unknown protocol "{word}"; specify some of {", ".join(_NAMES)}') from None


def _bound(word: str) -> int:
    name = _ALIASES.get(word.lower())
    if name == "SSLv2":
        return 0
    if name is not None:
        return _NUMBERS[name]
    number = _HEX.fullmatch(word)
    if number is None:
        raise BadProtocols(f'unknown protocol "{word}"; specify one of {", ".join(_NAMES)}, or a hexadecimal number')
    return int(number[1], 16)

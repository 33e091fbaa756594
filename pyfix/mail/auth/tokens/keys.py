"""The public keys of an issuer (RFC 7517), fetched from its address and kept for an hour.

A token with a key that is not known has the keys fetched again, once a minute at most: issuers change their keys. While
the address can't be reached, the keys that are there go on being good for a day.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from pyfix.base import clock
from pyfix.mail.auth.tokens.claims import TokenUnavailable

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_FRESH_S: Final = 3600.0
_STALE_S: Final = 86400.0
_PAUSE_S: Final = 60.0
_MOST_KEYS: Final = 100
_RSA_BITS: Final = (2048, 8192)
_CURVES: Final[Mapping[str, type[ec.EllipticCurve]]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key."""

    id: str
    algorithm: str
    """The only one it is for; empty: any that fits the kind."""
    key: PublicKey


class KeySet:
    """The keys of one issuer, for all threads."""

    def __init__(self, fetch: Callable[[], dict[str, object]], now: Callable[[], float] = clock.monotonic) -> None:
        """fetch: gives the document, or raises TokenUnavailable."""
        self._fetch = fetch
        self._now = now
        self._lock = threading.Lock()
        self._keys: list[SigningKey] = []
        self._fetched_at = self._tried_at = float("-inf")

    def find(self, key_id: str) -> list[SigningKey]:
        """Return the keys that a token may be signed with; raises TokenUnavailable."""
        with self._lock:
            now = self._now()
            if now - self._fetched_at >= _FRESH_S or (not self._with_id(key_id) and now - self._tried_at >= _PAUSE_S):
                self._renew(now)
            return self._with_id(key_id)

    def _with_id(self, key_id: str) -> list[SigningKey]:
        return [key for key in self._keys if not key_id or not key.id or key.id == key_id]

    def _renew(self, now: float) -> None:
        is_paused = now - self._tried_at < _PAUSE_S
        try:
            if is_paused:
                raise TokenUnavailable("the keys of the issuer could not be fetched a moment ago")
            self._tried_at = now
            self._keys = parse_keys(self._fetch())
            self._fetched_at = now
        except TokenUnavailable:
            if now - self._fetched_at >= _STALE_S:
                raise


def parse_keys(document: Mapping[str, object]) -> list[SigningKey]:
    """Return the keys for signatures in a document; those of other kinds are left out. Raises TokenUnavailable."""
    items = document.get("keys")
    if not isinstance(items, list):
        raise TokenUnavailable("the keys of the issuer: the answer has no list of keys")
    found = []
    for item in items[:_MOST_KEYS]:
        if not isinstance(item, dict) or item.get("use", "sig") != "sig":
            continue
        try:
            key = _parse(item)
        except (ValueError, KeyError, TypeError, UnsupportedAlgorithm):
            continue
        found.append(SigningKey(_text(item, "kid"), _text(item, "alg"), key))
    return found


def _parse(item: Mapping[str, object]) -> PublicKey:
    """Return a key; raises ValueError, KeyError, TypeError."""
    match item.get("kty"):
        case "RSA":
            key = rsa.RSAPublicNumbers(_number(item, "e"), _number(item, "n")).public_key()
            if not _RSA_BITS[0] <= key.key_size <= _RSA_BITS[1]:
                raise ValueError(f"an RSA key of {key.key_size} bits")
            return key
        case "EC":
            curve = _CURVES[_text(item, "crv")]()
            return ec.EllipticCurvePublicNumbers(_number(item, "x"), _number(item, "y"), curve).public_key()
        case "OKP" if item.get("crv") == "Ed25519":
            return ed25519.Ed25519PublicKey.from_public_bytes(decode64(_text(item, "x")))
    raise ValueError("a key of an unknown kind")


def decode64(text: str) -> bytes:
    """Return what base64url without padding encodes; raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _number(item: Mapping[str, object], name: str) -> int:
    return int.from_bytes(decode64(_text(item, name)), "big")


def _text(item: Mapping[str, object], name: str) -> str:
    value = item.get(name, "")
    return value if isinstance(value, str) else ""

"""Signed tokens (RFC 7519, RFC 7515): the claims of one whose signature is right.

Only signatures with public keys count: RS256 to RS512, PS256 to PS512, ES256 to ES512, EdDSA. "none" and those with a
shared secret never do, whatever the token says of itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from pyfix.mail.auth.tokens.claims import Claims, TokenRefused, TokenSource
from pyfix.mail.auth.tokens.keys import KeySet, PublicKey, decode64

_HASHES: Final[Mapping[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_CURVES: Final = {"ES256": ("secp256r1", 32), "ES384": ("secp384r1", 48), "ES512": ("secp521r1", 66)}
_LONGEST: Final = 16384


class SignedTokens(TokenSource):
    """Tokens that an issuer has signed."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def read(self, token: str) -> Claims:
        signed, header, payload, signature = _split(token)
        algorithm, key_id = header.get("alg"), header.get("kid", "")
        if not isinstance(algorithm, str) or not isinstance(key_id, str) or "crit" in header:
            raise TokenRefused("a token whose header is not understood")
        for key in self._keys.find(key_id):
            if key.algorithm in ("", algorithm) and is_signed(key.key, algorithm, signed, signature):
                if "exp" not in payload:
                    raise TokenRefused("the token never expires (exp)")
                return payload
        raise TokenRefused(f"the signature of the token is not right ({algorithm[:20]})")


def is_signed(key: PublicKey, algorithm: str, data: bytes, signature: bytes) -> bool:
    """Return whether a key has signed the data by an algorithm, False also for one that does not go with the key."""
    hasher = _HASHES.get(algorithm[2:])
    try:
        match key, algorithm[:2]:
            case rsa.RSAPublicKey(), "RS" if hasher:
                key.verify(signature, data, padding.PKCS1v15(), hasher())
            case rsa.RSAPublicKey(), "PS" if hasher:
                size = hasher().digest_size
                key.verify(signature, data, padding.PSS(padding.MGF1(hasher()), size), hasher())
            case ec.EllipticCurvePublicKey(), "ES" if hasher and algorithm in _CURVES:
                key.verify(_der(key, algorithm, signature), data, ec.ECDSA(hasher()))
            case ed25519.Ed25519PublicKey(), _ if algorithm == "EdDSA":
                key.verify(signature, data)
            case _:
                return False
    except (InvalidSignature, ValueError):
        return False
    return True


def _der(key: ec.EllipticCurvePublicKey, algorithm: str, signature: bytes) -> bytes:
    """Return a signature of two numbers side by side as ASN.1; raises ValueError."""
    curve, size = _CURVES[algorithm]
    if key.curve.name != curve or len(signature) != 2 * size:
        raise ValueError("a signature of another curve")
    return encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))


def _split(token: str) -> tuple[bytes, dict[str, object], dict[str, object], bytes]:
    """Return what is signed, header, payload and signature; raises TokenRefused."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _LONGEST:
        raise TokenRefused("not a signed token (JWT)")
    try:
        header, payload = (json.loads(decode64(part)) for part in parts[:2])
        signature = decode64(parts[2])
    except (ValueError, RecursionError):
        raise TokenRefused("not a signed token (JWT)") from None
    if not isinstance(header, dict) or not isinstance(payload, dict):
        raise TokenRefused("not a signed token (JWT)")
    return f"{parts[0]}.{parts[1]}".encode(), header, payload, signature

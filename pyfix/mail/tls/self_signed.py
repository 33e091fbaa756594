"""A certificate that vouches for itself: what a server needs until it has one that others trust.

The key is an elliptic one (P-256), which every client of the last fifteen years knows. As its own issuer it
can be given to a client as an authority to trust.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pyfix.base import clock
from pyfix.base.atomic import write_file

_LONGEST_COMMON_NAME: Final = 64
_AN_HOUR: Final = timedelta(hours=1)
"""Clocks of clients may be a little behind."""


def write_self_signed(certificate: str, key: str, names: Sequence[str], days: int) -> None:
    """Write the files of a new certificate for hosts and IP addresses; raises OSError.

    The first name is the subject. The key is on disk, for its owner alone, before the certificate is.
    """
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made = _sign(private, names, days).public_bytes(serialization.Encoding.PEM)
    write_file(key, pem, 0o600)
    write_file(certificate, made, 0o644)


def _sign(key: ec.EllipticCurvePrivateKey, names: Sequence[str], days: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:_LONGEST_COMMON_NAME])])
    start = datetime.fromtimestamp(clock.now(), UTC) - _AN_HOUR
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_general_name(text) for text in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)

"""Read a certificate and its private key, PEM as Postfix reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Pair:
    """What is in the two files, which may be one."""

    problem: str = ""
    expires: float | None = None
    """Of the certificate that expires first, in seconds since the epoch."""
    subject: str = ""
    """Of that certificate."""
    key_problem: str = ""
    key_matches: bool = True


def read_pair(path: str, key_path: str) -> Pair:
    """Return what is found; never raises for a file that is merely wrong."""
    try:
        certificates = x509.load_pem_x509_certificates(_read(path))
    except OSError as error:
        return Pair(str(error.strerror))
    except ValueError:
        return Pair("no certificate in PEM form")
    first = min(certificates, key=lambda item: item.not_valid_after_utc)
    expires, subject = first.not_valid_after_utc.timestamp(), _name(first)
    try:
        key = serialization.load_pem_private_key(_read(key_path), None)
    except OSError as error:
        return Pair("", expires, subject, str(error.strerror))
    except (TypeError, ValueError):
        return Pair("", expires, subject, "no private key in PEM form without a password")
    return Pair("", expires, subject, "", _public(key.public_key()) == _public(certificates[0].public_key()))


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string() or "nobody"


def _public(key: Any) -> bytes:
    found: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return found

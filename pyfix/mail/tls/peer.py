"""Certificates of clients: who they say they are, and their fingerprints (relay_clientcerts, check_ccert_access).

A fingerprint is that of the whole certificate, or that of its public key, which a renewed certificate may keep.
See: smtpd_tls_fingerprint_digest.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """What a client has shown."""

    subject: str
    """The common name of its owner, "" without one."""
    issuer: str
    """That of who has signed it, or else the organization."""
    fingerprint: str
    """As tables have it: AB:CD:..., of the certificate."""
    key_fingerprint: str
    """The same of the public key; "" where it can't be read."""
    is_trusted: bool
    """An authority of smtpd_tls_CAfile or smtpd_tls_CApath vouches for it."""


def read_peer_certificate(der: bytes, digest: str, *, is_trusted: bool) -> PeerCertificate:
    """Return what is in a certificate; a stranger's bytes may be odd, and have a fingerprint all the same."""
    fingerprint = _fingerprint(der, digest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd about it is not ours to tell
        try:
            certificate = x509.load_der_x509_certificate(der)
            subject = _name(certificate.subject, NameOID.COMMON_NAME)
            issuer = _name(certificate.issuer, NameOID.COMMON_NAME)
            issuer = issuer or _name(certificate.issuer, NameOID.ORGANIZATION_NAME)
            key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        except Exception:  # noqa: BLE001 - the library raises several kinds for bytes that are no certificate
            return PeerCertificate("", "", fingerprint, "", is_trusted)
    return PeerCertificate(subject, issuer, fingerprint, _fingerprint(key, digest), is_trusted)


def _fingerprint(data: bytes, digest: str) -> str:
    return hashlib.new(digest, data).digest().hex(":").upper()


def _name(name: x509.Name, kind: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(kind)
    text = str(found[0].value) if found else ""
    return "".join(char if char.isprintable() else "?" for char in text)

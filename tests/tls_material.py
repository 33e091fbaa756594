"""Keys and certificates of a test's own, made in the process: those of elliptic curves cost a millisecond."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    key: Any
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        """The private key, without a password."""
        return self._encoded(serialization.NoEncryption())

    def encrypted_key_pem(self, password: bytes) -> bytes:
        """The private key, with a password."""
        return self._encoded(serialization.BestAvailableEncryption(password))

    def _encoded(self, encryption: serialization.KeySerializationEncryption) -> bytes:
        encoded: bytes = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
        return encoded

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate as it is on the wire."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def write(self, folder: Path, name: str, chain: bytes = b"") -> tuple[Path, Path]:
        """Write certificate and key; return their paths."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(self.pem + chain)
        key.write_bytes(self.key_pem)
        key.chmod(0o600)
        return certificate, key


def make_key(kind: str = "ec") -> Any:
    """Return a private key: ec or rsa."""
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)


def issue(
    name: str, issuer: Issued | None = None, kind: str = "ec", days: int = 90, *, authority: bool = False
) -> Issued:
    """Return a certificate for a host, signed by the issuer or by itself; with negative days it has expired."""
    key = make_key(kind)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY - max(-days, 0) * _DAY)
        .not_valid_after(now + days * _DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return Issued(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


def client_context(own: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """Return the context of a client that trusts everybody, with a certificate of its own or without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if own is not None:
        context.load_cert_chain(*own)
    return context


@dataclass(frozen=True)
class Handshake:
    """Both ends of a session in memory."""

    client: ssl.SSLObject
    server: ssl.SSLObject


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, server_name: str | None = None) -> Handshake:
    """Let a client and a server meet; raises ssl.SSLError of whoever breaks it off."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=server_name),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(10):
        waiting = 0
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                waiting += 1
        if not waiting:
            return Handshake(*ends)
    raise AssertionError("the handshake does not end")

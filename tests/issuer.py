"""An issuer of tokens: a small HTTP server, and keys that sign."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


@dataclass(frozen=True)
class Request:
    """What it was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Issuer:
    """One that runs: `answer` gives status and body."""

    url: str
    answer: Callable[[Request], tuple[int, bytes]] = lambda request: (404, b"")
    requests: list[Request] = field(default_factory=list)

    def says(self, status: int, value: object) -> None:
        """Answer everything with this, as JSON."""
        self.answer = lambda request: (status, value if isinstance(value, bytes) else json.dumps(value).encode())


@contextlib.contextmanager
def running_issuer(tls: ssl.SSLContext | None = None) -> Iterator[Issuer]:
    """Run one."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, dict(self.headers), body)
            issuer.requests.append(request)
            status, answer = issuer.answer(request)
            self.send_response(status)
            self.send_header("Location", f"{issuer.url}/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(answer)

        do_GET = do_POST = _serve

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        scheme = "http"
        if tls is not None:
            scheme, server.socket = "https", tls.wrap_socket(server.socket, server_side=True)
        issuer = Issuer(f"{scheme}://localhost:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()


def certificate_for(name: str, directory: Path) -> tuple[Path, Path]:
    """Make a certificate that signs itself, and its key; return where they are."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            subject, subject, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = directory / "cert.pem", directory / "key.pem"
    cert_path.write_bytes(made.public_bytes(Encoding.PEM))
    key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cert_path, key_path


def encode64(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def public_key(key: PrivateKey, key_id: str, **more: str) -> dict[str, str]:
    """Return the entry of a key set (RFC 7517)."""

    def number(value: int, size: int = 0) -> str:
        return encode64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))

    match key:
        case rsa.RSAPrivateKey():
            numbers = key.public_key().public_numbers()
            found = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        case ec.EllipticCurvePrivateKey():
            point = key.public_key().public_numbers()
            size = (key.curve.key_size + 7) // 8
            found = {
                "kty": "EC",
                "crv": f"P-{key.curve.key_size}",
                "x": number(point.x, size),
                "y": number(point.y, size),
            }
        case ed25519.Ed25519PrivateKey():
            found = {"kty": "OKP", "crv": "Ed25519", "x": encode64(key.public_key().public_bytes_raw())}
    return {**found, "kid": key_id, **more}


def sign_token(key: PrivateKey, algorithm: str, payload: object, **header: object) -> str:
    """Return a signed token (RFC 7519)."""
    parts = ({"alg": algorithm, "typ": "JWT", **header}, payload)
    data = ".".join(encode64(json.dumps(part).encode()) for part in parts)
    return f"{data}.{encode64(sign(key, algorithm, data.encode()))}"


def sign(key: PrivateKey, algorithm: str, data: bytes) -> bytes:
    """Return a signature (RFC 7518)."""
    hasher = _HASHES.get(algorithm[2:], hashes.SHA256)()
    match key:
        case rsa.RSAPrivateKey():
            if algorithm.startswith("PS"):
                return key.sign(data, padding.PSS(padding.MGF1(hasher), hasher.digest_size), hasher)
            return key.sign(data, padding.PKCS1v15(), hasher)
        case ec.EllipticCurvePrivateKey():
            size = (key.curve.key_size + 7) // 8
            numbers = decode_dss_signature(key.sign(data, ec.ECDSA(hasher)))
            return b"".join(number.to_bytes(size, "big") for number in numbers)
        case ed25519.Ed25519PrivateKey():
            return key.sign(data)

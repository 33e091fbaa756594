"""Certificates that main.cf names. They are made here."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pyfix.base import clock
from pyfix.commands.check.certificates import CertificateFile, check_certificates, judge_certificate
from pyfix.mail.config import Config

DAY_S = 86400.0


def make_key(path: Path, mode: int = 0o600) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*form))
    path.chmod(mode)
    return key


def make_certificate(path: Path, key: ec.EllipticCurvePrivateKey, days: float) -> None:
    """Sign a certificate that is good for some days from now."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.com")])
    now = datetime.datetime.fromtimestamp(clock.now(), datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=400))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def told(directory: Path, text: str = "smtpd_tls_cert_file = DIR/c.pem\nsmtpd_tls_key_file = DIR/k.pem\n") -> list[str]:
    """Return what is found, with DIR for the directory."""
    config = Config.from_text(text.replace("DIR", str(directory)))
    return [str(item).replace(str(directory), "DIR") for item in check_certificates(config)]


def test_certificate_in_order_is_passed_over(tmp_path: Path) -> None:
    """Key beside it, or in the same file; `none` is no file."""
    make_certificate(tmp_path / "c.pem", make_key(tmp_path / "k.pem"), 90)
    assert told(tmp_path) == []
    (tmp_path / "both.pem").write_bytes((tmp_path / "k.pem").read_bytes() + (tmp_path / "c.pem").read_bytes())
    (tmp_path / "both.pem").chmod(0o600)
    assert told(tmp_path, "smtp_tls_cert_file = DIR/both.pem\nsmtpd_tls_chain_files = DIR/both.pem\n") == []
    assert told(tmp_path, "smtpd_tls_cert_file = none\nsmtp_tls_CAfile = DIR/nothing\n") == []


def test_certificate_that_has_expired(tmp_path: Path) -> None:
    """The day is named."""
    make_certificate(tmp_path / "c.pem", make_key(tmp_path / "k.pem"), -1)
    day = datetime.datetime.fromtimestamp(clock.now() - DAY_S, datetime.UTC).date()
    assert told(tmp_path) == [
        f"error: /etc/pyfix/main.cf, line 1: smtpd_tls_cert_file: DIR/c.pem: the certificate of mail.example.com has"
        f" expired on {day}; renew it"
    ]


@pytest.mark.parametrize(("left_s", "told_of"), [(30 * DAY_S + 60, False), (30 * DAY_S - 60, True), (60.0, True)])
def test_certificate_that_is_about_to_expire(left_s: float, told_of: bool) -> None:
    """Within thirty days."""
    found = CertificateFile("smtpd_tls_cert_file", "main.cf", "c.pem", "", left_s, "mail.example.com", "k.pem")
    lines = [str(item) for item in judge_certificate(found, 0.0)]
    days = int(left_s // DAY_S)
    day = datetime.datetime.fromtimestamp(left_s, datetime.UTC).date()
    expected = (
        "warning: main.cf: smtpd_tls_cert_file: c.pem: the certificate of mail.example.com expires on"
        f" {day}, in {days} days; renew it"
    )
    assert lines == ([expected] if told_of else [])


def test_key_of_another_certificate(tmp_path: Path) -> None:
    """No client could connect."""
    make_certificate(tmp_path / "c.pem", make_key(tmp_path / "other.pem"), 90)
    make_key(tmp_path / "k.pem")
    assert told(tmp_path) == [
        "error: /etc/pyfix/main.cf, line 1: smtpd_tls_cert_file: DIR/c.pem: the key in DIR/k.pem is not that of the"
        " certificate; name the key that belongs to it"
    ]


def test_key_that_everybody_may_read(tmp_path: Path) -> None:
    """It is no secret then."""
    make_certificate(tmp_path / "c.pem", make_key(tmp_path / "k.pem", 0o644), 90)
    assert told(tmp_path) == [
        "error: /etc/pyfix/main.cf, line 1: smtpd_tls_cert_file: key DIR/k.pem: everybody may read it; chmod 600"
        " DIR/k.pem"
    ]


def test_files_that_are_missing_or_something_else(tmp_path: Path) -> None:
    """In a line each."""
    head = "warning: /etc/pyfix/main.cf, line 1: smtpd_tls_cert_file:"
    remedy = "correct the file or its name"
    assert told(tmp_path) == [f"{head} DIR/c.pem: No such file or directory; {remedy}"]
    (tmp_path / "c.pem").write_bytes(b"\xff\0 nothing")
    assert told(tmp_path) == [f"{head} DIR/c.pem: no certificate in PEM form; {remedy}"]
    make_certificate(tmp_path / "c.pem", make_key(tmp_path / "other.pem"), 90)
    assert told(tmp_path) == [f"{head} key DIR/k.pem: No such file or directory; {remedy}"]
    (tmp_path / "k.pem").write_text("nothing")
    (tmp_path / "k.pem").chmod(0o600)
    assert told(tmp_path) == [f"{head} key DIR/k.pem: no private key in PEM form without a password; {remedy}"]

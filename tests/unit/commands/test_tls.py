"""`pyfix tls self-signed` and `pyfix tls status`."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tls_material import Issued, issue

from pyfix.commands.pyfix import main

MASTER_CF = """\
smtp inet n - n - - smtpd
submissions inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A directory of configuration."""
    (tmp_path / "main.cf").write_text("# mine\nmyhostname = mail.example.test\n")
    (tmp_path / "master.cf").write_text(MASTER_CF)
    return tmp_path


def run(etc: Path, *arguments: str) -> Result:
    """Run `pyfix tls`."""
    return CliRunner().invoke(main, ["-c", str(etc), "tls", *arguments], catch_exceptions=False)


def status(etc: Path) -> list[dict[str, Any]]:
    """Return what is shown to programs."""
    found: list[dict[str, Any]] = json.loads(run(etc, "status", "--json").stdout)
    return found


def test_self_signed_certificate_is_made_and_used(etc: Path) -> None:
    """Key for its owner alone, names as asked for, main.cf completed; once more there is nothing to do."""
    result = run(etc, "self-signed", "--domain", "a.example.test", "--domain", "b.example.test", "--days", "9")
    assert result.exit_code == 0, result.stderr
    certificate, key = etc / "tls" / "cert.pem", etc / "tls" / "key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert result.stderr.splitlines() == [
        f"pyfix: {key}: new private key",
        f"pyfix: {certificate}: new certificate for a.example.test, b.example.test, good for 9 days",
        f"pyfix: {etc}/main.cf: smtpd_tls_cert_file = {certificate}",
        f"pyfix: {etc}/main.cf: smtpd_tls_key_file = {key}",
        f"pyfix: {etc}/main.cf: smtpd_tls_security_level = may",
        "pyfix: now: pyfix reload, where the mail system runs",
    ]
    assert (etc / "main.cf").read_text().startswith("# mine\nmyhostname = mail.example.test\n")
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    before = certificate.read_bytes(), (etc / "main.cf").read_text()
    again = run(etc, "self-signed")
    assert (again.exit_code, again.stderr) == (0, f"pyfix: {certificate} is there and in use; nothing to do\n")
    assert before == (certificate.read_bytes(), (etc / "main.cf").read_text())
    (smtp, submissions) = status(etc)
    assert (smtp["service"], smtp["tls"], smtp["state"]) == ("smtp/inet", "may", "expires soon")
    assert (submissions["service"], submissions["tls"]) == ("submissions/inet", "wrapper")
    assert smtp["names"] == ["a.example.test", "b.example.test"] and smtp["chain"] == "self-signed"
    assert smtp["days"] == 8 and smtp["key_matches"]


def test_level_that_somebody_has_chosen_stays(etc: Path) -> None:
    """The default name is that of the host; --directory puts the files elsewhere."""
    with open(etc / "main.cf", "a") as file:
        file.write("smtpd_tls_security_level = encrypt\n")
    result = run(etc, "self-signed", "--directory", str(etc / "mine"))
    assert f"{etc}/mine/cert.pem: new certificate for mail.example.test, good for 3650 days" in result.stderr
    assert "smtpd_tls_security_level = may" not in (etc / "main.cf").read_text()


@pytest.mark.parametrize(
    "line",
    ["smtpd_tls_cert_file = /a.pem", "smtpd_tls_chain_files = /a.pem", "smtpd_tls_key_file = /a.key"],
)
def test_certificates_of_others_stay(etc: Path, line: str) -> None:
    """The line is named, and nothing is made."""
    with open(etc / "main.cf", "a") as file:
        file.write(f"{line}\n")
    result = run(etc, "self-signed")
    assert result.exit_code == 1 and f"main.cf, line 3: {line} is in use; take it out" in result.stderr
    assert not (etc / "tls").exists()


def test_files_that_are_there_are_never_overwritten(etc: Path) -> None:
    """One without its fellow, or two that do not belong together, are refused; a good pair is taken."""
    own, other = issue("own.test"), issue("other.test")
    folder = etc / "tls"
    folder.mkdir()
    (folder / "cert.pem").write_bytes(own.pem)
    result = run(etc, "self-signed")
    assert result.exit_code == 1 and "is there without its fellow, and is not overwritten" in result.stderr
    (folder / "key.pem").write_bytes(other.key_pem)
    result = run(etc, "self-signed")
    assert result.exit_code == 1 and "the key is that of another certificate; they are not overwritten" in result.stderr
    assert "tls" not in (etc / "main.cf").read_text()
    (folder / "key.pem").write_bytes(own.key_pem)
    assert run(etc, "self-signed").exit_code == 0
    assert (folder / "cert.pem").read_bytes() == own.pem
    assert "smtpd_tls_cert_file" in (etc / "main.cf").read_text()


def use(etc: Path, own: Issued, chain: bytes = b"", key: Issued | None = None) -> None:
    """Have smtpd serve a certificate."""
    certificate, _ = own.write(etc, "own", chain)
    (etc / "own.key").write_bytes((key or own).key_pem)
    (etc / "main.cf").write_text(
        f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {etc}/own.key\n"
    )
    (etc / "master.cf").write_text("smtp inet n - n - - smtpd\n")


def test_status_tells_what_is_wrong(etc: Path) -> None:
    """Expired, of another key, without the middle of its chain, or that in a wrong order; complete is good."""
    root = issue("root authority", authority=True)
    middle = issue("middle authority", root, authority=True)
    leaf = issue("mail.test", middle)
    use(etc, issue("old.test", days=-2))
    assert status(etc)[0]["state"] == "expired"
    use(etc, leaf, key=root)
    assert "is not that of the certificate" in status(etc)[0]["state"] and not status(etc)[0]["key_matches"]
    use(etc, leaf)
    assert status(etc)[0]["state"] == "chain incomplete: middle authority is missing"
    use(etc, leaf, root.pem)
    assert status(etc)[0]["chain"] == "out of order: root authority has not issued mail.test"
    assert run(etc, "status").exit_code == 1
    use(etc, leaf, middle.pem + root.pem)
    assert status(etc)[0]["chain"] == "complete"
    shown = run(etc, "status")
    assert shown.exit_code == 0 and "smtp/inet" in shown.stdout and "middle authority" in shown.stdout
    (etc / "own.pem").unlink()
    assert "No such file or directory" in status(etc)[0]["state"]


def test_status_without_tls(etc: Path) -> None:
    """Says how to come to it."""
    (etc / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    result = run(etc, "status")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "pyfix: no service of master.cf offers TLS; pyfix tls self-signed makes a certificate\n"
    assert status(etc) == []


def test_status_without_certificate(etc: Path) -> None:
    """TLS is asked for, and there is nothing to serve."""
    (etc / "main.cf").write_text("smtpd_tls_security_level = may\n")
    assert [item["state"] for item in status(etc)] == ["no certificate is named"] * 2
    (etc / "main.cf").write_text("smtpd_tls_security_level = maybe\n")
    result = run(etc, "status")
    assert result.exit_code == 1 and 'Invalid TLS level "maybe"; specify none, may or encrypt' in result.stderr

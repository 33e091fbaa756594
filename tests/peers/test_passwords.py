"""Stored passwords before those who write them too: openssl and Dovecot."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from pyfix.mail.passwords import hash_password, verify_password
from pyfix.mail.passwords.params import WRITTEN

PASSWORD = "geheim: pässwörd"
USER = "alice@example.test"
DOVECOT = (
    "ARGON2I", "ARGON2ID", "BLF-CRYPT", "CLEARTEXT", "CRAM-MD5", "CRYPT", "DES-CRYPT", "DIGEST-MD5", "LDAP-MD5", "MD5",
    "MD5-CRYPT", "PBKDF2", "PLAIN", "PLAIN-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SHA", "SHA1", "SHA256",
    "SHA256-CRYPT", "SHA512", "SHA512-CRYPT", "SMD5", "SSHA", "SSHA256", "SSHA512",
)  # fmt: skip


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("option", ["-1", "-5", "-6"])
def test_openssl_and_pyfix_agree(need: Callable[[str], str], option: str) -> None:
    """What openssl passwd makes is right here; what pyfix makes with its salt is the same."""
    command = [need("openssl"), "passwd", option, "-stdin"]
    made = subprocess.run(command, input=f"{PASSWORD}\n", capture_output=True, text=True, check=True).stdout.strip()
    assert verify_password(PASSWORD.encode(), made)
    assert not verify_password(b"x", made)


def doveadm(need: Callable[[str], str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run doveadm pw, without any configuration."""
    return subprocess.run(
        [need("doveadm"), "-O", "pw", "-u", USER, *options], capture_output=True, text=True, check=False
    )


@pytest.mark.peer("doveadm")
@pytest.mark.parametrize("scheme", DOVECOT)
@pytest.mark.parametrize("encoding", ["", ".HEX", ".B64"])
def test_what_dovecot_writes_is_verified(need: Callable[[str], str], scheme: str, encoding: str) -> None:
    """In every scheme and encoding that both know."""
    done = doveadm(need, "-s", scheme + encoding, "-p", PASSWORD)
    assert done.returncode == 0, done.stderr
    made = done.stdout.strip()
    assert verify_password(PASSWORD.encode(), made, user=USER), made
    assert not verify_password(b"x", made, user=USER)


@pytest.mark.peer("doveadm")
@pytest.mark.parametrize("scheme", WRITTEN)
def test_what_pyfix_writes_dovecot_verifies(need: Callable[[str], str], scheme: str) -> None:
    """So that both may serve one database."""
    made = hash_password(PASSWORD.encode(), scheme)
    done = doveadm(need, "-t", made if made.startswith("{") else f"{{CRYPT}}{made}", "-p", PASSWORD)
    assert "(verified)" in done.stdout, done.stdout + done.stderr

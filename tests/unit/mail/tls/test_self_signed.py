"""Certificates that vouch for themselves."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from pathlib import Path

import pytest

from pyfix.mail.tls.self_signed import write_self_signed


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A certificate for two names, and its key."""
    certificate, key = f"{tmp_path}/server.pem", f"{tmp_path}/server.key"
    write_self_signed(certificate, key, ("mail.x.test", "127.0.0.1"), 2)
    return certificate, key


def test_key_is_for_its_owner_alone(files: tuple[str, str]) -> None:
    """Also where the umask is generous."""
    certificate, key = files
    assert (os.stat(certificate).st_mode & 0o777, os.stat(key).st_mode & 0o777) == (0o644, 0o600)


@pytest.mark.parametrize(("name", "is_good"), [("mail.x.test", True), ("127.0.0.1", True), ("other.test", False)])
def test_client_that_trusts_it_connects_by_its_names_alone(files: tuple[str, str], name: str, is_good: bool) -> None:
    """As host and as address."""
    certificate, key = files
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(far, server_side=True) as session:
                session.recv(1)
        except OSError:  # the client hangs up on it
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    client = ssl.create_default_context(cafile=certificate)
    try:
        if is_good:
            with client.wrap_socket(near, server_hostname=name) as session:
                assert session.getpeercert()
        else:
            with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
                client.wrap_socket(near, server_hostname=name)
    finally:
        near.close()
        thread.join()


def test_long_name_is_no_common_name_but_a_name(tmp_path: Path) -> None:
    """The common name has room for 64 characters."""
    write_self_signed(f"{tmp_path}/c", f"{tmp_path}/k", (f"{'a' * 60}.{'b' * 60}.test",), 2)
    assert ssl.create_default_context(cafile=f"{tmp_path}/c").cert_store_stats()["x509_ca"] == 1

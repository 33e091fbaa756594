"""Certificates of a test's own, made when it runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path


def certificates(need: Callable[[str], str], folder: Path) -> None:
    """Make an authority, and a certificate for db.test that it has signed; its key is the folder owner's."""
    openssl = need("openssl")
    make = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"]
    for command in (
        [*make, "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"],
        [*make, "/CN=stranger", "-keyout", "other.key", "-out", "other.pem"],
        [openssl, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=db.test", "-keyout", "db.key", "-out", "db.csr",
         "-addext", "subjectAltName=DNS:db.test"],
        [openssl, "x509", "-req", "-in", "db.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "db.pem", "-days", "2",
         "-copy_extensions", "copy"],
    ):  # fmt: skip
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    owner = folder.stat()
    os.chown(folder / "db.key", owner.st_uid, owner.st_gid)

"""A Unix user, for what asks the system about passwords."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unix_user(password: str) -> Iterator[str]:
    """A user with a password and no home, by name. Needs root."""
    name = f"pyfix{uuid.uuid4().hex[:8]}"
    make = ["openssl", "passwd", "-6", password]
    hashed = subprocess.run(make, capture_output=True, text=True, check=True).stdout
    subprocess.run(["useradd", "-M", "-d", f"/nonexistent/{name}", "-p", hashed.strip(), name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["userdel", name], check=True, capture_output=True)

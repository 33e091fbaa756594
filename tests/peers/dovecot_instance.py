"""A Dovecot of the test's own: its auth service alone, on a socket in a directory of its own."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CONFIG = """
base_dir = {directory}/run
log_path = {directory}/log
protocols =
ssl = no
auth_mechanisms = {mechanisms}
auth_username_chars =
passdb {{
  driver = passwd-file
  args = {directory}/users
}}
userdb {{
  driver = static
  args = uid=1000 gid=1000 home=/home/%u
}}
service auth {{
  unix_listener auth-client {{
    mode = 0666
  }}
}}
"""


@contextlib.contextmanager
def running_auth(
    need: Callable[[str], str], users: dict[str, str], mechanisms: str = "plain login cram-md5 scram-sha-256"
) -> Iterator[Path]:
    """Run it; gives the path of its socket. users: stored passwords ({SCHEME}text) by login. Needs root."""
    dovecot = need("dovecot")
    directory = Path(tempfile.mkdtemp(prefix="pyfix-dovecot-"))
    directory.chmod(0o755)
    try:
        (directory / "users").write_text("".join(f"{name}:{stored}\n" for name, stored in users.items()))
        (directory / "conf").write_text(CONFIG.format(directory=directory, mechanisms=mechanisms))
        process = subprocess.Popen([dovecot, "-F", "-c", str(directory / "conf")])
        try:
            path = directory / "run" / "auth-client"
            wait_for(path)
            yield path
        finally:
            process.terminate()
            process.wait(20)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def wait_for(path: Path, seconds: float = 20) -> None:
    """Return when somebody listens there."""
    until = time.monotonic() + seconds
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(path))
                return
        except OSError:
            assert time.monotonic() < until, f"nobody listens at {path}"
            time.sleep(0.02)

"""A Dovecot of the test's own: its auth service alone, on a socket in a directory of its own."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

CONFIG = """
base_dir = {directory}/run
log_path = {directory}/log
protocols =
ssl = no
auth_mechanisms = {mechanisms}
auth_username_chars =
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = {directory}/users
}}
userdb {{
  driver = static
  args = uid=1000 gid=1000 home=/home/%u
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener auth-client {{
    mode = 0666
  }}
}}
"""


@dataclass
class DovecotAuth:
    """The server."""

    directory: Path
    program: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def path(self) -> Path:
        """Of the socket for clients."""
        return self.directory / "run" / "auth-client"

    def start(self) -> None:
        """Start, and wait until it listens."""
        self.process = subprocess.Popen([self.program, "-F", "-c", str(self.directory / "conf")])
        wait_for(self.path)

    def stop(self) -> None:
        """Stop, if it runs."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None


@contextlib.contextmanager
def dovecot_auth(need: Callable[[str], str], users: dict[str, str], mechanisms: str) -> Iterator[DovecotAuth]:
    """Run it. users: stored passwords ({SCHEME}text) by login. Needs root."""
    server = DovecotAuth(Path(tempfile.mkdtemp(prefix="pyfix-dovecot-")), need("dovecot"))
    directory = server.directory
    directory.chmod(0o755)
    try:
        (directory / "users").write_text("".join(f"{name}:{stored}\n" for name, stored in users.items()))
        (directory / "conf").write_text(CONFIG.format(directory=directory, mechanisms=mechanisms))
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def running_auth(
    need: Callable[[str], str], users: dict[str, str], mechanisms: str = "plain login cram-md5 scram-sha-256"
) -> Iterator[Path]:
    """Run it; gives the path of its socket."""
    with dovecot_auth(need, users, mechanisms) as server:
        yield server.path


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

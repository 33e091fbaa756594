"""A Dovecot of the test's own that serves POP3 from one Maildir."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_CONFIG = """
base_dir = {directory}/run
log_path = {directory}/log
protocols = pop3
listen = 127.0.0.1
ssl = no
auth_mechanisms = plain login cram-md5
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:{directory}/mail
pop3_enable_last = yes
passdb {{
  driver = static
  args = password={{PLAIN}}secret
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={directory}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


@contextlib.contextmanager
def dovecot_pop3(need: Callable[[str], str], port: int, owner: int) -> Iterator[Path]:
    """Run it; give its directory, in which the Maildir `mail` is to be made. Needs root."""
    program = need("dovecot")
    directory = Path(tempfile.mkdtemp(prefix="pyfix-dovecot-"))
    directory.chmod(0o755)
    process = None
    try:
        (directory / "conf").write_text(_CONFIG.format(directory=directory, port=port, owner=owner))
        process = subprocess.Popen([program, "-F", "-c", str(directory / "conf")])
        _wait_for(port)
        yield directory
    finally:
        if process is not None:
            process.terminate()
            process.wait(20)
        shutil.rmtree(directory, ignore_errors=True)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as sock:
            if sock.recv(100).startswith(b"+OK"):
                return
        assert time.monotonic() < deadline, "Dovecot does not answer"
        time.sleep(0.02)

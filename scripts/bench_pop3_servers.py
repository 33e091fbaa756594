"""The POP3 servers of scripts/bench: Dovecot as Debian ships it, Dovecot tuned for many sessions, and pyfix.

All ask the same MariaDB with the same query file, passwords are PLAIN, mailboxes are Maildirs of one user.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench_database import Database

BIN = Path(sys.executable).parent
MAIL_ID = 2525
_WAIT_S = 30.0

QUERIES = """\
driver = mysql
connect = host={host} port={port} dbname={name} user={user} password={password}
default_pass_scheme = PLAIN
password_query = SELECT username AS user, password FROM mailbox WHERE username = '%u' AND active = '1'
user_query = SELECT CONCAT('maildir:{mail}/', maildir) AS mail, '{mail}' AS home, {uid} AS uid, {uid} AS gid \
FROM mailbox WHERE username = '%u'
"""

DOVECOT = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = pop3
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
first_valid_uid = 100
auth_mechanisms = plain login
passdb {{
  driver = sql
  args = {dir}/dovecot-sql.conf
}}
userdb {{
  driver = sql
  args = {dir}/dovecot-sql.conf
}}
service pop3-login {{
  inet_listener pop3 {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
  process_limit = 5000
{login}
}}
service pop3 {{
  process_limit = 5000
{pop3}
}}
service anvil {{
  client_limit = 20000
}}
service auth {{
  client_limit = 20000
}}
service stats {{
  client_limit = 20000
}}
"""
PYFIX = """\
compatibility_level = 3.7
queue_directory = {dir}/queue
data_directory = {dir}/data
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
maillog_file_prefixes = {dir}
maillog_file = {dir}/log
auth_backends = dovecot-sql:{dir}/dovecot-sql.conf
"""
_TUNED_LOGIN = "  service_count = 0\n  client_limit = 4000\n  process_min_avail = 2"
_TUNED_POP3 = "  service_count = 1000\n  process_min_avail = 20"


@dataclass
class Pop3Server:
    """A server that runs; `mail` is the directory of its mailboxes."""

    name: str
    directory: Path
    port: int
    command: list[str]
    pid_file: Path

    @property
    def mail(self) -> Path:
        """Where the mailboxes are."""
        return self.directory / "mail"

    def start(self) -> None:
        """Start, and wait until it greets."""
        subprocess.run([*self.command, "start"] if self.name == "pyfix" else self.command, check=True)
        deadline = time.monotonic() + _WAIT_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as sock:
                if sock.recv(100).startswith(b"+OK"):
                    return
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.name} does not answer on port {self.port}; see {self.directory}/log")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop, and wait until it is gone."""
        stop = ["doveadm", "-c", str(self.directory / "dovecot.conf"), "stop"]
        subprocess.run([*self.command, "stop"] if self.name == "pyfix" else stop, check=False, capture_output=True)

    def pids(self) -> list[int]:
        """Return the master and all processes below it."""
        family, todo = [], [int(self.pid_file.read_text())]
        while todo:
            pid = todo.pop()
            with contextlib.suppress(OSError):
                todo += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
                family.append(pid)
        return family


def write_queries(directory: Path, database: Database) -> Path:
    """Write the query file that both servers read."""
    path = directory / "dovecot-sql.conf"
    path.write_text(
        QUERIES.format(
            host=database.host, port=database.port, name=database.name, user=database.user,
            password=database.password, mail=directory / "mail", uid=MAIL_ID,
        )
    )  # fmt: skip
    path.chmod(0o600)
    return path


def dovecot(directory: Path, port: int, database: Database, *, is_tuned: bool) -> Pop3Server:
    """Lay a Dovecot out."""
    (directory / "mail").mkdir(parents=True)
    write_queries(directory, database)
    login, pop3 = (_TUNED_LOGIN, _TUNED_POP3) if is_tuned else ("", "")
    config = directory / "dovecot.conf"
    config.write_text(DOVECOT.format(dir=directory, port=port, login=login, pop3=pop3))
    name = "dovecot, tuned" if is_tuned else "dovecot"
    return Pop3Server(name, directory, port, ["dovecot", "-c", str(config)], directory / "run/master.pid")


def pyfix(directory: Path, port: int, database: Database) -> Pop3Server:
    """Lay a pyfix out, with the system's services but for SMTP."""
    for name in ("etc", "queue", "data", "mail"):
        (directory / name).mkdir(parents=True)
    shutil.chown(directory / "data", "postfix")
    write_queries(directory, database)
    (directory / "etc/main.cf").write_text(PYFIX.format(dir=directory))
    master = (Path(__file__).parents[1] / "master.cf").read_text()
    master = re.sub(r"(?m)^smtp +inet.*$", f"{port} inet n - n - - pop3-login", master)
    (directory / "etc/master.cf").write_text(master)
    command = [str(BIN / "pyfix"), "-c", str(directory / "etc")]
    return Pop3Server("pyfix", directory, port, command, directory / "queue/pid/master.pid")


def has_dovecot() -> bool:
    """Tell whether Dovecot with its POP3 server and MySQL is installed."""
    return shutil.which("dovecot") is not None and Path("/usr/lib/dovecot/pop3").exists()


@contextlib.contextmanager
def running(server: Pop3Server) -> Iterator[Pop3Server]:
    """Run a server for a while."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


def pss_mib(pids: list[int]) -> float:
    """Return the proportional set size of the processes in MiB."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
            total += int(found[1]) if found else 0
    return total / 1024

"""smtp beside the real smtp(8): the same servers, the same words in the log.

Setup: a private Postfix that relays each case's domain to that case's server, and one worker of pyfix's smtp with the
same time limits. Path: every message goes through both. Check: what is logged for each recipient is equal.
"""

import contextlib
import os
import re
import shutil
import smtplib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import run_worker
from instance import free_port
from mail_agents import enqueue
from smtp_cases import CASES, Case
from smtp_server import ScriptedServer

from pyfix.daemons.smtp.daemon import SERVICE
from pyfix.mail.ipc.client import Channel
from pyfix.mail.ipc.messages import Delivered

pytestmark = [
    pytest.mark.peer("postfix"),
    pytest.mark.root,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        os.getuid() != 0 or shutil.which("postconf") is None, reason="needs root and Debian's postfix package"
    ),
]

LIMITS = (
    "".join(
        f"smtp_{name}_timeout = 3s\n"
        for name in ("connect", "helo", "mail", "rcpt", "data_init", "data_xfer", "data_done", "rset", "quit")
    )
    + "disable_dns_lookups = yes\nsmtp_mx_session_limit = 2\n"
)
_LINE = re.compile(r"to=<(user\d+@[^>]+)>, relay=([^,]+),(?: conn_use=\d+,)? delay=.*?, dsn=(\S+), status=(\w+) (.*)")


def parsed(line: str) -> tuple[str, str] | None:
    """(recipient, what is said of it) of a log line, ports and addresses made equal."""
    found = _LINE.search(line)
    if not found:
        return None
    said = f"{found[2]} {found[3]} {found[4]} {found[5]}"
    return found[1], re.sub(r"\]:\d+", "]:PORT", said)


@pytest.fixture
def servers() -> Iterator[dict[str, ScriptedServer]]:
    """Each case's server, but for the case that has none."""
    with contextlib.ExitStack() as stack:
        yield {case.name: stack.enter_context(ScriptedServer(case.script)) for case in CASES if case.script}


@pytest.fixture
def ports(servers: dict[str, ScriptedServer]) -> dict[str, int]:
    """Each case's port."""
    return {case.name: servers[case.name].port if case.script else free_port() for case in CASES}


@pytest.fixture
def postfix(tmp_path: Path, ports: dict[str, int]) -> Iterator[tuple[Path, int]]:
    """A running private Postfix: its log and its port."""
    root = tmp_path / "postfix"
    for path in [tmp_path, *tmp_path.parents][:4]:
        path.chmod(0o755)
    for name in ("etc", "queue", "data"):
        (root / name).mkdir(parents=True)
    port = free_port()
    transport = " ".join(f"{{ {name}.test = smtp:[127.0.0.1]:{number} }}" for name, number in ports.items())
    (root / "etc" / "main.cf").write_text(
        f"compatibility_level = 3.7\nqueue_directory = {root}/queue\ndata_directory = {root}/data\n"
        "command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\n"
        "myhostname = mail.example.test\nmydestination =\nmynetworks = 127.0.0.0/8\ninet_interfaces = 127.0.0.1\n"
        "inet_protocols = ipv4\nalias_maps =\nalias_database =\nmulti_instance_enable = yes\n"
        f"multi_instance_name = postfix-smtptest\nmaillog_file_prefixes = {root}\nmaillog_file = {root}/log\n"
        f"transport_maps = inline:{{ {transport} }}\nsmtp_tls_security_level = none\nbounce_template_file =\n"
        f"notify_classes =\nsmtpd_relay_restrictions = permit_mynetworks, reject\n{LIMITS}"
    )
    stock = Path("/etc/postfix/master.cf").read_text()
    text = re.sub(r"(?m)^smtp +inet.*", f"{port} inet n - n - - smtpd", stock)
    text = re.sub(r"(?m)^(\S+ +(?:unix|inet|fifo|unix-dgram) +\S+ +\S+ +)y( .*)", r"\1n\2", text)
    (root / "etc" / "master.cf").write_text(text)
    for name in os.listdir("/etc/postfix"):
        if name.startswith(("dynamicmaps.cf", "postfix-files")):
            source = Path("/etc/postfix") / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, root / "etc" / name)
    shutil.chown(root / "data", "postfix")
    subprocess.run(["postfix", "-c", str(root / "etc"), "start"], check=True, capture_output=True, timeout=60)
    try:
        yield root / "log", port
    finally:
        subprocess.run(["postfix", "-c", str(root / "etc"), "stop"], capture_output=True, timeout=60)


def addresses(case: Case) -> list[str]:
    """The recipients of a case."""
    return [f"user{number}@{case.name}.test" for number in range(1, case.recipients + 1)]


def through_postfix(log: Path, port: int) -> dict[str, str]:
    """Send all cases and return what Postfix says of each recipient."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        for case in CASES:
            client.sendmail(case.sender, addresses(case), case.content.replace(b"\n", b"\r\n"))
    wanted = sum(case.recipients for case in CASES)
    found: dict[str, str] = {}
    deadline = time.monotonic() + 60
    while len(found) < wanted and time.monotonic() < deadline:
        select_pause()
        found = {}
        for line in log.read_text(errors="replace").splitlines():
            if "/smtp[" in line and (said := parsed(line)):
                found.setdefault(*said)
    return found


def select_pause() -> None:
    """Let the others work for a moment; there is nothing to wait on but the log file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as idle:
        idle.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            idle.bind("")
            idle.recv(1)


def through_pyfix(directory: Path, ports: dict[str, int]) -> dict[str, str]:
    """Deliver all cases with pyfix's smtp and return what it says."""
    found: dict[str, str] = {}
    with run_worker(SERVICE, LIMITS + "inet_protocols = ipv4\n", directory, name="smtp") as worker:
        channel = Channel(worker.path, 60)
        for case in CASES:
            request = enqueue(
                directory,
                addresses(case),
                case.content,
                sender=case.sender,
                nexthop=f"[127.0.0.1]:{ports[case.name]}",
            )
            channel.call(request, Delivered)
            for address in addresses(case):
                worker.wait_for_line(f"to=<{address}>")
        channel.close()
        for line in worker.log_lines():
            if said := parsed(line):
                found.setdefault(*said)
    return found


def test_log_says_what_postfix_says(
    postfix: tuple[Path, int], servers: dict[str, ScriptedServer], ports: dict[str, int], tmp_path: Path
) -> None:
    """For every recipient of every case: relay, dsn, status and text; converted content is equal, too."""
    theirs = through_postfix(*postfix)
    ours = through_pyfix(tmp_path / "pyfix", ports)
    assert len(theirs) == sum(case.recipients for case in CASES)
    assert sorted(f"{address} {normal(said)}" for address, said in ours.items()) == sorted(
        f"{address} {normal(said)}" for address, said in theirs.items()
    )
    for case in CASES:
        if case.name.startswith("mime-"):
            their_content, our_content = (session.contents[0] for session in servers[case.name].sessions)
            assert essence(our_content) == essence(their_content)


def essence(content: bytes) -> tuple[list[bytes], bytes]:
    """The MIME fields and the body of a message: the rest of the header is not smtp's business."""
    head, _, body = content.partition(b"\r\n\r\n")
    return sorted(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-")), body


def normal(said: str) -> str:
    """Without the size of the message, which Postfix counts as it lay in its own queue file."""
    return re.sub(r"message size \d+", "message size N", said)

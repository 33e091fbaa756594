"""One main.cf, two mail systems: the real Postfix and pyfix, each with directories of its own.

Only queue_directory, data_directory, log and mail location differ, and the SMTP port in master.cf, which otherwise is
the one that Debian ships.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from instance import Client, wait_until

MAIN_CF = """\
compatibility_level = 3.7
queue_directory = {directory}/queue
data_directory = {directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.pair.test
mydomain = pair.test
myorigin = pair.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
multi_instance_enable = yes
multi_instance_name = postfix-pair
maillog_file_prefixes = {directory}
maillog_file = {directory}/log
virtual_mailbox_domains = pair.test
virtual_mailbox_base = {directory}/mail
virtual_mailbox_maps = static:box/Maildir/
virtual_uid_maps = static:2525
virtual_gid_maps = static:2525
virtual_minimum_uid = 100
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtp_tls_security_level = none
smtpd_tls_security_level = none
transport_maps = inline:{{relay.test=smtp:[127.0.0.1]:{sink}}}
smtpd_client_connection_count_limit = 0
default_destination_concurrency_limit = 100
default_process_limit = 100
in_flow_delay = 0
disable_dns_lookups = yes
biff = no
message_size_limit = 51200000
notify_classes = bounce, 2bounce, resource, software
"""
STOCK_MASTER_CF = Path("/etc/postfix/master.cf")


@dataclass
class MailSystem:
    """One of the two."""

    name: str
    directory: Path
    port: int
    command: list[str]

    def lay_out(self, sink: int, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        """Write the configuration, with these settings in place of what it says, and make the directories.

        SINK in a setting stands for the sink as a next hop.
        """
        for name in ("etc", "queue", "data", "mail/box"):
            (self.directory / name).mkdir(parents=True)
        etc = self.directory / "etc"
        main = MAIN_CF.format(directory=self.directory, sink=sink).splitlines()
        kept = [line for line in main if line.partition("=")[0].strip() not in settings]
        added = [f"{name} = {value.replace('SINK', f'[127.0.0.1]:{sink}')}" for name, value in settings.items()]
        (etc / "main.cf").write_text("\n".join([*kept, *added, ""]))
        master = STOCK_MASTER_CF.read_text()
        master = re.sub(r"(?m)^smtp +inet .*$", f"{self.port} inet n - n - - smtpd", master)
        if self.name == "postfix":
            master = re.sub(r"(?m)^(\S+ +(?:unix|inet) +\S+ +\S+ +)y( .*)$", r"\1n\2", master)
            for file in Path("/etc/postfix").glob("dynamicmaps.cf*"):
                (shutil.copytree if file.is_dir() else shutil.copy)(file, etc / file.name)
            for file in Path("/etc/postfix").glob("postfix-files*"):
                (shutil.copytree if file.is_dir() else shutil.copy)(file, etc / file.name)
        (etc / "master.cf").write_text(master)
        shutil.chown(self.directory / "data", "postfix")
        os.chown(self.directory / "mail", 2525, 2525)
        os.chown(self.directory / "mail" / "box", 2525, 2525)

    def run(self, action: str) -> subprocess.CompletedProcess[bytes]:
        """Run `postfix -c DIR action` or its like. Its output goes to a file: Postfix's daemons keep it open."""
        with open(self.directory / "output", "ab") as output:
            return subprocess.run(
                [*self.command, "-c", str(self.directory / "etc"), action],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, timeout=90,
            )  # fmt: skip

    def start(self) -> None:
        """Start, and wait until it accepts connections."""
        assert self.run("start").returncode == 0, (self.directory / "output").read_text()
        wait_until(self._accepts, f"{self.name} on port {self.port}")

    def _accepts(self) -> bool:
        try:
            Client(self.port).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Stop."""
        self.run("stop")
        wait_until(lambda: self.run("status").returncode != 0, f"end of {self.name}")

    def delivered(self, count: int) -> list[bytes]:
        """Wait for so many messages and return them in the order of their Subject, then of their size."""
        folder = self.directory / "mail" / "box" / "Maildir" / "new"
        wait_until(lambda: folder.exists() and len(os.listdir(folder)) >= count, f"{count} messages of {self.name}")
        contents = [path.read_bytes() for path in folder.iterdir()]
        return sorted(map(self.mask, contents), key=lambda content: (_subject(content), len(content), content))

    def all_delivered(self) -> list[bytes]:
        """Wait until the queue is empty and return all messages, as `delivered` does."""
        self.wait_until_idle()
        return self.delivered(1)

    def wait_until_idle(self) -> None:
        """Wait until the queue is empty."""
        wait_until(self.has_empty_queue, f"an empty queue of {self.name}")

    def has_empty_queue(self) -> bool:
        """True when no message is under way; looked at twice, since one may move from a folder to one seen before."""
        folders = [self.directory / "queue" / name for name in ("incoming", "active", "deferred")]
        return not any(path.is_file() for folder in folders * 2 for path in folder.rglob("*"))

    def mask(self, content: bytes) -> bytes:
        """Replace ids and times."""
        content = re.sub(rb"\b20\d{12}\.(?=[0-9A-F]{9,}@)", b"TIME.", content)
        content = re.sub(rb"\b[0-9A-F]{9,14}\b(?:\.\d{10})?", b"ID", content)
        return re.sub(rb"\w{3}, [ \d]\d \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", b"DATE", content)


def _subject(content: bytes) -> bytes:
    found = re.search(rb"(?m)^Subject: (.*)$", content)
    return found[1] if found else b""


def pyfix_command() -> list[str]:
    """Return how to run the pyfix under test."""
    entry = "import sys; sys.argv[0] = 'pyfix'; from pyfix.commands.pyfix import main; sys.exit(main())"
    return [sys.executable, "-P", "-c", entry]


def make_pair(
    directory: Path, ports: Callable[[], int], sink: int, postfix: str, settings: Mapping[str, str]
) -> list[MailSystem]:
    """Lay both out."""
    systems = [
        MailSystem("postfix", directory / "postfix", ports(), [postfix]),
        MailSystem("pyfix", directory / "pyfix", ports(), pyfix_command()),
    ]
    for system in systems:
        system.lay_out(sink, settings)
    return systems


def sendmail_command(system: MailSystem) -> list[str]:
    """Return how to run the sendmail of a system."""
    entry = "import sys; sys.argv[0] = 'sendmail'; from pyfix.commands.sendmail import main; sys.exit(main())"
    program = [sys.executable, "-P", "-c", entry] if system.name == "pyfix" else ["/usr/sbin/sendmail"]
    return [*program, "-C", str(system.directory / "etc")]

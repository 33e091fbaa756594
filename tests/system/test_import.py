"""A Debian Postfix moves to pyfix.

Setup: as root, the main.cf, master.cf and /etc/aliases that Debian's postfix makes, with lines for directories, port
and names; the index of the aliases made by Postfix. Path: import-postfix, check, start, SMTP in, local delivery.
Check: exit status, mailbox file, Postfix's own files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from instance import StockInstance, free_port, mail, new_instance

pytestmark = [pytest.mark.system, pytest.mark.root, pytest.mark.peer("postfix")]
SHARE = Path("/usr/share/postfix")
USER = "games"


class ImportedInstance(StockInstance):
    """What an import makes of Debian's files."""

    def _lay_out(self) -> int:
        port = free_port()
        postfix = self.directory / "postfix"
        for path in (postfix, self.directory / "log", self.directory / "boxes"):
            path.mkdir(parents=True)
        (self.directory / "boxes").chmod(0o1777)
        for name in os.listdir("/etc/postfix"):
            path = Path("/etc/postfix", name)
            (shutil.copytree if path.is_dir() else shutil.copy)(path, postfix / name)
        self.aliases = self.directory / "aliases"
        self.aliases.write_text(f"postmaster: root\na: {USER}\n")
        text = (SHARE / "main.cf.debian").read_text() + (SHARE / "main.cf.tls").read_text()
        (postfix / "main.cf").write_text(f"""{text}
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
myhostname = mail.stock.test
alias_maps = hash:{self.aliases}
alias_database = hash:{self.aliases}
mydestination = $myhostname, stock.test, localhost
relayhost =
mynetworks = 127.0.0.0/8
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_alias_maps = hash:{postfix}/virtual
queue_directory = {self.directory}/postfix-spool
data_directory = {self.directory}/postfix-data
mail_spool_directory = {self.directory}/boxes
maillog_file = {self.directory}/log/maillog
maillog_file_prefixes = {self.directory}/log
""")
        (postfix / "virtual").write_text(f"v@stock.test {USER}\n")
        master = (SHARE / "master.cf.dist").read_text()
        (postfix / "master.cf").write_text(re.sub(r"(?m)^smtp( +inet )", f"127.0.0.1:{port}\\1", master))
        for program, table in (("postalias", self.aliases), ("postmap", postfix / "virtual")):
            subprocess.run([f"/usr/sbin/{program}", "-c", str(postfix), f"hash:{table}"], check=True, timeout=60)
        self.spool = self.directory / "pyfix-spool"
        self.imported = self._run("pyfix", "import-postfix", str(postfix), "--to", str(self.etc))
        assert self.imported.returncode == 0, self.imported.stderr
        return port


@pytest.fixture
def imported(need: Callable[[str], str]) -> Iterator[ImportedInstance]:
    need("postfix")
    with new_instance(ImportedInstance) as made:
        assert isinstance(made, ImportedInstance)
        yield made


def test_debian_configuration_delivers_a_message_once_imported(imported: ImportedInstance) -> None:
    """To a user, through the aliases and through a table of the directory; Postfix's indexes are still its own."""
    checked = imported.pyfix("check")
    assert checked.returncode == 0
    assert [line for line in checked.stderr.splitlines() if "port 25" not in line] == []
    imported.start()
    for address in (f"{USER}@stock.test", "a@stock.test", "v@stock.test"):
        imported.send(address, mail(f"for {address[0]}"))
        imported.wait_for_mbox(f"Subject: for {address[0]}\n".encode(), USER)
    for table in (imported.aliases, imported.directory / "postfix" / "virtual"):
        command = ["/usr/sbin/postmap", "-c", str(imported.directory / "postfix"), "-s", f"hash:{table}"]
        assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    assert not (imported.directory / "postfix-spool").exists()
    assert imported.command("newaliases").returncode == 0

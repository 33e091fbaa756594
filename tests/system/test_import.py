"""A Debian Postfix moves to pyfix, or pyfix runs with its directory as it is.

Setup: as root, the main.cf and master.cf that Debian's postfix makes, with lines for directories, port and names;
indexes made by Postfix. Path: import-postfix, check, start, SMTP in, local delivery. Check: exit status, what is told,
mailbox file, Postfix's own files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance import StockInstance, free_port, mail, new_instance
from tls_material import issue

pytestmark = [pytest.mark.system, pytest.mark.root, pytest.mark.peer("postfix")]
SHARE = Path("/usr/share/postfix")
USER = "games"


class DebianInstance(StockInstance):
    """pyfix with Debian's files as they are, once its postmap has been there."""

    def _lay_out(self) -> int:
        port = self._lay_out_postfix()
        self.etc = self.postfix
        self.spool = self.directory / "postfix-spool"
        for program, table in (("postalias", self.aliases), ("postmap", self.postfix / "virtual")):
            assert self.command(program, f"hash:{table}").returncode == 0
        return port

    def _lay_out_postfix(self) -> int:
        """Make the directory of a Postfix; return the port."""
        port = free_port()
        postfix = self.postfix = self.directory / "postfix"
        for path in (postfix, self.directory / "log", self.directory / "boxes"):
            path.mkdir(parents=True)
        (self.directory / "boxes").chmod(0o1777)
        for name in os.listdir("/etc/postfix"):
            path = Path("/etc/postfix", name)
            (shutil.copytree if path.is_dir() else shutil.copy)(path, postfix / name)
        self.aliases = self.directory / "aliases"
        self.aliases.write_text(f"postmaster: root\na: {USER}\n")
        text = (SHARE / "main.cf.debian").read_text() + (SHARE / "main.cf.tls").read_text()
        for suffix, path in zip(("pem", "key"), issue("mail.stock.test").write(self.directory, "own"), strict=True):
            text = re.sub(rf"/etc/ssl/\w+/ssl-cert-snakeoil.{suffix}", str(path), text)
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
        return port


class ImportedInstance(DebianInstance):
    """What an import makes of Debian's files."""

    def _lay_out(self) -> int:
        port = self._lay_out_postfix()
        self.spool = self.directory / "pyfix-spool"
        imported = self._run("pyfix", "import-postfix", str(self.postfix), "--to", str(self.etc))
        assert imported.returncode == 0, imported.stderr
        return port


@pytest.fixture
def debian() -> Iterator[DebianInstance]:
    """The directory as it is."""
    with new_instance(DebianInstance) as made:
        assert isinstance(made, DebianInstance)
        yield made


@pytest.fixture
def imported() -> Iterator[ImportedInstance]:
    """What becomes of it."""
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
    for table in (imported.aliases, imported.postfix / "virtual"):
        command = ["/usr/sbin/postmap", "-c", str(imported.postfix), "-s", f"hash:{table}"]
        assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    assert not (imported.directory / "postfix-spool").exists()
    assert imported.command("newaliases").returncode == 0


def test_debian_configuration_runs_as_it_is_and_start_tells_what_is_missing(debian: DebianInstance) -> None:
    """TLS of the client: mail goes in the clear. What nobody misses is told by check."""
    started = debian.pyfix("start")
    assert started.returncode == 0, started.stderr
    told = [line for line in started.stderr.splitlines() if "starting the pyfix mail system" not in line]
    assert [re.sub(r"^pyfix: warning: \S+ line \d+: ", "", line) for line in told] == [
        "smtp_tls_security_level=may: TLS of the SMTP client is not in this release: mail is sent in the clear",
    ]
    debian.send("v@stock.test", mail("as it is"))
    debian.wait_for_mbox(b"Subject: as it is\n", USER)
    checked = debian.pyfix("check")
    assert checked.returncode == 0
    assert "unused parameter" not in checked.stderr
    assert re.search(
        r"master.cf: line \d+: tlsmgr/unix: tlsmgr: OpenSSL needs no help with random numbers and sessions\n",
        checked.stderr,
    )


def test_queue_of_postfix_is_refused(debian: DebianInstance) -> None:
    """Where main.cf says so, and nobody has imported it."""
    (debian.spool / "active").mkdir(parents=True)
    started = debian.pyfix("start")
    assert started.returncode == 1
    expected = (
        f"pyfix: fatal: {debian.spool}: a queue of Postfix, whose files pyfix does not read; let Postfix deliver them,"
        " and specify another queue_directory"
    )
    assert started.stderr.splitlines()[-1] == expected

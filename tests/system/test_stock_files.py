"""The configuration files that people have: the ones that ship, and the master.cf that Debian ships with Postfix.

Setup: as root, those files with lines appended for directories, port and users; one Unix user, "games".
Path: SMTP and sendmail in, local delivery, an SMTP sink, notices. Check: mailbox files, the sink, the log.
"""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from instance import Instance, StockInstance, mail, new_instance, wait_until
from sink import Sink

pytestmark = [pytest.mark.system, pytest.mark.root]
USER = "games"
ADDRESS = f"{USER}@localhost"
DEBIAN_MASTER_CF = (Path("/usr/share/postfix/master.cf.dist"), Path("/etc/postfix/master.cf"))
WATCH = """
import os, sys
class Watch:
    log = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    def find_spec(self, name, path=None, target=None):
        try:
            is_jailed = os.geteuid() != 0 or os.readlink("/proc/self/root") != "/"
        except OSError:
            is_jailed = True
        if is_jailed:
            os.write(self.log, (name + chr(10)).encode())
sys.meta_path.insert(0, Watch())
"""
ASKED_IN_VAIN = {"sniffio"}
"""dnspython asks whether this is installed; without it, it takes asyncio."""


class DebianInstance(StockInstance):
    """Debian's master.cf, where most processes are chrooted; late imports are noted."""

    master_cf = next((path for path in DEBIAN_MASTER_CF if path.exists()), DEBIAN_MASTER_CF[0])

    @property
    def prologue(self) -> str:  # type: ignore[override]  # a text that depends on the directory
        """Have each import by a process that has given up its rights written down."""
        return WATCH.format(path=str(self.directory / "imports")) if self.directory.exists() else ""

    def late_imports(self) -> set[str]:
        """Return what was looked for when it may have been out of reach."""
        return set((self.directory / "imports").read_text().split()) - ASKED_IN_VAIN


@pytest.fixture
def instance() -> Iterator[StockInstance]:
    """The shipped main.cf and master.cf."""
    with new_instance(StockInstance) as made:
        assert isinstance(made, StockInstance)
        yield made


@pytest.fixture
def debian() -> Iterator[DebianInstance]:
    """The shipped main.cf with Debian's master.cf."""
    if not DebianInstance.master_cf.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"needs {DebianInstance.master_cf}, which CI has to install", pytrace=False)
        pytest.skip(f"needs {DebianInstance.master_cf} of Debian's postfix")
    with new_instance(DebianInstance) as made:
        assert isinstance(made, DebianInstance)
        yield made


def newaliases(instance: Instance) -> None:
    """Index the aliases, as an administrator does before the first start."""
    result = instance.command("newaliases")
    assert result.returncode == 0, result.stderr


def test_unix_user_gets_mail_into_an_mbox(instance: StockInstance) -> None:
    """The file has the message behind a From_ line and belongs to the user, who alone may read it."""
    newaliases(instance)
    instance.start()
    instance.send(ADDRESS, mail("hello", "From the start\n"))
    content = instance.wait_for_mbox(b"Subject: hello\n", USER)
    assert content.startswith(b"From sender@client.test ")
    assert f"\nDelivered-To: {ADDRESS}\n".encode() in content
    assert b"\n\n>From the start\n\n" in content
    status = (instance.directory / "boxes" / USER).stat()
    assert (status.st_uid, status.st_mode & 0o777) == (pwd.getpwnam(USER).pw_uid, 0o600)
    instance.wait_for_log(rf"local\[\d+\]: \w+: to=<{ADDRESS}>, relay=local, .*status=sent \(delivered to mailbox\)")


def test_unknown_unix_user_is_refused(instance: StockInstance) -> None:
    """local_recipient_maps is on from the start."""
    newaliases(instance)
    instance.start()
    client = instance.connect()
    client.smtp.docmd("MAIL", "FROM:<sender@client.test>")
    reply = client.smtp.docmd("RCPT", "TO:<no-such-user@localhost>")
    text = b"5.1.1 <no-such-user@localhost>: Recipient address rejected: User unknown in local recipient table"
    assert reply == (550, text)
    client.close()


@pytest.mark.peer("procmail")
def test_procmail_takes_the_mail_of_a_unix_user(instance: StockInstance, need: Callable[[str], str]) -> None:
    """mailbox_command, run as the user: here it is told where the inbox is."""
    inbox = instance.directory / "boxes" / "by-procmail"
    instance.set(mailbox_command=f'{need("procmail")} -a "$EXTENSION" DEFAULT={inbox} ORGMAIL={inbox}')
    newaliases(instance)
    instance.start()
    instance.send(ADDRESS, mail("filtered"))
    wait_until(lambda: inbox.exists() and b"Subject: filtered\n" in inbox.read_bytes(), "the message by procmail")
    assert inbox.stat().st_uid == pwd.getpwnam(USER).pw_uid
    instance.wait_for_log(r"status=sent \(delivered to command: .*procmail")
    assert not (instance.directory / "boxes" / USER).exists()


def test_alias_works_after_newaliases(instance: StockInstance) -> None:
    """`a: games` in the file that alias_database names."""
    with open(instance.etc / "aliases", "a") as file:
        file.write(f"a: {USER}\n")
    newaliases(instance)
    instance.start()
    instance.send("a@localhost", mail("by alias"))
    instance.wait_for_mbox(b"Subject: by alias\n", USER)
    instance.wait_for_log(rf"to=<{USER}@\S+>, orig_to=<a@localhost>, relay=local")


def test_missing_alias_index_delays_mail_and_loses_none(instance: StockInstance) -> None:
    """On a machine where nobody ran newaliases the log says which table is missing; then mail flows by itself."""
    instance.set(local_recipient_maps="", queue_run_delay="1s", minimal_backoff_time="1s", maximal_backoff_time="1s")
    instance.start()
    instance.send(ADDRESS, mail("waits"))
    instance.wait_for_log(rf"local\[\d+\]: .*{instance.etc}/aliases")
    instance.wait_for_log(rf"to=<{ADDRESS}>.*status=deferred")
    newaliases(instance)
    instance.wait_for_mbox(b"Subject: waits\n", USER)


def test_debian_master_cf_works_in_its_chroots(debian: DebianInstance, sink: Sink) -> None:
    """In by SMTP and sendmail, out by local and smtp, notices, the DNS, an internationalized domain: and no process
    looks for a module once it has given up its rights, where it might not find it."""
    sink.answer = lambda command: "550 5.1.1 no such user" if "refused" in command else ""
    # An IDN and the time zone take files that a chroot hides.
    debian.set(transport_maps=f"inline:{{relay.test=smtp:{sink.nexthop}}}", myhostname="mail.stock.test")
    debian.environ["TZ"] = ":Asia/Tokyo"
    newaliases(debian)
    debian.start()
    debian.send(ADDRESS, mail("local"))
    assert b" +0900 (JST)\n" in debian.wait_for_mbox(b"Subject: local\n", USER)
    debian.send(["bob@relay.test", "refused@relay.test"], mail("relayed"), sender=ADDRESS)
    debian.wait_for_mbox(b"Subject: Undelivered Mail Returned to Sender\n", USER)
    assert sink.taken[0].recipients == ["bob@relay.test"]
    assert debian.command("sendmail", ADDRESS, stdin="Subject: submitted\n\n").returncode == 0
    assert b"From: root <root@mail.stock.test>\n" in debian.wait_for_mbox(b"Subject: submitted\n", USER)
    client = debian.connect()
    for line in ("MAIL FROM:<> SMTPUTF8", "RCPT TO:<x@müller.invalid>"):
        client.smtp.send(f"{line}\r\n".encode())
        assert client.smtp.getreply()[0] == 250
    client.smtp.data(mail("international"))
    client.close()
    debian.wait_for_log(r"to=<x@müller.invalid>.*, status=(deferred|bounced) \(.*Name service error")
    assert debian.command("mailq").returncode == 0
    assert "unknown mail system error" not in debian.log
    assert debian.late_imports() == set()
    complaints = debian.pyfix("check").stderr.splitlines()
    assert not [line for line in complaints if re.search(r"owned by|writable|differ$|damaged|symlink", line)]


def test_debian_master_cf_has_chrooted_processes(debian: DebianInstance) -> None:
    """The column means what it says: smtpd sees the queue directory as its root, qmgr does not."""
    newaliases(debian)
    debian.start()
    client = debian.connect()
    debian.wait_for_log(r"smtpd\[(\d+)\]: connect from")
    pid = int(debian.wait_for_log(r"smtpd\[(\d+)\]: connect from")[1])
    assert os.readlink(f"/proc/{pid}/root") == str(debian.spool)
    roots = {os.readlink(f"/proc/{pid}/root") for pid in debian.processes()}
    assert roots == {"/", str(debian.spool)}
    client.close()


def test_new_unix_user_is_known_in_a_chroot(tmp_path: Path) -> None:
    """The jail's copies follow their originals; what has gone there goes here."""
    from pyfix.service import jail

    source, target = tmp_path / "etc", tmp_path / "jail"
    source.mkdir()
    for name in ("passwd", "group", "hosts"):
        (source / name).write_text("127.0.0.1 localhost\n")
    jail.furnish(str(source), str(target))
    assert f"{USER}:x:{pwd.getpwnam(USER).pw_uid}:" in (target / "passwd").read_text()
    (source / "hosts").write_text("127.0.0.1 localhost other\n")
    (source / "passwd").unlink()
    jail.furnish(str(source), str(target))
    assert (target / "hosts").read_text() == "127.0.0.1 localhost other\n"
    assert sorted(path.name for path in target.iterdir()) == ["group", "hosts"]


def test_dns_answers_of_every_usual_kind_are_read_in_a_chroot() -> None:
    """What dnspython imports with the first answer of a kind is there, when nothing can be imported any more."""
    answers = ["a.test. 60 IN CNAME b.test.", "test. 60 IN SOA a. b. 1 2 3 4 5", "test. 60 IN MX 5 mx.test."]
    answers += ["mx.test. 60 IN A 192.0.2.1", "mx.test. 60 IN AAAA 2001:db8::1", "test. 60 IN NS ns.test."]
    script = f"""
import sys
import pyfix.daemons.smtp.daemon
from pyfix.service import jail
jail.load_modules()
class Nothing:
    def find_spec(self, name, path=None, target=None):
        raise ImportError(name)
sys.meta_path[:] = [Nothing()]
import dns.asyncbackend, dns.rdata, dns.rrset
dns.asyncbackend.get_backend("asyncio")
for text in {answers!r}:
    name, ttl, kind, type_, data = text.split(" ", 4)
    record = dns.rrset.from_text(name, ttl, kind, type_, data)[0]
    wire = record.to_wire()
    again = dns.rdata.from_wire(record.rdclass, record.rdtype, wire, 0, len(wire))
    assert not isinstance(again, dns.rdata.GenericRdata), text
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr

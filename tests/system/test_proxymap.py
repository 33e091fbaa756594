"""A mail system whose local users are known through proxymap, as in an unchanged configuration.

Setup: the files that ship, with smtpd in a chroot where there are root's rights. Path: RCPT TO for users who exist and
who do not. Check: the right ones are refused, also right after proxymap was killed, and nobody while it is not there.
"""

from __future__ import annotations

import os
import re
import signal
import smtplib
from collections.abc import Iterator

import pytest
from instance import StockInstance, new_instance, wait_until

pytestmark = pytest.mark.system


@pytest.fixture
def stock() -> Iterator[StockInstance]:
    """The shipped files."""
    with new_instance(StockInstance) as made:
        assert isinstance(made, StockInstance)
        made.set(mydestination="local.test", mynetworks="127.0.0.0/8")
        assert made.command("newaliases").returncode == 0
        yield made


def change_master_cf(system: StockInstance, pattern: str, replacement: str) -> None:
    """Change one line."""
    path = system.etc / "master.cf"
    text, count = re.subn(f"(?m)^{pattern}", replacement, path.read_text())
    assert count == 1, text
    path.write_text(text)


def replies(system: StockInstance, *names: str) -> list[str]:
    """Return code and status of the reply to each recipient."""
    with smtplib.SMTP("127.0.0.1", system.port, local_hostname="client.test", timeout=30) as client:
        client.ehlo()
        client.mail("sender@client.test")
        found = []
        for name in names:
            code, text = client.rcpt(f"{name}@local.test")
            found.append(f"{code} {text.decode().split()[0]}")
        return found


def proxymaps(system: StockInstance) -> list[int]:
    """Return the processes."""
    found = []
    for pid in system.processes():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if file.read().startswith(b"proxymap"):
                    found.append(pid)
        except FileNotFoundError:
            continue
    return found


def test_local_users_are_known_through_proxymap(stock: StockInstance) -> None:
    """In a chroot, after proxymap was killed, and after a reload; postmap asks it as well."""
    if os.getuid() == 0:
        change_master_cf(stock, r"(127\S+ +inet +n +- +)n", r"\1y")
    stock.start()
    assert replies(stock, "root", "no-such-user", "postmaster") == ["250 2.1.5", "550 5.1.1", "250 2.1.5"]
    for pid in proxymaps(stock):
        os.kill(pid, signal.SIGKILL)
    assert replies(stock, "root", "no-such-user") == ["250 2.1.5", "550 5.1.1"]
    assert stock.pyfix("reload").returncode == 0
    assert replies(stock, "no-such-user", "root") == ["550 5.1.1", "250 2.1.5"]
    asked = stock.command("postmap", "-q", "root", "proxy:unix:passwd.byname")
    assert asked.stdout.startswith("root:"), asked.stderr
    refused = stock.command("postmap", "-q", "root", "proxy:static:x")
    assert refused.stderr.endswith('postmap: fatal: proxymap service is not configured for table "static:x"\n')
    stock.wait_for_log("to approve this table for read-only access, list proxy:static:x in main.cf:proxy_read_maps")
    assert len(proxymaps(stock)) == 1


def test_master_cf_without_proxymap_refuses_nobody(stock: StockInstance) -> None:
    """The log and `pyfix check` say what is missing; mail goes on as soon as it is there."""
    change_master_cf(stock, "proxymap ", "#proxymap ")
    checked = stock.pyfix("check")
    assert "there is no service proxymap, which local_recipient_maps = proxy:unix:passwd.byname needs" in checked.stderr
    stock.start()
    assert replies(stock, "root", "no-such-user") == ["451 4.3.0", "451 4.3.0"]
    stock.wait_for_log(r'warning: proxy:unix:passwd.byname: .* has master.cf a line "proxymap unix - - n - - proxymap"')
    change_master_cf(stock, "#proxymap ", "proxymap ")
    assert stock.pyfix("reload").returncode == 0
    wait_until(lambda: replies(stock, "root", "no-such-user") == ["250 2.1.5", "550 5.1.1"], "answers of proxymap")


def test_proxywrite_changes_a_table_while_others_read_it(stock: StockInstance) -> None:
    """postmap -d removes a key through it, and who was an alias is unknown soon after."""
    table = stock.directory / "data" / "aliases"
    spec = f"hash:{table}"
    stock.set(alias_maps=f"proxy:{spec}", proxy_write_maps=f"proxy:{spec}")
    stock.start()
    table.write_text("moved root\nstays root\n")
    assert stock.command("postmap", spec).returncode == 0
    if os.getuid() == 0:
        for path in (table, table.with_suffix(".db")):
            status = os.stat(stock.directory / "data")
            os.chown(path, status.st_uid, status.st_gid)
    wait_until(lambda: replies(stock, "moved", "stays") == ["250 2.1.5", "250 2.1.5"], "both aliases")
    removed = stock.command("postmap", "-d", "moved", f"proxy:{spec}")
    assert removed.returncode == 0, removed.stderr
    wait_until(lambda: replies(stock, "moved", "stays") == ["550 5.1.1", "250 2.1.5"], "one alias")
    stock.wait_for_log(rf"proxymap\[\d+\]: table {spec} has changed -- restarting")

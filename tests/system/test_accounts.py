"""A mail system whose users are accounts, managed while it runs.

Setup: `pyfix init`, which makes the embedded database. Path: commands on one side, SMTP on the other. Check: every
change is in force at the next RCPT TO, without a reload; a database that can't be asked refuses nobody.
"""

from __future__ import annotations

import os
import poplib
import re
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import extmail
import pytest
from account_stores import new_database, server, settings
from databases import Database, directory, mariadb_run
from instance import DOMAIN, Instance, wait_until

pytestmark = pytest.mark.system


def reply(system: Instance, recipient: str) -> str:
    """Return the answer to RCPT TO."""
    client = smtplib.SMTP("127.0.0.1", system.port, local_hostname="client.test", timeout=30)
    client.ehlo()
    client.mail("sender@client.test")
    code, text = client.rcpt(recipient)
    client.quit()
    return f"{code} {text.decode()}"


def change(system: Instance, *args: str, stdin: str = "") -> None:
    """Run a command that succeeds."""
    result = system.pyfix(*args, input=stdin)
    assert result.returncode == 0, result.stderr


UNKNOWN = "550 5.1.1 <{0}>: Recipient address rejected: User unknown in virtual mailbox table"


def test_changes_are_in_force_at_once(running: Instance) -> None:
    """A new user, an alias, a catch-all, a user that may not receive, a domain more, and the end of each."""
    bob = f"bob@{DOMAIN}"
    assert reply(running, bob) == UNKNOWN.format(bob)
    change(running, "user", "add", bob, "--password-stdin", stdin="secret\n")
    running.send(bob)
    running.wait_for_mail(user="bob")
    change(running, "alias", "add", f"all@{DOMAIN}", bob, running.address)
    running.send(f"All@{DOMAIN}")
    running.wait_for_mail(2, user="bob")
    running.wait_for_mail(1)
    change(running, "alias", "add", f"@{DOMAIN}", bob)
    running.send(running.address)
    running.send(f"whoever@{DOMAIN}")
    running.wait_for_mail(2)
    running.wait_for_mail(3, user="bob")
    change(running, "alias", "del", f"@{DOMAIN}")
    change(running, "user", "set", bob, "--disable", "smtp")
    assert reply(running, bob) == UNKNOWN.format(bob)
    change(running, "user", "set", bob, "--enable", "smtp", "--expires", "2020-01-01")
    assert reply(running, bob) == UNKNOWN.format(bob)
    change(running, "domain", "add", "second.test")
    change(running, "user", "add", "eve@second.test", "--no-password")
    assert reply(running, "eve@second.test") == "250 2.1.5 Ok"
    change(running, "domain", "del", "second.test", "--recursive")
    assert len(running.messages("bob")) == 3


@pytest.mark.root
def test_process_in_its_jail_sees_changes(instance: Instance) -> None:
    """The file is out of reach there, and was opened before; so were its companions."""
    path = instance.etc / "master.cf"
    jailed = ("smtpd", "cleanup", "trivial-rewrite")
    lines = [
        re.sub(r"^(\S+\s+\S+\s+\S+\s+\S+\s+)n", r"\1y", line) if line.split()[-1] in jailed else line
        for line in path.read_text().splitlines()
        if line.strip()
    ]
    path.write_text("\n".join(lines) + "\n")
    instance.start()
    assert reply(instance, f"bob@{DOMAIN}") == UNKNOWN.format(f"bob@{DOMAIN}")
    for number in range(3):
        name = f"user{number}@{DOMAIN}"
        change(instance, "user", "add", name, "--no-password")
        instance.send(name)
        instance.wait_for_mail(user=f"user{number}")
        change(instance, "user", "del", name)
        assert reply(instance, name) == UNKNOWN.format(name)
    root = {os.readlink(f"/proc/{pid}/root") for pid in instance.processes() if b"smtpd" in _title(pid)}
    assert root == {os.path.realpath(instance.spool)}


def _title(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


@pytest.mark.root
def test_nobody_but_auth_and_root_sees_a_password(running: Instance) -> None:
    """A login works; no process without root's rights has the file of secrets open, and mail_owner can't open it."""
    change(running, "user", "passwd", running.address, "--password-stdin", stdin="secret\n")
    running.send(running.address)
    running.wait_for_mail()
    trust = ssl.create_default_context(cafile=f"{running.etc}/server.pem")
    client = poplib.POP3_SSL("localhost", running.ports["POP3S"], timeout=30, context=trust)
    client.user(running.address)
    client.pass_("secret")
    files = running.directory / "data" / "accounts.db.secrets"
    holders = {pid for pid in running.processes() if str(files) in " ".join(_open_files(pid))}
    assert holders and all(b"auth" in _title(pid) for pid in holders)
    client.quit()
    owner = (files.parent / "accounts.db").stat().st_uid
    done = subprocess.run(["cat", str(files / "secrets.db")], user=owner, capture_output=True, check=False)
    assert b"Permission denied" in done.stderr and not done.stdout
    assert b"ARGON2ID" not in (files.parent / "accounts.db").read_bytes()


def _open_files(pid: int) -> list[str]:
    folder = f"/proc/{pid}/fd"
    return [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]


def test_database_that_is_lost_refuses_nobody(running: Instance) -> None:
    """451 4.3.0 for everybody until it is back."""
    path = running.directory / "data" / "accounts.db"
    assert reply(running, running.address) == "250 2.1.5 Ok"
    for name in os.listdir(path.parent):
        os.rename(path.parent / name, path.parent / f"lost-{name}")
    assert running.pyfix("reload").returncode == 0
    for name in ("alice", "nobody"):
        address = f"{name}@{DOMAIN}"
        assert reply(running, address) == f"451 4.3.0 <{address}>: Temporary lookup failure"
    running.wait_for_log(r"warning: .*accounts.db: No such file or directory; make it with")
    os.rename(path.parent / "lost-accounts.db", path)
    assert running.pyfix("reload").returncode == 0
    running.send(running.address)
    running.wait_for_mail()


@pytest.fixture
def extmail_tables(need: Callable[[str], str]) -> Iterator[tuple[Database, Path]]:
    """ExtMail's tables in a MariaDB, and the settings for them, where the mail system may read them."""
    with server(need) as database, directory() as folder:
        yield database, settings(database, new_database(database, "extmail"), folder)


@pytest.mark.peer("mariadbd", "mariadb-install-db")
def test_accounts_of_extmail_serve(instance: Instance, extmail_tables: tuple[Database, Path]) -> None:
    """The same commands and tables on its database; while that is down nobody is refused."""
    database, path = extmail_tables
    instance.set(accounts_database=f"mysql:{path}")
    change(instance, "domain", "add", DOMAIN)
    change(instance, "user", "add", instance.address, "--no-password")
    instance.start()
    instance.send(instance.address)
    instance.wait_for_mail()
    mariadb_run(database.path, "UPDATE mailbox SET active = 0", database=path.stem)
    assert reply(instance, instance.address) == UNKNOWN.format(instance.address)
    database.server.stop()
    for name in ("alice", "nobody"):
        assert reply(instance, f"{name}@{DOMAIN}").startswith("451 4.3.0 ")
    result = instance.pyfix("user", "list")
    assert result.returncode == os.EX_TEMPFAIL
    assert "connect to mysql server unix:" in result.stderr


TUTORIAL = {
    "alias": ("alias", "goto", "address"),
    "domains": ("domain", "domain", "domain"),
    "mailbox": ("mailbox", "maildir", "username"),
}
"""Its files, by what they are called: table, select_field, where_field."""


@pytest.mark.peer("mariadbd", "mariadb-install-db")
def test_tutorials_database_and_lines_serve(instance: Instance, need: Callable[[str], str]) -> None:
    """ExtMan's two SQL files are imported; then main.cf has the tutorial's lines, and mail comes from outside."""
    with server(need) as database, directory() as folder:
        mariadb_run(database.path, "CREATE DATABASE extmail")
        instance.set(accounts_database=f"mysql:{settings(database, 'extmail', folder)}")
        for name, text in (("extmail.sql", extmail.SCHEMA), ("init.sql", extmail.INIT)):
            (folder / name).write_text(text)
        change(instance, "accounts", "import", f"{folder}/extmail.sql", f"{folder}/init.sql")
        mariadb_run(database.path, "GRANT SELECT ON extmail.* TO extmail@localhost IDENTIFIED BY 'extmail'")
        for name, (table, select, where) in TUTORIAL.items():
            (folder / f"mysql_virtual_{name}_maps.cf").write_text(
                f"user = extmail\npassword = extmail\nhosts = unix:{database.path}\ndbname = extmail\n"
                f"table = {table}\nselect_field = {select}\nwhere_field = {where}\n"
                "additional_conditions = AND active = '1'\n"
            )
        instance.set(
            virtual_mailbox_maps=f"mysql:{folder}/mysql_virtual_mailbox_maps.cf",
            virtual_mailbox_domains=f"mysql:{folder}/mysql_virtual_domains_maps.cf",
            virtual_alias_domains="",
            virtual_alias_maps=f"mysql:{folder}/mysql_virtual_alias_maps.cf",
            virtual_transport="virtual",
        )
        instance.start()
        instance.send(["postmaster@extmail.org", "support@extmail.org"])
        box = instance.directory / "mail" / "extmail.org" / "postmaster" / "Maildir" / "new"
        wait_until(lambda: box.exists() and len(os.listdir(box)) == 2, "a message for each recipient")
        assert reply(instance, "nobody@extmail.org") == UNKNOWN.format("nobody@extmail.org")
        instance.set(virtual_mailbox_maps="accounts:mailboxes")
        assert instance.pyfix("reload").returncode == 0
        assert reply(instance, "postmaster@extmail.org") == UNKNOWN.format("postmaster@extmail.org")
        change(instance, "user", "set", "postmaster@extmail.org", "--expires", "never")
        change(instance, "domain", "set", "extmail.org", "--expires", "never")
        instance.send("postmaster@extmail.org")
        wait_until(lambda: len(os.listdir(box)) == 3, "a message for an account that has expired no more")

"""A mail system whose users are in a database.

Setup: virtual domains, mailboxes and aliases in a MariaDB of the test's own. Path: in over SMTP, through cleanup and
virtual. Check: who is there gets mail, who is not is refused, and while the database is down nobody is refused.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator

import pytest
from databases import Database, mariadb, mariadb_run
from instance import DOMAIN, Instance

pytestmark = [pytest.mark.system, pytest.mark.peer("mariadbd", "mariadb-install-db")]


@pytest.fixture(scope="module")
def database(need: Callable[[str], str]) -> Iterator[Database]:
    """Users alice and bob, and an alias for both."""
    with mariadb(need) as server:
        mariadb_run(server.path, "CREATE TABLE users (address VARCHAR(100), box TEXT)", database="mail")
        mariadb_run(server.path, "CREATE TABLE aliases (address VARCHAR(100), goto TEXT)", database="mail")
        rows = [(f"{name}@{DOMAIN}", f"{DOMAIN}/{name}/Maildir/") for name in ("alice", "bob")]
        mariadb_run(server.path, "INSERT INTO users VALUES (%s, %s)", rows, "mail")
        both = [(f"both@{DOMAIN}", row[0]) for row in rows]
        mariadb_run(server.path, "INSERT INTO aliases VALUES (%s, %s)", both, "mail")
        yield server


@pytest.fixture
def system(instance: Instance, database: Database) -> Instance:
    """An instance that asks the database for everything."""
    queries = {
        "domains": "SELECT 1 FROM users WHERE address LIKE '%%@%s' LIMIT 1",
        "users": "SELECT box FROM users WHERE address = '%s'",
        "aliases": "SELECT goto FROM aliases WHERE address = '%s'",
    }
    login = f"hosts = unix:{database.path}\nuser = mail\npassword = secret\ndbname = mail\n"
    for name, query in queries.items():
        (instance.etc / f"{name}.cf").write_text(f"{login}query = {query}\n")
    instance.set(
        virtual_mailbox_domains=f"mysql:{instance.etc}/domains.cf",
        virtual_mailbox_maps=f"mysql:{instance.etc}/users.cf",
        virtual_alias_maps=f"mysql:{instance.etc}/aliases.cf",
        virtual_alias_domains="",
    )
    return instance


def refusal(system: Instance, recipient: str) -> tuple[int, str]:
    """Return the reply to RCPT TO."""
    client = smtplib.SMTP("127.0.0.1", system.port, local_hostname="client.test", timeout=30)
    client.ehlo()
    client.mail("sender@client.test")
    code, text = client.rcpt(recipient)
    client.quit()
    return code, text.decode()


def test_users_of_a_database_get_mail(system: Instance) -> None:
    """The alias leads to both; who is in no table is refused for good."""
    system.start()
    system.send(f"both@{DOMAIN}")
    system.wait_for_mail(user="alice")
    system.wait_for_mail(user="bob")
    code, text = refusal(system, f"nobody@{DOMAIN}")
    assert (code, text.split()[0]) == (550, "5.1.1")


def test_database_that_is_down_refuses_nobody(system: Instance, database: Database) -> None:
    """Not a user, not a stranger: 451 4.3.0; mail goes on when the database is back."""
    system.start()
    database.server.stop()
    try:
        for name in ("alice", "nobody"):
            code, text = refusal(system, f"{name}@{DOMAIN}")
            assert (code, text.split()[0]) == (451, "4.3.0"), text
    finally:
        database.server.start()
    system.wait_for_log(r"warning: mysql:.*: connect to mysql server unix:.*: No such file or directory")
    assert system.pyfix("reload").returncode == 0  # fresh processes: the old ones leave the server alone for a minute
    system.send(f"alice@{DOMAIN}")
    system.wait_for_mail(user="alice")


def test_database_that_goes_down_behind_a_message_delays_it(system: Instance, database: Database) -> None:
    """It waits in the queue, and nothing is sent back."""
    system.set(defer_transports="virtual")
    system.start()
    system.send(f"alice@{DOMAIN}")
    system.wait_for_log("status=deferred")
    database.server.stop()
    try:
        system.set(defer_transports="")
        assert system.pyfix("reload").returncode == 0
        assert system.pyfix("flush").returncode == 0
        system.wait_for_log(r"status=deferred \(address resolver failure")
    finally:
        database.server.start()
    assert system.pyfix("reload").returncode == 0
    assert system.pyfix("flush").returncode == 0
    system.wait_for_mail(user="alice")
    assert "status=bounced" not in system.log

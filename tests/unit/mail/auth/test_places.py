"""Whose mailbox a login is: that of the Unix user of the same name only where mail for it is delivered to him."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pyfix.mail.auth.backends.context import Context
from pyfix.mail.auth.backends.registry import open_backend
from pyfix.mail.auth.places import Places
from pyfix.mail.config import Config

VIRTUAL = """
myhostname = mail.x.test
virtual_mailbox_domains = mail.x.test, x.test
virtual_mailbox_base = /mail
virtual_mailbox_maps = inline:{daemon@mail.x.test=host/daemon/, daemon@x.test=domain/daemon/}
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
"""


@pytest.mark.parametrize(
    ("more", "login", "location"),
    [
        ("myorigin = x.test\nmydestination = localhost\n", "daemon@x.test", "maildir:/mail/domain/daemon"),
        ("myorigin = x.test\nmydestination = x.test\n", "daemon@x.test", "mbox:/spool/daemon"),
        ("mydestination = localhost\n", "daemon@LOCALHOST", "mbox:/spool/daemon"),
        ("mydestination = localhost\n", "daemon", "mbox:/spool/daemon"),
    ],
)
def test_domain_of_myorigin_alone_makes_no_unix_user(more: str, login: str, location: str) -> None:
    """Two people may have the name daemon, and each has a password of their own."""
    place = Places(Config.from_text(f"{VIRTUAL}mail_spool_directory = /spool\n{more}")).find(login)
    assert place is not None and place.location == location


def test_cyrus_realm_makes_no_unix_user(tmp_path: Path) -> None:
    """A login without domain was looked up as one of myhostname: its mailbox is there, too."""
    with sqlite3.connect(tmp_path / "users.db") as database:
        database.execute("CREATE TABLE users (name, password)")
    (tmp_path / "smtpd.conf").write_text(
        f"sql_engine: sqlite\nsql_database: {tmp_path}/users.db\n"
        "sql_select: SELECT password FROM users WHERE name = '%u@%r'\n"
    )
    context = Context(Config.from_text(f"{VIRTUAL}mydestination = localhost\n"))
    backend = open_backend(f"cyrus-sql:{tmp_path}/smtpd.conf", context)
    place = backend.locate("daemon", "pop3")
    backend.close()
    assert place is not None and place.location == "maildir:/mail/host/daemon"

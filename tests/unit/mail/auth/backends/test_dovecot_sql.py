"""dovecot-sql: where the mail of a login is not."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pyfix.mail.auth.backend import Attempt, BackendUnavailable, LookupBackend
from pyfix.mail.auth.backends.context import Context
from pyfix.mail.auth.backends.registry import open_backend
from pyfix.mail.auth.backends.saslauthd import verify_with
from pyfix.mail.config import Config

CONF = """driver = sqlite
connect = {path}/users.db
password_query = SELECT password FROM users WHERE name = '%n'
user_query = SELECT 5000 AS uid, 5000 AS gid, {columns} FROM users WHERE name = '%n'
"""


@pytest.mark.parametrize("columns", ["'maildir:/mail/%d/%n' AS mail", "'/mail/%d' AS home, 'maildir:~/%n' AS mail"])
def test_domain_of_a_login_leads_nowhere_else(tmp_path: Path, columns: str) -> None:
    """A query that looks at the name alone lets bob choose the domain."""
    with sqlite3.connect(tmp_path / "users.db") as database:
        database.execute("CREATE TABLE users (name, password)")
        database.execute("INSERT INTO users VALUES ('bob', '{PLAIN}secret')")
    (tmp_path / "sql.conf").write_text(CONF.format(path=tmp_path, columns=columns))
    backend = open_backend(f"dovecot-sql:{tmp_path}/sql.conf", Context(Config.from_text("")))
    assert isinstance(backend, LookupBackend)
    place = backend.locate("bob@x.test", "pop3")
    assert place is not None and place.location == "maildir:/mail/x.test/bob"
    for login in ("bob@..", "bob@x.test/../y.test"):
        assert verify_with(backend, Attempt(login, "pop3"), b"secret") is not None
        with pytest.raises(BackendUnavailable, match=r'"\.\." in "/mail/'):
            backend.locate(login, "pop3")
    backend.close()

"""passwd-file: lines as htpasswd and Dovecot write them, changes, and what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyfix.mail.auth.backend import Attempt, BackendUnavailable, LookupBackend, Place
from pyfix.mail.auth.backends.context import Context
from pyfix.mail.auth.backends.registry import open_backend
from pyfix.mail.auth.backends.saslauthd import verify_with
from pyfix.mail.auth.places import rights_of
from pyfix.mail.config import Config, ConfigError

FILE = """# users
alice@x.test:{PLAIN}secret
bob:$apr1$salt1234$G61s9lpZAELkzUFCbj/53/

carol@x.test:{PLAIN}secret:1000:1001:Carol, of course:/home/carol:/bin/sh:userdb_mail=mbox:~/mbox:INBOX=/m/%n nologin
dave@x.test:{PLAIN}secret::::::allow_nets=192.0.2.0/24 userdb_quota_rule=*:bytes=5M
alice@x.test:{PLAIN}second
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file."""
    (tmp_path / "users").write_text(FILE)
    return tmp_path / "users"


def open_file(path: Path) -> LookupBackend:
    """Open it as auth does."""
    backend = open_backend(f"passwd-file:{path}", Context(Config.from_text("")))
    assert isinstance(backend, LookupBackend)
    return backend


def logs_in(backend: LookupBackend, login: str, password: str = "secret", remote: str = "192.0.2.1") -> str:
    """Return whom the password lets in, or why not."""
    account = verify_with(backend, Attempt(login, "smtp", remote), password.encode())
    return "" if account is None else account.obstacle or account.user


def test_users_log_in_with_the_password_of_their_first_line(path: Path) -> None:
    """Whatever wrote it."""
    backend = open_file(path)
    assert logs_in(backend, "alice@x.test") == "alice@x.test"
    assert logs_in(backend, "alice@x.test", "second") == ""
    assert logs_in(backend, "bob") == "bob"
    assert logs_in(backend, "erin") == ""
    assert logs_in(backend, "# users") == ""


def test_extra_fields_count(path: Path) -> None:
    """As in Dovecot's files."""
    backend = open_file(path)
    assert logs_in(backend, "carol@x.test") == "nologin is set"
    assert logs_in(backend, "dave@x.test") == "dave@x.test"
    assert logs_in(backend, "dave@x.test", remote="198.51.100.7") == "198.51.100.7 is not in allow_nets"
    assert backend.locate("carol@x.test", "pop3") == Place("mbox:/m/carol", "/home/carol", *rights_of(1000, 1001))


def test_a_changed_file_is_read_anew(path: Path) -> None:
    """Without a reload."""
    backend = open_file(path)
    assert logs_in(backend, "erin") == ""
    new = path.with_name("new")
    new.write_text("erin:{PLAIN}secret\n")
    os.rename(new, path)
    assert logs_in(backend, "erin") == "erin"
    assert logs_in(backend, "bob") == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [("alice\n", "users, line 1: need user:password"), ("#\n:x\n", "users, line 2: need user:password")],
)
def test_a_line_that_is_none_stops_everybody(text: str, problem: str, path: Path) -> None:
    """Rather than that a user is missed without a word."""
    path.write_text(text)
    with pytest.raises(BackendUnavailable, match=problem):
        logs_in(open_file(path), "alice")


def test_a_missing_file_is_temporary(path: Path) -> None:
    """Until it is there."""
    path.unlink()
    backend = open_file(path)
    with pytest.raises(BackendUnavailable, match="users: No such file or directory; make it"):
        logs_in(backend, "alice")
    path.write_text(FILE)
    assert logs_in(backend, "bob") == "bob"


@pytest.mark.parametrize("name", ["", "users", "/etc/%d/users"])
def test_a_name_that_is_no_path_is_refused(name: str) -> None:
    """When auth starts."""
    with pytest.raises(ConfigError, match=r"auth_backends: passwd-file:"):
        open_backend(f"passwd-file:{name}", Context(Config.from_text("")))

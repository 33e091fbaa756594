"""Dovecot's LDAP files and a real OpenLDAP: stored passwords, logins as the user, injection, a server that is down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import Database, slapd

from pyfix.mail.auth.backend import Attempt, Backend, BackendUnavailable, Place
from pyfix.mail.auth.backends.context import Context
from pyfix.mail.auth.backends.registry import open_backend
from pyfix.mail.auth.backends.saslauthd import verify_with
from pyfix.mail.auth.places import rights_of
from pyfix.mail.config import Config, ConfigError

pytestmark = pytest.mark.peer("slapd", "slapadd")
HASHED = "{CRYPT}$1$phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0"
USERS: dict[str, list[tuple[str, str | bytes]]] = {
    "a": [("address", "a@x.test"), ("goto", "/home/a"), ("userPassword", HASHED)],
    "o'neil": [("address", "o'neil)(x@x.test"), ("goto", "/home/o"), ("userPassword", "extmail")],
    "one": [("address", "twice@x.test"), ("userPassword", "extmail")],
    "two": [("address", "twice@x.test"), ("userPassword", "extmail")],
}
HOSTILE = ("*", "a@x.test)(cn=*", "a*", "\\2a", "x\0", "\udcff", "", "a@x.test\\", "a" * 3000, "a@x.test,dc=test", "%u")
CONF = """hosts = 127.0.0.1:{port}
dn = cn=admin,dc=test
dnpass = secret
base = ou=users,dc=test
pass_filter = (address=%u)
pass_attrs = address=user,userPassword=password
user_filter = (&(objectClass=user)(address=%u))
user_attrs = goto=home, =uid=1000, =gid=1001, =mail=maildir:%{{ldap:goto}}/M-%{{ldap:cn}}, cn=quota_rule=*:storage=5
"""


@pytest.fixture(scope="module")
def directory(need: Callable[[str], str]) -> Iterator[Database]:
    """OpenLDAP with the users."""
    with slapd(need, USERS, referral="") as server:
        yield server


def open_conf(tmp_path: Path, text: str) -> Backend:
    """Open the back end as auth does."""
    (tmp_path / "ldap.conf").write_text(text)
    return open_backend(f"dovecot-ldap:{tmp_path}/ldap.conf", Context(Config.from_text("auth_backend_timeout = 5s\n")))


def logs_in(backend: Backend, login: str, password: str = "extmail") -> str:
    """Return the canonical name of whom the password lets in."""
    account = verify_with(backend, Attempt(login, "smtp"), password.encode())
    return "" if account is None else account.user


@pytest.mark.parametrize("more", ["", "auth_bind = yes\n"])
def test_users_log_in_with_their_password(more: str, directory: Database, tmp_path: Path) -> None:
    """Seen or not: a hash is verified here, or by the server."""
    backend = open_conf(tmp_path, CONF.format(port=directory.port) + more)
    assert logs_in(backend, "a@x.test") == "a@x.test"
    assert logs_in(backend, "A@x.test") == "a@x.test"
    assert logs_in(backend, "a@x.test", "wrong") == ""
    assert logs_in(backend, "a@x.test", "") == ""
    assert logs_in(backend, "nobody@x.test") == ""
    for name in HOSTILE:
        assert logs_in(backend, name) == "", name
    assert logs_in(backend, "a@x.test") == "a@x.test"
    assert backend.locate("a@x.test", "pop3") == Place(
        "maildir:/home/a/M-a", "/home/a", *rights_of(1000, 1001), quota="5120S"
    )
    assert backend.locate("*", "pop3") is None
    with pytest.raises(BackendUnavailable, match=r"pass_filter finds 2 entries for twice@x\.test"):
        logs_in(backend, "twice@x.test")
    backend.close()


def test_plain_passwords_need_their_scheme(directory: Database, tmp_path: Path) -> None:
    """A name with the characters of filters is one name."""
    backend = open_conf(tmp_path, CONF.format(port=directory.port) + "default_pass_scheme = PLAIN\n")
    assert logs_in(backend, "o'neil)(x@x.test") == "o'neil)(x@x.test"
    backend.close()


def test_the_entry_may_be_known_without_a_search(directory: Database, tmp_path: Path) -> None:
    """Its name is made of the login, quoted."""
    more = "auth_bind = yes\nauth_bind_userdn = cn=%n,ou=users,dc=test\n"
    backend = open_conf(tmp_path, CONF.format(port=directory.port) + more)
    assert logs_in(backend, "a@any.test") == "a@any.test"
    assert logs_in(backend, "a,ou=users@any.test") == ""
    assert logs_in(backend, "o'neil") == "o'neil"
    for name in HOSTILE:
        if not name.startswith("a@x.test"):
            assert logs_in(backend, name) == "", name
    backend.close()


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("dnpass = secret", "dnpass = wrong", r"ldap\.conf, line 1: bind to LDAP server .*invalidCredentials"),
        ("hosts = 127.0.0.1:", "hosts = 127.0.0.1:1 #", r"ldap\.conf, line 1: connect to LDAP server .*; start the"),
        ("(address=%u)", "(address=%u", r"ldap\.conf, line 5: LDAP search failed"),
    ],
)
def test_what_goes_wrong_is_temporary_and_told(
    before: str, after: str, problem: str, directory: Database, tmp_path: Path
) -> None:
    """With file and line."""
    backend = open_conf(tmp_path, CONF.format(port=directory.port).replace(before, after))
    with pytest.raises(BackendUnavailable, match=problem):
        logs_in(backend, "a@x.test")
    backend.close()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("sasl_bind = yes", "line 9: sasl_bind is not built"),
        ("scope = all", "line 9: scope: need subtree"),
        ("pass_filter = (uid=%w)", "line 9: pass_filter: %w: the password does not go into a query"),
        ("user_attrs = a=b=%x", "line 9: user_attrs: only %"),
        ("tls = maybe", "line 9: tls: need yes or no"),
        ("ldap_version = 2", "line 9: ldap_version: need 3"),
    ],
)
def test_what_is_not_built_is_named(line: str, problem: str, tmp_path: Path) -> None:
    """When auth starts."""
    with pytest.raises(ConfigError, match=rf"ldap\.conf, {problem}"):
        open_conf(tmp_path, CONF.format(port=1) + line + "\n")

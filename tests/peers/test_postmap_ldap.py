"""ldap: both programs ask one OpenLDAP, with all forms of filters, bases and attributes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from databases import Database, slapd
from ldap_cases import CASES, GOTO, GROUP_CASES, GROUP_KEYS, some_users
from postmap_pair import Postmaps

pytestmark = pytest.mark.peer("postmap", "slapd", "slapadd")
USERS, KEYS = some_users(random.Random("ldap"))


@pytest.fixture(scope="module")
def directory_server(need: Callable[[str], str]) -> Iterator[Database]:
    """A server with users and groups."""
    with slapd(need, USERS) as server:
        yield server


def settings(server: Database, text: str, hosts: str = "") -> str:
    """Return the lines that lead to the server, and others."""
    base = "" if "search_base" in text else "search_base = dc=test\n"
    return f"server_host = {hosts or f'ldap://127.0.0.1:{server.port}'}\n{base}{text}"


@pytest.mark.parametrize("name", sorted(CASES))
def test_searches_give_the_same_answers(name: str, directory_server: Database, postmaps: Postmaps) -> None:
    """Hundreds of keys."""
    table = postmaps.directory.parent / "t.cf"
    table.write_text(settings(directory_server, CASES[name]))
    found = postmaps.assert_same_answers(f"ldap:{table}", KEYS)
    assert found > 5 or name == "no attribute"


@pytest.mark.parametrize("name", sorted(GROUP_CASES))
def test_references_give_the_same_answers(name: str, directory_server: Database, postmaps: Postmaps) -> None:
    """By name and by URL, in groups of groups; values in the same order."""
    table = postmaps.directory.parent / "t.cf"
    table.write_text(settings(directory_server, GROUP_CASES[name]))
    assert postmaps.assert_same_answers(f"ldap:{table}", GROUP_KEYS) > 6


@pytest.mark.parametrize(
    "hosts",
    [
        "127.0.0.1:{port}",
        "127.0.0.1\nserver_port = {port}",
        "ldap://127.0.0.1:1 ldap://127.0.0.1:{port}/",
        "127.0.0.1:1, 127.0.0.1:{port}",
        "ldapi://{path}",
    ],
)
def test_forms_of_a_host(hosts: str, directory_server: Database, postmaps: Postmaps) -> None:
    """Over TCP, over a Unix socket, and with one that is down."""
    table = postmaps.directory.parent / "t.cf"
    where = hosts.format(port=directory_server.port, path=quote(str(directory_server.path), ""))
    table.write_text(settings(directory_server, GOTO, where))
    assert postmaps.assert_same_answers(f"ldap:{table}", KEYS[:100]) > 10


def test_referrals_give_the_same_answers(need: Callable[[str], str], postmaps: Postmaps) -> None:
    """Half of the users are on another server; of keys that both have, Postfix joins the values in any order."""
    users, keys = some_users(random.Random("referrals"))
    names = [name for name in users if name.startswith("user")]
    with slapd(need, {name: users[name] for name in names[::2]}, referral="") as far:
        here = {name: users[name] for name in names[1::2]}
        with slapd(need, here, referral=f"ldap://127.0.0.1:{far.port}/ou=users,dc=test") as near:
            table = postmaps.directory.parent / "t.cf"
            table.write_text(settings(near, f"{GOTO}chase_referrals = yes\n"))
            assert postmaps.assert_same_answers(f"ldap:{table}", [key for key in keys if key[-1:].isdigit()]) > 10


FAILING = [
    ("search_base = dc=nowhere", "a"),
    ("query_filter = (address=*)\nsize_limit = 3", "a"),
    ("special_result_attribute = memberdn", "loop@d.test"),
    ("special_result_attribute = memberdn", "notdn@d.test"),
    ("bind_dn = cn=admin,dc=test\nbind_pw = wrong", "a"),
]


def test_what_fails_fails_for_both(directory_server: Database, postmaps: Postmaps) -> None:
    """Status 1 and one fatal line."""
    tables = []
    for text, key in FAILING:
        rest = "" if "query_filter" in text else GOTO
        tables.append((settings(directory_server, f"{text}\n{rest}"), key))
    postmaps.assert_both_fail("ldap", tables)

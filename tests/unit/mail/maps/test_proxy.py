"""What a process knows of a table that proxymap opens for it, and what proxymap may open."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.config import Config, ConfigError
from pyfix.mail.ipc.messages import ProxyAnswer, ProxyStatus
from pyfix.mail.maps import Maps, TableError, open_maps
from pyfix.mail.maps.address_lookup import AddressMatch
from pyfix.mail.maps.answered import Answered, needs_no_thread
from pyfix.mail.maps.approved import approved_tables
from pyfix.mail.maps.index_change import change_index
from pyfix.mail.maps.leaves import is_pattern, leaves, may_wait, unproxied
from pyfix.mail.maps.registry import TYPES, is_configured
from pyfix.mail.maps.table import UnavailableTable
from pyfix.mail.maps.unix import asks_network

TABLES = {
    "accounts": "domains",
    "cidr": "{{10.0.0.0/8 x}}",
    "debug": "regexp:{{/a/ b}}",
    "inline": "{a=b}",
    "pcre": "{{/a/ b}}",
    "pipemap": "{static:x, cidr:{{::/0 x}}}",
    "proxy": "tcp:localhost:1",
    "randmap": "{a, b}",
    "regexp": "{{/a/ b}}",
    "socketmap": "inet:localhost:1:m",
    "tcp": "localhost:1",
    "unionmap": "{static:x, unix:passwd.byname}",
    "unix": "group.byname",
}
"""A name for each type whose tables need one of a certain form."""


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_known_of_a_table_is_what_an_open_one_says(kind: str) -> None:
    """Whether keys are patterns, and whether a lookup may wait; of all types, so that no new one is forgotten."""
    spec = f"{kind}:{TABLES.get(kind, 'x')}"
    if is_configured(kind):
        assert (is_pattern(spec), may_wait(spec)) == (False, True)
        return
    (table,) = open_maps([spec], "test_maps", Config.from_text("").without_proxymap()).tables
    if isinstance(table, UnavailableTable):  # there is no such file: accounts may be in a database server elsewhere
        assert may_wait(spec) is (kind == "accounts")
        return
    assert is_pattern(spec) is table.is_pattern
    if "unix" not in spec:
        assert may_wait(spec) is table.blocking


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("passwd: files systemd\ngroup: files [SUCCESS=merge] systemd\nhosts: files dns\n", False),
        ("passwd: files ldap\n", True),
        ("  group:compat nis # files\n", True),
        ("passwd: files # ldap\npasswd_compat: nis\n", False),
        ("", False),
    ],
)
def test_name_service_that_asks_a_network_may_wait(tmp_path: Path, text: str, expected: bool) -> None:
    """nsswitch.conf says where users and groups come from."""
    switch = tmp_path / "nsswitch.conf"
    assert asks_network(str(switch)) is False
    switch.write_text(text)
    assert asks_network(str(switch)) is expected


def test_leaves_of_a_compound_are_its_tables() -> None:
    """However deep."""
    assert list(leaves("debug:pipemap:{hash:/a, proxy:unionmap:{tcp:b:1,static:c}}")) == [
        ("hash", "/a"),
        ("tcp", "b:1"),
        ("static", "c"),
    ]
    assert unproxied("proxy:proxy:hash:/a") == "hash:/a"
    with pytest.raises(ConfigError, match='expecting "type:name" form instead of "x"'):
        list(leaves("pipemap:{x}"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("proxy:hash:/a, hash:/b proxy:unix:passwd.byname", {"hash:/a", "unix:passwd.byname"}),
        ("proxy:proxy:hash:/a", {"hash:/a"}),
        ("check_client_access { proxy:cidr:/a, x=y }", {"cidr:/a"}),
        ("pipemap:{proxy:hash:/a,unionmap:{proxy:hash:/b}} inline:{proxy:x=y}", {"hash:/a", "hash:/b"}),
        ("proxy:pipemap:{hash:/a,hash:/b}", {"pipemap:{hash:/a,hash:/b}"}),
        ("regexp:{{/^{/ x}} proxy:hash:/a, { proxy:hash:/b", {"hash:/a", "hash:/b"}),
        ("10.0.0.0/8 !127.0.0.1 example.test proxy", set()),
        ("", set()),
    ],
)
def test_only_words_with_proxy_in_front_are_approved(text: str, expected: set[str]) -> None:
    """In whatever stands around them: the value is made of those of other parameters."""
    assert approved_tables(text, "proxy_read_maps") == expected


def maps(*specs: str) -> Maps:
    """Open tables."""
    return open_maps(list(specs), "test_maps", Config.from_text("queue_directory = /none"))


def test_wrong_types_are_refused_by_who_names_them() -> None:
    """When the process starts, and not with the first mail."""
    for spec in ("proxy:foo:bar", "proxy:pipemap:{static:x, foo:bar}"):
        with pytest.raises(ConfigError, match="test_maps: unsupported dictionary type: foo"):
            maps(spec)


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        (["proxy:hash:/a"], True),
        (["proxy:hash:/a", "static:x", "proxy:regexp:/b"], True),
        (["proxy:mysql:/a"], False),
        (["proxy:hash:/a", "tcp:localhost:1"], False),
        (["proxy:hash:/a", "debug:static:x"], False),
        (["pipemap:{proxy:hash:/a,static:x}"], False),
        (["static:x"], False),
    ],
)
def test_a_loop_may_ask_by_itself_where_nobody_waits(specs: list[str], expected: bool) -> None:
    """Neither proxymap nor a table beside it; and no table that tells of questions is asked twice."""
    assert needs_no_thread(maps(*specs)) is expected


def search(search: Answered) -> AddressMatch | None:
    """Look an address up, as far as the answers are known."""
    return search.maps.lookup_address("joe+x@a.test", "+", lambda domain: True)


def test_search_asks_for_all_keys_at_once() -> None:
    """Of each proxied table; the others are asked as ever. The keys before the one that was found are not there."""
    answered = Answered(maps("proxy:hash:/a", "inline:{joe=2}", "proxy:regexp:/b"))
    search(answered)
    (first, second) = answered.questions()
    assert first.request.keys == ["joe+x@a.test", "joe@a.test", "joe+x", "joe"]
    assert second.request.keys == ["joe+x@a.test"]
    answered.learn(first, ProxyAnswer(ProxyStatus.OK, "1", "joe+x"))
    answered.learn(second, ProxyAnswer(ProxyStatus.NO_KEY))
    match = search(answered)
    assert match is not None
    assert (match.value, match.key, answered.missing) == ("1", "joe+x", {})


def test_search_that_finds_nothing_ends_with_what_the_other_tables_have() -> None:
    """After one round."""
    answered = Answered(maps("proxy:hash:/a", "inline:{joe=2}"))
    search(answered)
    for question in answered.questions():
        answered.learn(question, ProxyAnswer(ProxyStatus.NO_KEY))
    match = search(answered)
    assert match is not None
    assert (match.value, match.key, answered.missing) == ("2", "joe", {})


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (ProxyAnswer(ProxyStatus.RETRY, key="joe@a.test", reason="down"), r"^proxy:hash:/a: down$"),
        (ProxyAnswer(ProxyStatus.DENIED), r'^proxymap service is not configured for table "hash:/a"$'),
        (ProxyAnswer(ProxyStatus.BAD), r'^proxymap lookup failed for table "hash:/a" key "joe\+x@a.test": invalid'),
    ],
)
def test_answer_that_is_a_failure_fails_the_search(answer: ProxyAnswer, problem: str) -> None:
    """As a table that can't be asked does everywhere."""
    answered = Answered(maps("proxy:hash:/a"))
    search(answered)
    (question,) = answered.questions()
    answered.learn(question, answer)
    with pytest.raises(TableError, match=problem):
        search(answered)


def test_key_that_is_no_text_is_not_asked_for() -> None:
    """It is in no table."""
    answered = Answered(maps("proxy:hash:/a"))
    assert answered.maps.lookup("a\udcff") is None
    assert answered.missing == {}


def test_index_that_can_not_be_changed_is_a_temporary_failure(tmp_path: Path) -> None:
    """A directory that is not there, a file that is no index, a key that is no text."""
    with pytest.raises(TableError, match=r"/none/a.db.*: No such file or directory"):
        change_index(f"hash:{tmp_path}/none/a", "k", "v", fold=True)
    (tmp_path / "b.db").write_text("not an index")
    with pytest.raises(TableError, match=f"table hash:{tmp_path}/b: open database {tmp_path}/b.db"):
        change_index(f"hash:{tmp_path}/b", "k", "v", fold=True)
    with pytest.raises(TableError, match="is not UTF-8 text"):
        change_index(f"lmdb:{tmp_path}/c", "k\udcff", "v", fold=True)
    with pytest.raises(TableError, match="delete operation is not supported"):
        change_index(f"cdb:{tmp_path}/d", "k", None, fold=True)

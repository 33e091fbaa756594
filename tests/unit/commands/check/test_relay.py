"""Open relays, and lists with words that nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pyfix.commands.check.relay import is_wide_client, judge_networks, judge_style
from pyfix.commands.check.smtpd import check_servers
from pyfix.mail.config import Config
from pyfix.mail.config.mastercf import parse

MASTER_CF = "smtp inet n - n - - smtpd\nrewrite unix - - n - - trivial-rewrite\ncleanup unix n - n - 0 cleanup\n"
BASE = """\
compatibility_level = 3.7
queue_directory = /
myhostname = mail.example.com
mydestination = example.com
alias_maps =
local_recipient_maps =
"""
CLOSED = "mynetworks = 127.0.0.0/8\n"


Told = Callable[..., list[str]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """What is found in a main.cf, and with options of the SMTP server; DIR is the configuration directory."""

    def tell(main_cf: str, options: str = "") -> list[str]:
        master_cf = MASTER_CF.replace("smtpd\n", f"smtpd {options}\n")
        (tmp_path / "master.cf").write_text(master_cf)
        entries = parse(master_cf.splitlines(), f"{tmp_path}/master.cf")
        config = Config.from_text(BASE + main_cf, directory=str(tmp_path))
        return [str(finding).replace(str(tmp_path), "DIR") for finding in check_servers(config, entries)]

    return tell


@pytest.mark.parametrize(
    "main_cf",
    [
        "mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\n",
        "mynetworks = 10.0.0.0/8, 192.168.1.0/24, 172.16.0.0/12 [fe80::]/10 !10.1.1.1 /no/such/file\n",
        "mynetworks = 127.0.0.0/8\nrelay_domains = $mydestination, example.org\n",
        "mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions =\n"
        "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination\n",
        "mynetworks = 127.0.0.0/8\n"
        "smtpd_recipient_restrictions = check_recipient_access inline:{x.example=REJECT}, permit_mynetworks,"
        " reject_unauth_destination\n",
        "mynetworks = 127.0.0.0/8\nsmtpd_client_restrictions = permit\n"
        "smtpd_recipient_restrictions = check_sender_access inline:{friend.example=OK}, reject_unauth_destination\n",
        "mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = check_client_access"
        " inline:{{192.0.2=OK}, {mail.friend.example=OK}, {8=REJECT}}, reject_unauth_destination\n",
    ],
)
def test_closed_systems_are_passed_over_in_silence(main_cf: str, told: Told) -> None:
    """Private networks, the tutorial's lists, an OK that another list does not agree with, a site that may relay."""
    assert told(main_cf) == []


def test_networks_that_hold_strangers() -> None:
    """The Internet is an error, a large part of it worth a word."""
    found = [
        str(item)
        for item in judge_networks(["0.0.0.0/0", "1.0.0.0/8", "[::]/0", "[2600::]/24", "2600::/32"], "main.cf")
    ]
    remedy = "list the networks of your own machines alone"
    large = "everybody in this large public network may send mail to anywhere"
    strangers = "open relay: strangers on the Internet may send mail to anywhere"
    assert found == [
        f"error: main.cf: mynetworks: 0.0.0.0/0: {strangers}; {remedy}",
        f"warning: main.cf: mynetworks: 1.0.0.0/8: {large}; {remedy}",
        f"error: main.cf: mynetworks: [::]/0: {strangers}; {remedy}",
        f"warning: main.cf: mynetworks: [2600::]/24: {large}; {remedy}",
    ]


def test_style_that_trusts_neighbours(told: Told) -> None:
    """Only where mynetworks is not set, and the neighbours are public."""
    assert [str(item) for item in judge_style("class", "10.0.0.0/8", "main.cf")] == [
        "warning: main.cf: mynetworks_style=class: everybody in 10.0.0.0/8 may send mail to anywhere;"
        " set mynetworks_style = host, or mynetworks"
    ]
    networks = "127.0.0.0/8 10.0.0.0/24 9.9.9.0/24 8.8.8.8/32 [::1]/128"
    assert [str(item) for item in judge_style("subnet", networks, "main.cf")] == [
        "warning: main.cf: mynetworks_style=subnet: 9.9.9.0/24: everybody in this public network may send mail to"
        " anywhere; set mynetworks_style = host, or mynetworks"
    ]
    assert list(judge_style("host", networks, "main.cf")) == []
    assert any("mynetworks_style=class" in line for line in told("mynetworks_style = class\n"))
    assert told(f"{CLOSED}mynetworks_style = class\n") == []


def test_relay_domains_with_every_domain(told: Told) -> None:
    """However it is written."""
    for value in ("static:all", "regexp:{{/./ OK}}"):
        assert told(f"{CLOSED}relay_domains = {value}\n") == [
            f"error: DIR/main.cf, line 8: relay_domains={value}: open relay: it has every domain; list the"
            " domains that you relay for, or nothing"
        ]


def test_permit_before_what_refuses(told: Told) -> None:
    """In an option of the service, too; the place is that of the list."""
    options = "-o smtpd_relay_restrictions= -o smtpd_recipient_restrictions=permit,reject_unauth_destination"
    assert told(CLOSED, options) == [
        "error: DIR/master.cf: line 1: smtpd_recipient_restrictions: open relay: permit stands before what"
        " refuses strangers; move reject_unauth_destination before it"
    ]


@pytest.mark.parametrize(
    ("check", "key", "text"),
    [
        ("check_sender_access", "example.org", "everybody who says that this is the sender may relay"),
        ("check_helo_access", "friend.example", "everybody who says that this is the HELO name may relay"),
        ("check_client_access", "193", "too many clients may relay"),
        ("check_client_access", "com", "too many clients may relay"),
    ],
)
def test_table_with_ok_before_what_refuses(check: str, key: str, text: str, told: Told) -> None:
    """What a client only says, and keys that stand for half the world."""
    table = f"inline:{{{key}=OK}}"
    main_cf = f"{CLOSED}smtpd_relay_restrictions = {check} {table}, permit_mynetworks, reject_unauth_destination\n"
    assert told(main_cf) == [
        f"error: DIR/main.cf, line 8: smtpd_relay_restrictions: {table}: {key} OK: {text};"
        f" move {check} behind reject_unauth_destination"
    ]


def test_strangers_are_asked_for_where_no_rule_tells(told: Told) -> None:
    """A table of patterns can't be listed, but it answers."""
    main_cf = (
        f"{CLOSED}smtpd_relay_restrictions = check_client_access regexp:{{{{/./ OK}}}}, reject_unauth_destination\n"
    )
    assert told(main_cf) == [
        "error: DIR/main.cf, line 8: service smtp: open relay: strangers may send mail to anywhere; it is"
        " permitted by check_client_access regexp:{{/./ OK}} in smtpd_relay_restrictions; end smtpd_relay_restrictions"
        " with reject_unauth_destination"
    ]


def test_server_without_a_rule_against_relaying(told: Told) -> None:
    """It would not start."""
    (line,) = told(f"{CLOSED}smtpd_relay_restrictions =\n")
    assert line.startswith("error: DIR/master.cf: line 1: service smtp does not start: in parameter smtpd_relay")


def test_word_that_is_no_restriction(told: Told) -> None:
    """A comment behind a value is a part of the value; restrictions that pyfix lacks are told of elsewhere."""
    lists = "permit_mynetworks, reject_rbl_client bl.example, reject_unauth_destination"
    answer = "smtpd_recipient_restrictions is answered with 451 4.3.5 from there on"
    assert told(f"{CLOSED}smtpd_recipient_restrictions = {lists}   # the last word\n") == [
        "error: DIR/main.cf, line 8: smtpd_recipient_restrictions: unknown smtpd restriction"
        f' "#": {answer}; give the comment a line of its own'
    ]
    assert told(f"{CLOSED}smtpd_recipient_restrictions = {lists}, warn_if_reject, permit_mynetwork\n") == [
        "error: DIR/main.cf, line 8: smtpd_recipient_restrictions: unknown smtpd restriction"
        f' "permit_mynetwork": {answer}; correct the word'
    ]


@pytest.mark.parametrize(
    ("key", "wide"),
    [
        ("193", True), ("193.0", False), ("10", False), ("127", False), ("193.0.0.0/8", True), ("192.0.2.1", False),
        ("com", True), (".de", True), ("example.com", False), ("localhost.", True), ("2001:db8::/32", False),
        ("2000::/3", True), ("unknown", True),
    ],
)  # fmt: skip
def test_keys_of_clients_that_are_more_than_a_site(key: str, wide: bool) -> None:
    """A class A network, a top-level domain, all clients without a name."""
    assert is_wide_client(key) is wide


def test_file_of_networks_is_asked(tmp_path: Path, told: Told) -> None:
    """What mynetworks has by a file or a table is found by the strangers."""
    (tmp_path / "networks").write_text("0.0.0.0/0\n")
    (line,) = told(f"mynetworks = {tmp_path}/networks\n")
    assert "open relay: strangers may send mail to anywhere; it is permitted by permit_mynetworks" in line


def test_results_of_access_tables_that_smtpd_lacks(told: Told) -> None:
    """Actions and restrictions; what it has is passed over, and of many the first three are shown."""
    good = "{a=OK}, {b=REJECT no}, {c=450 later}, {d=HOLD}, {e=permit_mynetworks, reject}, {f=DUNNO}"
    bad = "{p=PREPEND X-A: b}, {q=reject_unknown_sender_domain}, {r=frobnicate}, {s=BCC a@b.example}, {t=HANGUP}"
    table = f"inline:{{{good}, {bad}}}"
    found = told(f"{CLOSED}smtpd_data_restrictions = check_sender_access {table}\n")
    head = f"error: DIR/main.cf, line 8: smtpd_data_restrictions: {table}:"
    answer = "mail that has the key is answered with 451 4.3.5; write another result"
    assert found == [
        f"{head} p: PREPEND is not in this release: {answer}",
        f"{head} q: reject_unknown_sender_domain: restrictions that ask the DNS are not in this release: {answer}",
        f'{head} r: unknown smtpd restriction "frobnicate": {answer}',
        f"{head} 2 more keys with such results; write other results",
    ]


def test_filter_that_nobody_serves(told: Told) -> None:
    """The mail would wait for a service that does not exist."""
    table = "inline:{{a=FILTER cleanup:x}, {b=FILTER amavis:[127.0.0.1]:10024}}"
    assert told(f"{CLOSED}smtpd_data_restrictions = check_sender_access {table}\n") == [
        f"error: DIR/main.cf, line 8: smtpd_data_restrictions: {table}: b: FILTER amavis: master.cf has no service"
        " amavis: mail is deferred; write another result"
    ]

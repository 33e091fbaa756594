"""The pieces of `pyfix explain`, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyfix.commands.explain.facts import Setting
from pyfix.commands.explain.gather import Question, explain
from pyfix.commands.explain.peer import BadClient, Client, name_client, parse_client
from pyfix.commands.explain.services import Services
from pyfix.commands.pyfix import main
from pyfix.mail.config import Config
from pyfix.mail.config.mastercf import parse

MAIN_CF = """\
compatibility_level = 3.7
queue_directory = /
myhostname = mail.example.com
mydestination = example.com
mynetworks = 127.0.0.0/8
local_recipient_maps =
alias_maps =
smtpd_peername_lookup = no
"""
MASTER_CF = """\
10025 inet n - n - - smtpd
  -o mynetworks=192.0.2.0/24
smtp inet n - n - - smtpd
rewrite unix - - n - - trivial-rewrite
  -o mydestination=example.com,example.org
cleanup unix n - n - 0 cleanup
mycleanup unix n - n - 0 cleanup
  -o virtual_alias_maps=inline:{a@example.com=b@example.com}
local unix - n n - - local
  -o mail_spool_directory=/spool/
virtual unix - n n - - virtual
v2 unix - y n - - virtual
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A configuration directory."""
    (tmp_path / "main.cf").write_text(MAIN_CF)
    (tmp_path / "master.cf").write_text(MASTER_CF)
    return tmp_path


def run(directory: Path, *arguments: str) -> tuple[int, str]:
    """Run the command; return its exit status and all that it says."""
    result = CliRunner().invoke(main, ["-c", str(directory), "explain", *arguments])
    return result.exit_code, result.output


def answer(main_cf: str, address: str, *, client: str = "192.0.2.1", service: str = "", directory: Path) -> str:
    """Return what smtpd says to a client."""
    config = Config.from_text(MAIN_CF + main_cf, directory=str(directory))
    found = explain(config, Question(address, client=parse_client(client), service=service))
    assert found.verdict is not None
    return found.verdict.reply


# --- the client


@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("192.0.2.1", Client("192.0.2.1")),
        ("pc.example.com[192.0.2.1]", Client("192.0.2.1", "pc.example.com")),
        ("[2001:db8::1]", Client("2001:db8::1")),
        ("[IPv6:2001:db8::1]", Client("2001:db8::1")),
        ("::ffff:192.0.2.1", Client("192.0.2.1")),
    ],
)
def test_a_client_is_an_address_or_what_the_log_has(text: str, client: Client) -> None:
    """With a name, none is looked up."""
    assert parse_client(text) == client


@pytest.mark.parametrize("text", ["", "pc.example.com", "192.0.2", "a b[192.0.2.1]", "[", "x[y]"])
def test_what_names_no_client_is_refused(text: str) -> None:
    """A host name alone could be anybody's."""
    with pytest.raises(BadClient, match="specify an IP address"):
        parse_client(text)


def test_the_name_is_looked_up_only_where_smtpd_does() -> None:
    """127.0.0.1 has one in every /etc/hosts."""
    assert name_client(Client("127.0.0.1"), looks_up=True) == "localhost"
    assert name_client(Client("127.0.0.1"), looks_up=False) == "unknown"
    assert name_client(Client("127.0.0.1", "a.test"), looks_up=True) == "a.test"


# --- services


def test_a_setting_is_found_where_it_is_in_force() -> None:
    """In main.cf, behind -o in master.cf, or nowhere; with all that it refers to."""
    config = Config.from_text(MAIN_CF + "relay_domains = $mydestination, $x\nx = y\n", directory="/d")
    services = Services(config, parse(MASTER_CF.splitlines(), "/d/master.cf"), list[object]().append)
    rewrite = services.find("rewrite")
    assert rewrite.settings("relay_domains", "virtual_alias_domains") == [
        Setting("relay_domains", "$mydestination, $x", "/d/main.cf, line 9"),
        Setting("mydestination", "example.com,example.org", "/d/master.cf: line 4, option -o"),
        Setting("x", "y", "/d/main.cf, line 10"),
        Setting("virtual_alias_domains", "$virtual_alias_maps", ""),
    ]
    assert services.find("nobody").entry is None
    assert services.find_public("smtpd", "nobody") is None


def test_each_service_has_its_own_options(directory: Path) -> None:
    """The one that is asked for, and of several the first; trivial-rewrite's own list decides about domains."""
    assert answer("", "x@example.net", service="10025", directory=directory).startswith("250 ")
    assert answer("", "x@example.net", directory=directory).startswith("250 ")
    assert answer("", "x@example.net", service="smtp", directory=directory).startswith("454 4.7.1 ")
    assert answer("", "x@example.org", service="smtp", directory=directory).startswith("250 ")


def test_the_services_behind_have_theirs(directory: Path) -> None:
    """cleanup by the name that smtpd calls it, local by its transport."""
    config = Config.from_text(MAIN_CF + "cleanup_service_name = mycleanup\n", directory=str(directory))
    (route,) = explain(config, Question("a@example.com")).recipients
    assert route.address == "b@example.com"
    (route,) = explain(config, Question("root@example.com")).recipients
    assert route.local is not None and route.local.path == "/spool/root/"


@pytest.mark.parametrize(
    ("transport", "as_root", "uid"), [("virtual", True, 5), ("virtual", False, -1), ("v2", True, -1)]
)
def test_owners_of_mailboxes_count_where_virtual_can_become_them(
    directory: Path, transport: str, as_root: bool, uid: int
) -> None:
    """As root, and in a process that is not unprivileged."""
    text = f"""{MAIN_CF}
virtual_mailbox_domains = v.test
virtual_mailbox_base = /v
virtual_minimum_uid = 1
virtual_mailbox_maps = static:box
virtual_uid_maps = static:5
virtual_gid_maps = static:6
virtual_transport = {transport}
"""
    config = Config.from_text(text, directory=str(directory))
    (route,) = explain(config, Question("a@v.test", as_root=as_root)).recipients
    assert route.virtual is not None
    assert (route.virtual.path, route.virtual.uid) == ("/v/box", uid)


# --- the command


def test_login_without_a_client_is_refused(directory: Path) -> None:
    """Nobody shall believe that it was taken into account."""
    assert run(directory, "a@example.com", "--sasl", "bob") == (
        1, "pyfix: fatal: --sasl bob: no client to log in; add --client IP\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--client", "nobody"], "bad client: nobody; specify an IP address, or name[address] as in the log"),
        (["--client", "192.0.2.1", "--service", "x"], "no smtpd service x that clients reach over the network"),
    ],
)
def test_questions_without_sense_are_one_line(directory: Path, arguments: list[str], message: str) -> None:
    """And exit status 1."""
    status, output = run(directory, "a@example.com", *arguments)
    assert (status, output.count("\n")) == (1, 1) and message in output


def test_a_broken_table_is_named_with_its_line(directory: Path) -> None:
    """As the process would that does not start."""
    with (directory / "main.cf").open("a") as file:
        file.write("canonical_maps = foo:/etc/x\n")
    status, output = run(directory, "a@example.com")
    assert status == 1
    assert "main.cf, line 9: canonical_maps: unsupported dictionary type: foo" in output


def test_json_has_everything(directory: Path) -> None:
    """For programs."""
    status, output = run(directory, "bob@example.com", "--client", "192.0.2.1", "--json")
    found = json.loads(output)
    assert status == 0
    assert found["verdict"]["reply"] == "250 2.1.5 Ok"
    assert [route["address_class"] for route in found["recipients"]] == ["local"]
    assert set(found) == {"address", "verdict", "changes", "recipients", "problem", "warnings", "lookups"}

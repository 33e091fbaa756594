"""Parameters of local, each by what it changes; the expected values are Postfix's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_rewrite import agent_service
from harness import make_queue_directory
from local_site import Site, make_site
from mail_agents import reachable_directory, verbs

from pyfix.mail.ipc.messages import Deliver

HARMLESS = "1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that other users reach too."""
    yield from reachable_directory()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Alice and Bob, and a directory that everybody may write to."""
    made = make_site(tmp_path, monkeypatch)
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o777)
    return made


def run_and_read(site: Site, settings: str, address: str, name: str) -> str:
    """Deliver to an address and return what a command wrote to out/NAME."""
    with site.running(settings) as worker:
        assert site.deliver(worker, address).outcomes == []
    return (site.root / "out" / name).read_text()


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("", {"command", "file", "forward"}),
        ("prepend_delivered_header = command", {"command"}),
        ("prepend_delivered_header = file, forward", {"file", "forward"}),
        ("prepend_delivered_header =", set()),
    ],
)
def test_delivered_to_header_stands_where_it_is_wanted(site: Site, setting: str, named: set[str]) -> None:
    """prepend_delivered_header: in front of what a command, a file and a forwarded message get."""
    out = site.root / "out"
    site.aliases["all"] = f'"|cat > {out}/command", {out}/file, far@relay.test'
    with site.running(setting) as worker:
        assert site.deliver(worker, "all").outcomes == []
    assert site.cleanup is not None
    got = {
        "command": (out / "command").read_bytes(),
        "file": (out / "file").read_bytes(),
        "forward": site.cleanup.received[0].content,
    }
    assert {name for name, text in got.items() if b"\nDelivered-To: all@example.test\n" in text} == named


@pytest.mark.parametrize(("setting", "said"), [("yes", "first@example.test"), ("no", "second@example.test")])
def test_delivered_to_may_follow_the_expansion(site: Site, setting: str, said: str) -> None:
    """frozen_delivered_to: the address that came in, or the alias that was expanded last."""
    out = site.root / "out"
    site.aliases |= {"first": "second", "second": f'"|cat > {out}/message"'}
    text = run_and_read(site, f"frozen_delivered_to = {setting}", "first", "message")
    assert f"\nDelivered-To: {said}\n" in text


@pytest.mark.parametrize(("setting", "is_delivered_here"), [("no", False), ("yes", True)])
def test_owner_of_an_outer_list_may_be_forgotten(site: Site, setting: str, is_delivered_here: bool) -> None:
    """reset_owner_alias: a plain alias inside a list delivers to its users itself again; as a rule they get a new
    message, whose failures are the list owner's."""
    site.aliases |= {"list": "inner", "owner-list": "bob", "inner": "alice"}
    with site.running(f"reset_owner_alias = {setting}") as worker:
        assert site.deliver(worker, "list").outcomes == []
    assert site.cleanup is not None
    assert (site.spool / "alice").exists() is is_delivered_here
    assert bool(site.cleanup.received) is not is_delivered_here


@pytest.mark.parametrize(("setting", "sender"), [("yes", "owner-list@example.test"), ("no", "sender@example.test")])
def test_owner_of_a_list(site: Site, setting: str, sender: str) -> None:
    """owner_request_special = no: such a name is like any other."""
    site.aliases |= {"list": "far@relay.test", "owner-list": "bob"}
    with site.running(f"owner_request_special = {setting}") as worker:
        assert site.deliver(worker, "list").outcomes == []
    assert site.cleanup is not None
    assert site.cleanup.received[0].envelope.sender == sender


def test_each_user_may_have_his_command(site: Site) -> None:
    """mailbox_command_maps goes before mailbox_command."""
    out = site.root / "out"
    settings = (
        f"mailbox_command_maps = inline:{{ {{ alice = cat > {out}/alice }} }}\nmailbox_command = cat > {out}/others\n"
    )
    with site.running(settings) as worker:
        for name in ("alice", "bob"):
            site.deliver(worker, name)
    assert "\nDelivered-To: alice@example.test\n" in (out / "alice").read_text()
    assert "\nDelivered-To: bob@example.test\n" in (out / "others").read_text()


def test_unknown_names_may_each_have_their_transport(site: Site) -> None:
    """fallback_transport_maps goes before fallback_transport; the log says where a recipient went."""
    mapped: list[Deliver] = []
    others: list[Deliver] = []
    make_queue_directory(site.root)
    settings = "fallback_transport_maps = inline:{old=uucp:host}\nfallback_transport = cyrus"
    with (
        agent_service(site.root, "uucp", mapped, []),
        agent_service(site.root, "cyrus", others, []),
        site.running(settings) as worker,
    ):
        for name in ("old", "new", "alice"):
            site.deliver(worker, name)
        assert worker.wait_for_line("passing <old@example.test> to transport=uucp")
        assert worker.wait_for_line("passing <new@example.test> to transport=cyrus")
    assert [(request.recipients[0].address, request.nexthop) for request in mapped] == [("old@example.test", "host")]
    assert [request.recipients[0].address for request in others] == ["new@example.test"]
    assert (site.spool / "alice").exists()


@pytest.mark.parametrize(("setting", "extension"), [(HARMLESS, "a_b_c"), (HARMLESS + "&;", "a&b;c"), ("abc", "a_b_c")])
def test_characters_of_the_environment_are_censored(site: Site, setting: str, extension: str) -> None:
    """command_expansion_filter: what is not in it becomes "_"."""
    site.aliases["cmd"] = f'"|echo \\"$EXTENSION\\" > {site.root}/out/said"'
    text = run_and_read(site, f"command_expansion_filter = {setting}", "cmd+a&b;c", "said")
    assert text == f"{extension}\n"


@pytest.mark.parametrize(
    ("settings", "directory"),
    [
        ("", ""),
        ("command_execution_directory = {out}", "out"),
        ("command_execution_directory = $home", "home/alice"),
        ("command_execution_directory = {out}/$extension", "out/ab"),
        ("command_execution_directory = {out}/$extension\nexecution_directory_expansion_filter = a", "out/a_"),
    ],
)
def test_commands_of_a_user_run_where_he_wants(site: Site, settings: str, directory: str) -> None:
    """command_execution_directory with the recipient's names in it, cleaned by execution_directory_expansion_filter."""
    out = site.root / "out"
    for name in ("ab", "a_"):
        (out / name).mkdir()
        (out / name).chmod(0o755)
    site.write("alice", f'"|pwd > {out}/where"\n')
    text = run_and_read(site, settings.replace("{out}", str(out)), "alice+ab", "where")
    assert text == f"{(site.root / directory).resolve()}\n"


def test_commands_get_what_the_mail_system_got(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """import_environment, and of that export_environment."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("WORD", "secret")
    site.aliases["cmd"] = f'"|echo $TZ,$WORD,$LANG > {site.root}/out/said"'
    export = "export_environment = TZ WORD LANG\n"
    assert run_and_read(site, export, "cmd", "said") == "UTC,,C\n"
    assert run_and_read(site, f"{export}import_environment = WORD, LANG=eo", "cmd", "said") == ",secret,eo\n"


def test_directory_that_is_missing_delays_the_mail(site: Site) -> None:
    """The command does not run elsewhere."""
    site.aliases["cmd"] = f'"|touch {site.root}/out/ran"'
    with site.running("command_execution_directory = /nonexistent") as worker:
        assert verbs(site.deliver(worker, "cmd")) == [("cmd@example.test", "deferred", "4.3.0")]
    assert not (site.root / "out" / "ran").exists()


@pytest.mark.parametrize(("setting", "file"), [(HARMLESS, ".forward+a_b"), (HARMLESS + "&", ".forward+a&b")])
def test_characters_of_a_forward_file_are_censored(site: Site, setting: str, file: str) -> None:
    """forward_expansion_filter, for what an address brings into forward_path."""
    site.write("alice", "far@relay.test\n", file=file)
    with site.running(f"forward_expansion_filter = {setting}") as worker:
        assert site.deliver(worker, "alice+a&b").outcomes == []
    assert site.cleanup is not None
    assert site.cleanup.received[0].recipients == ["far@relay.test"]


def test_commands_may_have_a_shell_of_their_own(site: Site) -> None:
    """local_command_shell runs every command, also one that needs none."""
    shell = site.root / "out" / "shell"
    shell.write_text(f'#!/bin/sh\necho "$@" > {site.root}/out/arguments\ncat >/dev/null\n')
    shell.chmod(0o755)
    site.aliases["cmd"] = '"|/bin/true with words"'
    text = run_and_read(site, f"local_command_shell = {shell} -c", "cmd", "arguments")
    assert text == "-c /bin/true with words\n"

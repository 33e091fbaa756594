"""pyfix init."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyfix.commands.init import InitError, init
from pyfix.commands.pyfix import main
from pyfix.mail.accounts import open_store
from pyfix.mail.config import Config, CoreParameters, mastercf
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.registry import open_table
from pyfix.mail.passwords import verify_password


def test_instance_is_complete_and_reads_without_complaint(reachable: Path) -> None:
    """main.cf and master.cf parse, the port is free and high, the mailbox and its aliases are accounts."""
    instance = init(str(reachable / "mail"), "example.test", "alice")
    config = Config.load(instance.etc)
    assert config.read(CoreParameters).queue_directory == f"{instance.directory}/spool"
    assert config.warnings == []
    entries = mastercf.read(f"{instance.etc}/master.cf")
    ports = instance.ports.named().values()
    assert {f"127.0.0.1:{port}" for port in ports} <= {entry.name for entry in entries}
    assert len(set(ports)) == 5 and min(ports) > 1023
    assert sorted(os.listdir(f"{instance.directory}/data")) == ["accounts.db", "accounts.db.secrets"]
    opening = Opening.of_process(config)
    assert open_table("accounts:domains", opening).lookup("example.test") == "example.test"
    assert open_table("accounts:mailboxes", opening).lookup("alice@example.test") == "example.test/alice/Maildir/"
    assert open_table("accounts:aliases", opening).lookup("Postmaster@example.test") == "alice@example.test"
    for name in ("data/accounts.db", "etc/server.key"):
        assert os.stat(f"{instance.directory}/{name}").st_mode & 0o777 == 0o600


def test_account_has_the_password_that_is_shown(reachable: Path) -> None:
    """And it stands nowhere."""
    instance = init(str(reachable / "mail"), "example.test", "alice")
    store = open_store(Config.load(instance.etc))
    assert verify_password(instance.password.encode(), store.mailboxes.get("alice@example.test").password)
    store.close()
    assert instance.password not in repr(instance)
    files = [path for path in (reachable / "mail").rglob("*") if path.is_file()]
    assert files and not [path for path in files if instance.password.encode() in path.read_bytes()]


def test_second_init_of_a_directory_is_refused(reachable: Path) -> None:
    """Nobody's configuration is overwritten."""
    init(str(reachable), "example.test", "alice")
    with pytest.raises(InitError, match=r"etc/main\.cf exists already"):
        init(str(reachable), "example.test", "alice")


@pytest.mark.parametrize(("domain", "user"), [("a b", "alice"), ("example.test", "a/../b"), ("", "x"), ("e.test", "")])
def test_bad_names_are_refused_before_anything_is_written(reachable: Path, domain: str, user: str) -> None:
    """Names become path names and lines of tables."""
    with pytest.raises(InitError, match=r"bad (domain|user) name"):
        init(str(reachable / "x"), domain, user)
    assert not (reachable / "x").exists()


def test_commands_on_a_system_that_does_not_run_say_so(reachable: Path) -> None:
    """Exit status 1 and one line each."""
    instance = init(str(reachable), "example.test", "alice")
    for command in ("stop", "abort", "reload", "flush"):
        result = CliRunner().invoke(main, ["-c", instance.etc, command])
        assert result.exit_code == 1
        assert result.stderr == "pyfix: fatal: the pyfix mail system is not running\n"
    result = CliRunner().invoke(main, ["-c", instance.etc, "status"])
    assert result.exit_code == 1
    assert result.stderr == "pyfix: the pyfix mail system is not running\n"


def test_missing_main_cf_is_one_line(tmp_path: Path) -> None:
    """The message names the file."""
    result = CliRunner().invoke(main, ["-c", str(tmp_path / "none"), "start"])
    assert result.exit_code == 1
    assert result.stderr.startswith("pyfix: fatal: ") and f"{tmp_path}/none/main.cf" in result.stderr
    assert result.stderr.count("\n") == 1

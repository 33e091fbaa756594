"""pyfix check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyfix.commands.check import refuse_losses
from pyfix.commands.check.instance import check_instance
from pyfix.commands.findings import Severity
from pyfix.commands.init import Instance, init
from pyfix.commands.pyfix import main
from pyfix.mail.config import Config


@pytest.fixture
def instance(reachable: Path) -> Instance:
    return init(str(reachable / "mail"), "example.test", "alice")


def add(instance: Instance, text: str) -> str:
    """Append to main.cf; return where that is."""
    with open(f"{instance.etc}/main.cf", "a+") as file:
        file.seek(0)
        line = len(file.readlines()) + 1
        file.write(text)
    return f"{instance.etc}/main.cf, line {line}"


def warnings(instance: Instance) -> list[str]:
    return lines(instance, Severity.WARNING)


def lines(instance: Instance, *severities: Severity) -> list[str]:
    """Return what is found, without the severity."""
    return [item.line for item in check_instance(Config.load(instance.etc)) if item.severity in severities]


def test_fresh_instance_gives_no_complaint_and_gets_its_directories(instance: Instance) -> None:
    """Missing directories are made, as Postfix does."""
    assert lines(instance, Severity.WARNING, Severity.ERROR, Severity.FATAL) == []
    for name in ("incoming", "active", "deferred", "maildrop", "public", "private", "pid", "spare"):
        assert Path(instance.directory, "spool", name).is_dir()


def test_domain_in_two_address_classes_is_named(instance: Instance) -> None:
    """In the words of trivial-rewrite's warning."""
    add(instance, "mydestination = example.test, localhost\n")
    text = "do not list domain example.test in BOTH mydestination and virtual_mailbox_domains"
    assert any(text in warning for warning in warnings(instance))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("virtual_alias_maps = hash:/nowhere/virtual\n", "/nowhere/virtual"),
        ("mynetworks = 127.0.0.0/8, cidr:/nowhere/net\n", "/nowhere/net"),
        ("smtpd_client_restrictions = check_client_access hash:/nowhere/access\n", "/nowhere/access"),
        ("smtpd_helo_restrctions = permit\n", "smtpd_helo_restrctions"),
        ("notify_classes = bounce, polcy\n", 'unknown notify_classes value "polcy" in "bounce, polcy"'),
        ("transport_maps = foo:/etc/x\n", "unsupported dictionary type: foo"),
    ],
)
def test_table_that_cannot_be_used_and_unknown_parameter_are_named(instance: Instance, text: str, part: str) -> None:
    """Also a table inside a restriction or a network list."""
    add(instance, text)
    assert any(part in warning for warning in warnings(instance))


def test_table_of_a_line_that_is_not_honoured_is_left_alone(instance: Instance) -> None:
    """Nothing opens it, and some only Postfix's own processes make."""
    add(instance, "smtp_tls_session_cache_database = btree:/nowhere/smtp_scache\n")
    assert not any("postmap" in line for line in lines(instance, *Severity))


def test_world_writable_table_and_configuration_are_named(instance: Instance) -> None:
    """Whoever writes there decides where mail goes."""
    add(instance, "virtual_alias_maps = texthash:$config_directory/virtual\n")
    Path(instance.etc, "virtual").touch()
    Path(instance.etc, "virtual").chmod(0o666)
    Path(instance.etc, "main.cf").chmod(0o666)
    found = warnings(instance)
    assert any(f": virtual_alias_maps: world-writable: {instance.etc}/virtual: " in warning for warning in found)
    assert f"group or other writable: {instance.etc}/main.cf; chmod go-w {instance.etc}/main.cf" in found


def test_damaged_message_and_loose_rights_deep_inside_are_named(instance: Instance) -> None:
    """Configuration, data and queue are looked through."""
    check_instance(Config.load(instance.etc))
    Path(instance.directory, "spool/corrupt/ABC").touch()
    for name in ("etc/tables", "data/cache"):
        path = Path(instance.directory, name)
        path.mkdir()
        path.chmod(0o707)
    assert {
        f"group or other writable: {instance.etc}/tables",
        f"group or other writable: {instance.directory}/data/cache",
        f"damaged message: {instance.directory}/spool/corrupt/ABC",
    } <= {warning.partition("; ")[0] for warning in warnings(instance)}


def test_missing_master_cf_is_one_error_line(instance: Instance) -> None:
    """Not a traceback."""
    Path(instance.etc, "master.cf").unlink()
    result = CliRunner().invoke(main, ["-c", instance.etc, "check"])
    assert result.exit_code == 1
    assert f"{instance.etc}/master.cf" in result.stderr and "Traceback" not in result.stderr


def test_file_in_the_place_of_a_directory_is_an_error(instance: Instance) -> None:
    """With the remedy."""
    Path(instance.directory, "spool", "incoming").write_text("")
    assert lines(instance, Severity.FATAL) == [f"{instance.directory}/spool/incoming: not a directory; move it away"]


def test_guard_that_is_lacking_keeps_the_mail_system_from_starting(instance: Instance) -> None:
    """Without a word it would be an open door; run_without in main.cf is the word."""
    place = add(instance, "smtpd_milters = inet:localhost:8891\n")
    result = CliRunner().invoke(main, ["-c", instance.etc, "start"])
    expected = (
        f"pyfix: fatal: {place}: smtpd_milters=inet:localhost:8891: milters are not in this"
        " release: mail is neither checked nor signed; take it out, or list it in run_without\n"
    )
    assert (result.exit_code, result.stderr) == (1, expected)
    assert expected.removeprefix("pyfix: fatal: ").strip() in lines(instance, Severity.ERROR)
    add(instance, "run_without = smtpd_milters\n")
    assert refuse_losses(Config.load(instance.etc)) == []
    assert lines(instance, Severity.ERROR, Severity.WARNING) == []


def test_restriction_that_is_lacking_starts_since_smtpd_refuses(instance: Instance) -> None:
    """With 451 4.3.5: mail waits; an error all the same, and start tells."""
    place = add(instance, "smtpd_client_restrictions = reject_rbl_client bl.example\n")
    (finding,) = refuse_losses(Config.load(instance.etc))
    assert str(finding) == (
        f"error: {place}: reject_rbl_client: DNS blocklists are not in this release:"
        " smtpd_client_restrictions is answered with 451 4.3.5 from there on; take it out of the list"
    )
    assert CliRunner().invoke(main, ["-c", instance.etc, "check"]).exit_code == 1


def test_findings_as_json(instance: Instance) -> None:
    """With severity, place, text and remedy."""
    place = add(instance, "smtpd_milters = inet:localhost:8891\n")
    result = CliRunner().invoke(main, ["-c", instance.etc, "check", "--json"])
    (error,) = [item for item in json.loads(result.stdout) if item["severity"] == "error"]
    assert (error["place"], error["remedy"]) == (
        place,
        "take it out, or list it in run_without",
    )

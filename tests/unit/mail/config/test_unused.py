"""What is used, what is not, and which names mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pyfix.mail.config import Config, ConfigError, dbms, mastercf
from pyfix.mail.config.unused import (
    names_in_use,
    names_mentioned,
    refuse_broken_values,
    undefined_in_services,
    undefined_references,
    unused_in_tables,
    unused_overrides,
    unused_settings,
)

SMTPD = "smtp inet n - n - - smtpd"


def unused(main_cf: str, *services: str) -> list[str]:
    """Return the names of main.cf and master.cf that nothing uses, in the eyes of postconf."""
    config, entries = Config.from_text(main_cf), mastercf.parse(services, "master.cf")
    told = [*unused_settings(config, names_mentioned(config, entries)), *unused_overrides(config, entries)]
    return [text.partition("unused parameter: ")[2].partition("=")[0] for text in told]


@pytest.mark.parametrize(
    ("main_cf", "services", "names"),
    [
        ("foo = $bar\nbar = 1\n", [], ["foo"]),
        ("relay_domains = ${foo?{$bar}:{$zap}}\nfoo = 1\nbar = 2\nzap = 3\n", [], []),
        ("relay_domains = mysql:acct\nacct_user = 1\nacct_bogus = 2\n", [], ["acct_bogus"]),
        ("relay_domains = proxy:mysql:acct, {{ pgsql:pg }}\nacct_user = 1\npg_hosts = 2\n", [], []),
        ("relay_domains = $foo\nfoo = unionmap:{mysql:acct, sqlite:lite}\nacct_user = 1\nlite_dbpath = 2\n", [], []),
        ("relay_domains = $foo\n", [f"{SMTPD} -o foo=1"], []),
        ("", [f"{SMTPD} -o foo=1 -o relay_domains=$foo"], []),
        ("", [f"{SMTPD} -o foo=1", "relay unix - - n - - smtp -o relay_domains=$foo"], ["foo"]),
        ("foo = 1\n", [f"{SMTPD} -o relay_domains=$foo"], []),
        ("foo = 1\n", [f"{SMTPD} -o foo=2 -o relay_domains=$foo"], ["foo"]),
        ("acct_user = 1\n", [f"{SMTPD} -o relay_domains=mysql:acct"], []),
        ("smtpd_restriction_classes = own\nown = permit\n", [], []),
        ("virtual_maps = hash:/x\nfallback_relay = y\n", [f"{SMTPD} -o virtual_maps=hash:/y"], []),
        ("maildrop_time_limit = 1\n", ["maildrop unix - n n - - pipe"], []),
        ("relay_time_limit = 1\n", ["relay unix - n n - - smtp"], ["relay_time_limit"]),
        ("relay_destination_rate_delay = 1\n", ["relay unix - n n - - smtp"], []),
        ("forward_path = $home $foo\nfoo = 1\n", [], ["foo"]),
    ],
)
def test_what_nothing_uses(main_cf: str, services: Sequence[str], names: Sequence[str]) -> None:
    """References, tables, services, names of old, and values that know other names than parameters."""
    assert unused(main_cf, *services) == list(names)


def test_name_that_only_an_unused_one_refers_to_is_in_no_use() -> None:
    """postconf, as Postfix's, takes it for used; nothing reads it."""
    config = Config.from_text("foo = $bar\nbar = 1\n")
    assert "bar" not in names_in_use(config, [])
    assert "bar" in names_mentioned(config, [])


@pytest.mark.parametrize(
    ("main_cf", "services", "names"),
    [
        ("foo = $bar\n", [], ["bar"]),
        ("relay_domains = ${{$a} == {$b} ? {$c} : {$max_use}}\n", [], ["a", "b", "c"]),
        ("relay_domains = $foo\n", [f"{SMTPD} -o foo=1"], []),
        ("", [f"{SMTPD} -o relay_domains=$foo"], ["foo"]),
        ("foo = 1\n", [f"{SMTPD} -o relay_domains=$foo"], []),
        ("mailbox_command = $whatever\nvirtual_alias_maps = $virtual_maps\n", [], []),
    ],
)
def test_names_without_a_value_are_found(main_cf: str, services: Sequence[str], names: Sequence[str]) -> None:
    """In main.cf and in master.cf, in whatever branch."""
    config, entries = Config.from_text(main_cf), mastercf.parse(services, "master.cf")
    told = [text for _, text in undefined_references(config, entries)] + [*undefined_in_services(config, entries)]
    assert [text.partition("undefined parameter: ")[2] for text in told] == list(names)


def test_file_of_a_table_is_looked_into(tmp_path: Path) -> None:
    """A setting that its type does not have, and a file that is not there; a secret is not shown."""
    (tmp_path / "q.cf").write_text("user = x\nbogus = 3\nold_password = secret\n")
    config = Config.from_text(f"relay_domains = mysql:{tmp_path}/q.cf, proxy:pgsql:/nonexistent\n")
    assert list(unused_in_tables(config, [])) == [
        f"mysql:{tmp_path}/q.cf: unused parameter: bogus=3",
        f"mysql:{tmp_path}/q.cf: unused parameter: old_password=...",
        'open "pgsql" configuration "/nonexistent": No such file or directory',
    ]


def test_broken_value_matters_where_it_is_used() -> None:
    """A name of one's own that nothing uses may be anything."""
    refuse_broken_values(Config.from_text("foo = ${a\n"), [])
    for main_cf in ("relay_domains = ${a\n", "relay_domains = $foo\nfoo = $foo\n", "compatibility_level = x\n"):
        with pytest.raises(ConfigError):
            refuse_broken_values(Config.from_text(main_cf), [])


def test_values_without_tables_have_no_settings() -> None:
    """Also when their braces do not match, and when a colon means something else."""
    for text in ("", "a", "{mysql:acct", "inet:127.0.0.1:25", "mysql:", "check_policy_service unix:mysql"):
        assert dbms.setting_names(text) == set()

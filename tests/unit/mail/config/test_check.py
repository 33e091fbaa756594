"""The check of a whole configuration."""

from __future__ import annotations

import os
from pathlib import Path

from pyfix.mail.config import Config
from pyfix.mail.config.check import check_master_cf, check_parameters
from pyfix.mail.config.host import fixed_host
from pyfix.mail.config.maincf import parse
from pyfix.mail.config.unused import references

ROOT = Path(__file__).parents[4]


def config(text: str, directory: str = "/nonexistent") -> Config:
    """Return a configuration whose master.cf is in a directory."""
    return Config(parse(text, f"{directory}/main.cf"), directory, fixed_host())


def test_defaults_are_in_order() -> None:
    """Every default of every declared parameter passes its own checks."""
    assert check_parameters(config("")) == []


def test_shipped_files_are_in_order() -> None:
    """Nobody begins with warnings."""
    main = Config(parse((ROOT / "main.cf").read_text(), "main.cf"), str(ROOT), fixed_host())
    assert main.warnings == []
    assert check_parameters(main) == []
    assert check_master_cf(main) == []


def test_name_used_by_a_value_in_use_is_no_mistake() -> None:
    """Names of one's own may refer to others."""
    assert check_parameters(config("first = $second\nsecond = x\nmydestination = ${first?{$first}}\n")) == []


def test_name_used_by_an_override_is_no_mistake(tmp_path: Path) -> None:
    """The usual way to give a service a long value."""
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd -o mynetworks=$our_networks\n")
    assert check_parameters(config("our_networks = 10.0.0.0/8\n", str(tmp_path))) == []
    other = config("other_networks = 10.0.0.0/8\n", str(tmp_path))
    assert check_parameters(other) == [f"{tmp_path}/main.cf: unused parameter: other_networks=10.0.0.0/8"]
    assert check_master_cf(other) == [f"{tmp_path}/master.cf: undefined parameter: our_networks"]


def test_family_is_known_for_the_services_of_master_cf(tmp_path: Path) -> None:
    """smtp-slow_destination_concurrency_limit makes sense when there is a service smtp-slow."""
    text = "smtp-slow_destination_concurrency_limit = 2\n"
    (warning,) = check_parameters(config(text))
    assert "unused parameter: smtp-slow_destination_concurrency_limit=2" in warning
    (tmp_path / "master.cf").write_text("smtp-slow unix - - n - - smtp\n")
    assert check_parameters(config(text, str(tmp_path))) == []


def test_wrong_value_of_a_family_is_found_for_a_service(tmp_path: Path) -> None:
    """Once, not for each service that takes its value from the same place."""
    (tmp_path / "master.cf").write_text("a unix - - n - - smtp\nb unix - - n - - smtp\n")
    text = "default_destination_concurrency_limit = x\na_destination_recipient_limit = y\n"
    assert sorted(check_parameters(config(text, str(tmp_path)))) == [
        f"{tmp_path}/main.cf, line 1: bad numerical configuration: default_destination_concurrency_limit = x;"
        " specify a whole number",
        f"{tmp_path}/main.cf, line 2: bad numerical configuration: a_destination_recipient_limit = y;"
        " specify a whole number",
    ]


def test_missing_master_cf_is_reported(tmp_path: Path) -> None:
    """By the check of master.cf, not by that of main.cf."""
    path = os.path.join(tmp_path, "master.cf")
    assert check_parameters(config("", str(tmp_path))) == []
    assert check_master_cf(config("", str(tmp_path))) == [
        f"open {path}: No such file or directory; specify its directory with -c"
    ]


def test_references_are_found_in_every_form() -> None:
    """Also in branches, comparisons and names in names."""
    text = "$a $(b) ${c} ${ d ?{$e}:{${f:$g}}} ${{$h} == {1} ? {$i}} $$nothing $- ${} $1st"
    assert references(text) == {*"abcdefghi", "1st"}

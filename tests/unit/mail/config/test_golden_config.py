"""Every broken main.cf and master.cf in tests/golden/config says exactly what its `expected` says.

A case is a folder with main.cf or master.cf (or both) and the messages, one a line, without the path of the folder.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from pyfix.mail.config import Config, ConfigError, maincf, mastercf
from pyfix.mail.config.check import check_master_cf, check_parameters
from pyfix.mail.config.host import fixed_host
from pyfix.mail.config.maincf import MainCf
from pyfix.master.services import plan_services

GOLDEN = Path(__file__).parents[3] / "golden" / "config"
CASES = sorted(path for path in GOLDEN.iterdir() if path.is_dir())


def messages(case: Path) -> list[str]:
    """Return what is said about the configuration in a folder."""
    try:
        main = maincf.read(str(case / "main.cf")) if os.path.lexists(case / "main.cf") else MainCf()
        config = Config(main, str(case), fixed_host())
        found = [*config.warnings, *check_parameters(config)]
    except ConfigError as error:
        found = [str(error)]
        config = Config(MainCf(), str(case), fixed_host())
    if os.path.lexists(case / "master.cf"):
        found += check_master_cf(config)
        with suppress(ConfigError):
            found += plan_services(mastercf.read(str(case / "master.cf")), 100).warnings
    return [text.replace(f"{case}/", "") for text in found]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_broken_configuration_has_its_exact_message(case: Path) -> None:
    """The messages are those of `expected`, in order, each a single line."""
    found = messages(case)
    assert found == (case / "expected").read_text(encoding="utf-8").splitlines()
    assert all("\n" not in text for text in found)


def test_there_are_many_cases() -> None:
    """The folder was found."""
    assert len(CASES) >= 150

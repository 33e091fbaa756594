"""Programs by the names that master.cf uses."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyfix
from pyfix.service.catalog import find_service, services


@pytest.mark.parametrize("program", ["smtpd", "cleanup", "qmgr", "trivial-rewrite", "lmtp", "smtp", "postlogd"])
def test_program_is_found_under_its_own_name(program: str) -> None:
    """lmtp is not smtp: it greets with LHLO and has parameters of its own."""
    service = find_service(program)
    assert service is not None and service.program == program


def test_old_names_lead_to_todays_programs() -> None:
    """As in Postfix's own master.cf through the years."""
    assert find_service("oqmgr") is find_service("qmgr")


@pytest.mark.parametrize("program", ["tlsmgr", "../smtpd", "", "Smtpd", "a" * 100, "__init__", "os"])
def test_what_is_no_program_is_none(program: str) -> None:
    """Nothing outside daemons/ can be imported through master.cf."""
    assert find_service(program) is None


def test_every_folder_is_listed_with_its_service() -> None:
    """By the package, whose name is not the program's where that has a dash."""
    found = services()
    directory = Path(pyfix.__path__[0], "daemons")
    assert found.keys() == {f"pyfix.daemons.{path.parent.name}" for path in directory.glob("*/daemon.py")}
    assert found["pyfix.daemons.trivial_rewrite"] is find_service("trivial-rewrite")

"""Lists of clients that smtpd asks when one connects."""

from __future__ import annotations

import pytest

from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.daemons.smtpd.tables import Standing, Tables
from pyfix.mail.config import Config
from pyfix.mail.restrictions.tables import Opened


def standing(rule: str, exclusions: str) -> Standing:
    """Return what is known of a client."""
    text = f"mynetworks = 10.0.0.0/8\nsmtpd_forbid_bare_newline = {rule}\n"
    config = Config.from_text(f"{text}smtpd_forbid_bare_newline_exclusions = {exclusions}\n")
    return Tables(config, config.read(SmtpdParameters), Opened()).standing("pc.test", "10.0.0.1")


@pytest.mark.parametrize(
    ("rule", "exclusions", "expected"),
    [("no", "", True), ("reject", "", False), ("reject", "$mynetworks", True), ("normalize", "192.0.2.0/24", False)],
)
def test_clients_that_are_excluded_end_lines_as_they_like(rule: str, exclusions: str, expected: bool) -> None:
    """All do where nothing is forbidden."""
    found = standing(rule, exclusions)
    assert found.may_send_bare_newline is expected
    assert found.warnings == []


@pytest.mark.parametrize(("rule", "expected", "warnings"), [("no", True, 0), ("normalize", False, 1)])
def test_a_list_that_can_not_be_asked_ends_no_session(rule: str, expected: bool, warnings: int) -> None:
    """Where something is forbidden the client counts as any other, and the log says why; else it is not asked."""
    found = standing(rule, "fail:down")
    assert found.may_send_bare_newline is expected
    assert len(found.warnings) == warnings
    assert all(line.startswith("smtpd_forbid_bare_newline_exclusions: ") for line in found.warnings)

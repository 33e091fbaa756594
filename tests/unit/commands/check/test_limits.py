"""What `pyfix check` tells of limits that nobody counts for."""

from __future__ import annotations

import pytest

from pyfix.commands.check.limits import check_limits
from pyfix.mail.config import Config, mastercf

SMTPD = "25 inet n - n - - smtpd\n"
SUBMISSION = "587 inet n - n - - smtpd -o smtpd_login_recipient_rate_limit=9\n"
ANVIL = "anvil unix - - n - 1 anvil\n"


@pytest.mark.parametrize(
    ("main_cf", "master_cf", "limits"),
    [
        ("", SMTPD, []),
        ("smtpd_client_connection_rate_limit = 10\n", SMTPD, ["smtpd_client_connection_rate_limit"]),
        ("smtpd_client_connection_rate_limit = 0\n", SMTPD, []),
        ("smtpd_client_connection_rate_limit = 10\n", SMTPD + ANVIL, []),
        ("smtpd_login_message_rate_limit = $n\nn = 5\n", SMTPD, ["smtpd_login_message_rate_limit"]),
        ("", SMTPD + SUBMISSION, ["smtpd_login_recipient_rate_limit"]),
        ("smtpd_login_rate_action = hold\n", SMTPD, []),
    ],
)
def test_limit_without_anvil_is_told_of(main_cf: str, master_cf: str, limits: list[str]) -> None:
    """Each that is set, with its service, and what to add."""
    found = list(check_limits(Config.from_text(main_cf), mastercf.parse(master_cf.splitlines(), "master.cf")))
    assert len(found) == len(limits)
    for finding, limit in zip(found, limits, strict=True):
        assert f"{limit}, but master.cf has no service anvil: nobody is limited" in str(finding)
        assert "add the line: anvil unix - - n - 1 anvil" in str(finding)

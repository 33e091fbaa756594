"""fail2ban reads what auth logs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pyfix.base.log import FileSink, Log
from pyfix.daemons.auth import log as lines
from pyfix.daemons.auth.log import Who
from pyfix.daemons.auth.verdict import MISMATCH, UNKNOWN_USER

FAILURES = [
    ("joe@x.test", MISMATCH, "accounts"), ("joe@x.test", UNKNOWN_USER, ""),
    ("a b)(,192.0.2.7): ", "expired", "dovecot-sql"),
    ("joe@x.test", "empty password", "pam"), ("süß@x.test", MISMATCH, "smtpd.conf"), ("", "invalid input", ""),
]  # fmt: skip


@pytest.mark.peer("fail2ban-regex")
@pytest.mark.parametrize(("service", "found"), [("sieve", len(FAILURES)), ("smtp", 0), ("pop3", 0)])
def test_fail2ban_finds_each_failure_once(tmp_path: Path, need: Callable[[str], str], service: str, found: int) -> None:
    """Those of services that log nothing themselves, here; of the others, where they are logged (smtpd, pop3-login)."""
    path = tmp_path / "log"
    log = Log(FileSink(str(path), "mail"), "dovecot", 0, "auth")
    for login, reason, backend in FAILURES:
        lines.failed(log, Who(login, "PLAIN", service, "192.0.2.1"), reason, backend)
    lines.banned(log, "192.0.2.1", 600.0)
    log.flush()
    log.close()
    report = subprocess.run(
        [need("fail2ban-regex"), "--print-all-matched", str(path), "dovecot"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    total = re.search(r"Failregex: (\d+) total", report)
    assert total and int(total[1]) == found, report

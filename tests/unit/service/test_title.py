"""What ps shows of a process."""

from __future__ import annotations

import subprocess
import sys

from pyfix.mail.config.mastercf import parse_entries
from pyfix.service.title import worker_title


def title(line: str, program: str, stress: bool | None = None) -> str:
    """Return the title for one line of master.cf."""
    return worker_title(next(iter(parse_entries([line], "master.cf"))), program, stress)


def test_a_port_shows_as_the_name_of_the_service() -> None:
    """As Postfix's smtpd shows itself."""
    assert title("2525 inet n - n - - smtpd", "smtpd") == "smtpd -n 2525 -t inet -u"


def test_a_single_process_in_a_chroot_that_has_its_own_name() -> None:
    """The name is left out where it says nothing; the limit of one shows as -l."""
    assert title("qmgr unix n - y 300 1 qmgr", "qmgr") == "qmgr -l -t unix -u -c"


def test_overrides_and_verbosity_show() -> None:
    """What a master.cf line changes can be told from ps."""
    line = "submission inet n n n - - smtpd -v -o { syslog_name = a b }"
    assert title(line, "smtpd") == "smtpd -n submission -t inet -v -o 'syslog_name=a b'"


def test_public_service_shows_whether_it_is_under_stress() -> None:
    """As Postfix's do; what master.cf says stands behind it and has the last word."""
    line = "smtp inet n - y - - smtpd -o stress="
    assert title(line, "smtpd", False) == "smtpd -n smtp -t inet -u -c -o stress= -o stress="
    assert title(line, "smtpd", True) == "smtpd -n smtp -t inet -u -c -o stress=yes -o stress="


def test_ps_shows_the_title() -> None:
    """What ps reads of a process is its title."""
    code = (
        "from pyfix.service.title import show_title; show_title('smtpd -n 2525 -t inet -u');"
        "print(open('/proc/self/cmdline').read().rstrip(chr(0)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "smtpd -n 2525 -t inet -u\n"
